"""The dated events of the policy, as a forecast takes them: whole days, with what is expected on them."""

from __future__ import annotations

from datetime import timedelta

from selextract_infra.assess.calendar import dated_events
from selextract_infra.planning.forecast.days import ForecastEvent
from selextract_infra.policy import Policy

__all__ = ["events_of"]

_INSTANT = timedelta(microseconds=1)


def events_of(policy: Policy) -> tuple[ForecastEvent, ...]:
    """Each day of an event that any of it is on, by its own time zone; its lead is preparation and no use."""
    return tuple(
        ForecastEvent(event.starts_at.date(), (event.ends_at - _INSTANT).date(), 1 + event.increase, event.name)
        for event in dated_events(policy)
    )
