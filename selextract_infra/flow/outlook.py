"""Outlook: what the journal's own history says about the days to come, for each host and each of its services."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from selextract_infra.errors import UsageError
from selextract_infra.flow.journal.journal import Journal
from selextract_infra.flow.recorded_series import HostResource, journal_series
from selextract_infra.model.forecast import Forecast
from selextract_infra.model.observation import Observation
from selextract_infra.planning.forecast.forecast import forecast
from selextract_infra.policy import Policy

__all__ = ["Outlook", "outlook"]


@dataclass(frozen=True)
class Outlook:
    """Forecasts, and for each resource that has none the reason in one sentence."""

    forecasts: tuple[Forecast, ...]
    without: tuple[str, ...] = ()

    def besides(self, more: Iterable[Forecast]) -> Outlook:
        """This with more forecasts."""
        return Outlook((*self.forecasts, *more), self.without)

    @property
    def days_left(self) -> dict[str, float]:
        """Days until each resource reaches its capacity at the P50, where that is in sight."""
        return {
            forecast.resource: float(forecast.exhaustion.p50_days)
            for forecast in self.forecasts
            if forecast.exhaustion is not None and forecast.exhaustion.p50_days is not None
        }


def outlook(journal: Journal, observation: Observation, policy: Policy, *, now: datetime) -> Outlook:
    """A forecast of every host's disk and of the memory of every mapped service, from what the journal recorded."""
    forecasts: list[Forecast] = []
    without: list[str] = []
    for host, service in _resources(observation, policy):
        resource = HostResource.DISK if service is None else HostResource.MEMORY
        try:
            recorded = journal_series(journal, host, service, resource, policy, now=now)
        except UsageError as nothing:
            without.append(str(nothing))
            continue
        forecasts.append(forecast(recorded.series, policy, limit=recorded.limit, today=now.date()))
    return Outlook(tuple(forecasts), tuple(without))


def _resources(observation: Observation, policy: Policy) -> Iterator[tuple[str, str | None]]:
    mapped, project = policy.application.services, policy.application.project
    for host in observation.hosts:
        yield host.name, None
        here = {
            container.service
            for container in host.containers
            if project in (None, container.project) and container.service in mapped
        }
        for service in sorted(name for name in here if name):
            yield host.name, service
