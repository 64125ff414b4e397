"""People hear how unattended runs end, and others hear of it when nobody answers in time."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta

from selextract_infra.errors import RollbackFailedError, UsageError
from selextract_infra.flow.journal.journal import Journal
from selextract_infra.flow.notify import Delivery, Notifier
from selextract_infra.flow.notify_routes import ACKNOWLEDGED, ESCALATED, NOTIFIED, unanswered
from selextract_infra.flow.queue import QueuedPlan, QueueStatus
from selextract_infra.hosts.credentials import with_credentials
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.model.figures import duration
from selextract_infra.policy import Policy

__all__ = ["acknowledge", "escalate", "notifier", "severity_of", "tell_begin", "tell_end"]

_LOOKED_BACK = timedelta(days=7)


def notifier(
    policy: Policy, journal: Journal, clock: Callable[[], datetime], *, dry_run: Callable[[str], None] | None = None
) -> Notifier:
    """What sends messages by the routes of a Policy, with the secrets of this process and of systemd."""
    environment = with_credentials(os.environ, policy.schedule.credentials)
    return Notifier(policy, environment, journal, clock, dry_run=dry_run)


def severity_of(entry: QueuedPlan) -> IncidentSeverity | None:
    """How urgent the end of a queued Plan is: what is left broken first; None where all went well."""
    if entry.status in (QueueStatus.DONE, QueueStatus.CANCELLED, QueueStatus.QUEUED):
        return None
    if entry.exit_code == RollbackFailedError.exit_code:
        return IncidentSeverity.P1
    if entry.status in (QueueStatus.FAILED, QueueStatus.INTERRUPTED):
        return IncidentSeverity.P2
    return IncidentSeverity.P3


def tell_begin(people: Notifier, entry: QueuedPlan) -> tuple[Delivery, ...]:
    """Tell that the window of a queued Plan has opened and it is carried out now, before anything is looked at."""
    title = f"{entry.operation} on {', '.join(entry.hosts)} begins"
    body = f"Window: {entry.opening}. With its way back it takes at most {duration(entry.needed_seconds)}."
    return people.tell(IncidentSeverity.P3, entry.id, title, body)


def tell_end(people: Notifier, entry: QueuedPlan) -> tuple[Delivery, ...]:
    """Tell how a queued Plan ended; one that was carried out as it should be as quietly as that it began."""
    severity = IncidentSeverity.P3 if entry.status is QueueStatus.DONE else severity_of(entry)
    if severity is None:
        return ()
    title = f"{entry.operation} on {', '.join(entry.hosts)}: {entry.status}"
    run = f"\nRun {entry.run}: selextract-infra history, resume, rollback" if entry.run else ""
    return people.tell(severity, entry.run or entry.id, title, f"{entry.message}\nWindow: {entry.opening}{run}")


def escalate(people: Notifier, policy: Policy, journal: Journal, now: datetime) -> tuple[Delivery, ...]:
    """Tell others what nobody acknowledged in time, once for each subject (EMN-02, EMN-03)."""
    events = journal.events_of(NOTIFIED, ACKNOWLEDGED, ESCALATED, since=now - _LOOKED_BACK)
    deliveries: tuple[Delivery, ...] = ()
    for event in unanswered(policy, events, now):
        severity, _, title = event["sentence"].partition(": ")
        body = f"Nobody has acknowledged this since {event['at']}: selextract-infra notify ack {event['run']}"
        deliveries += people.tell(IncidentSeverity(severity), event["run"], title, body, escalated=True)
    return deliveries


def acknowledge(journal: Journal, subject: str, by: str, now: datetime) -> None:
    """Record that somebody has taken a subject on, so that it is not escalated.

    Raises ``UsageError`` for one that nobody was told of.
    """
    known = {event["run"] for event in journal.events_of(NOTIFIED, since=now - _LOOKED_BACK)}
    if subject not in known:
        raise UsageError(f"Nobody was told of {subject}; known: {', '.join(sorted(known)) or 'nothing'}.")
    journal.record_event(now, ACKNOWLEDGED, f"{subject} was acknowledged by {by}.", run=subject)
