"""CAPACITY_WARNING and CAPACITY_CRITICAL reach people, once for each resource and level (PRE-02, PRE-03).

What was told stands in the journal, so a restart tells nothing twice, and ``status`` knows whether anybody looks.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from selextract_infra.assess.service import app_services
from selextract_infra.errors import UsageError
from selextract_infra.flow.journal.journal import Journal, default_state_folder
from selextract_infra.flow.recorded_series import HostResource, Recorded, journal_series
from selextract_infra.model.assessment import IncidentSeverity, Level
from selextract_infra.model.finding import Finding, RuleClass, Severity
from selextract_infra.planning.exhaustion import Notification, notify
from selextract_infra.planning.forecast.alert import exhaustion_of
from selextract_infra.planning.forecast.forecast import forecast

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context
    from selextract_infra.flow.notify import Notifier
    from selextract_infra.model.forecast import Exhaustion
    from selextract_infra.model.observation import Observation
    from selextract_infra.policy import Policy

__all__ = ["last_look_ahead", "looked_ahead_by", "nobody_looks_ahead", "warn_in_time"]

_LOOKED, _ALERT = "looked ahead", "capacity alert"
_REMEMBERED = timedelta(days=400)
_SEVERITIES = {Level.CRITICAL: IncidentSeverity.P3, Level.WARNING: IncidentSeverity.P4, Level.OK: IncidentSeverity.P4}
_MISSED = 3  # looks in a row that did not come, before nobody counts as looking


def warn_in_time(context: Context, people: Notifier) -> tuple[Notification, ...]:
    """Look ahead, where the policy's time for it has come, and tell people what has reached another level.

    The hosts are looked at for it, which the journal keeps. Returns what was told. Raises as ``Context.observe`` does.
    """
    now, journal, every = context.clock(), context.journal, context.policy.prediction.watching.every
    last = last_look_ahead(journal, now)
    if last is not None and now - last < timedelta(seconds=every):
        return ()
    observation = context.observe()
    journal.record_event(now, _LOOKED, "Looked whether a resource will be used up.")
    found = tuple(_exhaustions(journal, observation, context.policy, now))
    notifications, _ = notify(_open_alerts(journal, now), found)
    for notification in notifications:
        title = notification.alert or f"{notification.resource} is no longer running out"
        people.tell(_SEVERITIES[notification.level], notification.resource, title, notification.sentence)
        sentence = f"{notification.level}: {notification.sentence}"
        journal.record_event(now, _ALERT, sentence, run=notification.resource)
    return notifications


def last_look_ahead(journal: Journal, now: datetime) -> datetime | None:
    """When ``watch`` or ``run-due`` of this machine last looked ahead; None for never."""
    looks = journal.events_of(_LOOKED, since=now - _REMEMBERED)
    return datetime.fromisoformat(looks[-1]["at"]) if looks else None


def looked_ahead_by(folder: Path | None, now: datetime) -> datetime | None:
    """The same of the journal in a folder, by default this user's; where there is none, none is made."""
    folder = folder or default_state_folder()
    if not (folder / "journal.sqlite").exists():
        return None
    with Journal(folder) as journal:
        return last_look_ahead(journal, now)


def nobody_looks_ahead(last: datetime | None, policy: Policy, now: datetime) -> Finding | None:
    """That nobody will be warned, where neither ``watch`` nor ``run-due`` of this machine looks ahead."""
    every = timedelta(seconds=policy.prediction.watching.every)
    if last is not None and now - last <= _MISSED * every:
        return None
    since = f"since {last:%Y-%m-%d %H:%M}Z" if last is not None else "ever"
    return Finding(
        rule="PRE-02",
        severity=Severity.MINOR,
        rule_class=RuleClass.WARN,
        subject="warnings",
        sentence=f"Nobody is warned before a resource is used up: neither watch nor run-due looked ahead here {since}.",
        resolution="selextract-infra schedule install, or selextract-infra watch",
    )


def _open_alerts(journal: Journal, now: datetime) -> dict[str, Level]:
    alerts: dict[str, Level] = {}
    for event in journal.events_of(_ALERT, since=now - _REMEMBERED):
        alerts[event["run"]] = Level(event["sentence"].partition(":")[0])
    return {resource: level for resource, level in alerts.items() if level is not Level.OK}


def _exhaustions(journal: Journal, observation: Observation, policy: Policy, now: datetime) -> Iterator[Exhaustion]:
    """Of each disk, and of each service's memory and CPU, when it is used up; what is not known says nothing."""
    for recorded in _recorded(journal, observation, policy, now):
        if recorded.limit is None:
            continue
        found = exhaustion_of(forecast(recorded.series, policy, limit=recorded.limit, today=now.date()))
        if found is not None:
            yield found


def _recorded(journal: Journal, observation: Observation, policy: Policy, now: datetime) -> Iterator[Recorded]:
    for host in observation.hosts:
        if host.problem is not None:
            continue
        wanted: list[tuple[str | None, HostResource]] = [(None, HostResource.DISK)]
        wanted += [
            (service.name, resource)
            for service in app_services(host, policy)
            for resource in (HostResource.MEMORY, HostResource.CPU)
        ]
        for name, resource in wanted:
            try:
                yield journal_series(journal, host.name, name, resource, policy, now=now)
            except UsageError:  # the journal knows nothing of it yet, so there is nothing to say
                continue
