"""What there is to say of a team's dated events: which is on or comes next, which are over, which overlap."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import combinations

from selextract_infra.assess.calendar import PlannedEvent, dated_events
from selextract_infra.assess.room import Room
from selextract_infra.assess.scaling_inputs import database_side, host_size, scaled_services
from selextract_infra.model.figures import percent
from selextract_infra.model.finding import Finding, RuleClass, Severity
from selextract_infra.model.observation import HostObservation, Observation
from selextract_infra.policy import Policy

__all__ = ["event_findings", "event_lines", "events_beyond_room"]

_SOON = timedelta(days=30)


def event_lines(policy: Policy, at: datetime) -> tuple[str, ...]:
    """Each event that is on, is being prepared, or begins within a month, the nearest first; with its capacity."""
    near = [event for event in dated_events(policy) if event.prepares_at - at <= _SOON and event.ends_at > at]
    return tuple(_line(event, at) for event in sorted(near, key=lambda event: event.prepares_at))


def _line(event: PlannedEvent, at: datetime) -> str:
    span = f"{event.starts_at:%Y-%m-%d %H:%M} to {event.ends_at:%Y-%m-%d %H:%M %Z}"
    more = f"{percent(event.increase)} more capacity"
    if event.covers(at):
        return f"{event.name} is on, {more} until {event.ends_at:%Y-%m-%d %H:%M %Z}"
    return f"{event.name}, {span}: {more} from {event.prepares_at:%Y-%m-%d %H:%M %Z} on"


def event_findings(policy: Policy, at: datetime) -> Iterator[Finding]:
    """Events that are over, and those that overlap, of which the larger counts (X-36)."""
    events = dated_events(policy)
    for event in events:
        if event.ends_at <= at:
            yield _finding(
                event.name,
                f"The event {event.name} is over since {event.ends_at:%Y-%m-%d %H:%M %Z}, so it changes nothing.",
                "take it out of the policy, or give it its next date",
            )
    for one, other in combinations(sorted(events, key=lambda event: event.prepares_at), 2):
        if other.prepares_at < one.ends_at and min(one.ends_at, other.ends_at) > at:
            larger = max(one, other, key=lambda event: event.increase).name
            until = min(one.ends_at, other.ends_at)
            yield _finding(
                f"{one.name}, {other.name}",
                f"The events {one.name} and {other.name} overlap until {until:%Y-%m-%d %H:%M %Z}; {larger} counts.",
                "change a date where both are meant together",
            )


def events_beyond_room(policy: Policy, seen: Observation) -> Iterator[Finding]:
    """Events that are on or near and ask for more instances than their bounds or the host have room for."""
    near = [event for event in dated_events(policy) if event.prepares_at - seen.at <= _SOON and event.ends_at > seen.at]
    for host in seen.hosts if near else ():
        if host.problem is None:
            yield from _beyond_room(host, max(near, key=lambda event: event.increase), policy)


def _beyond_room(host: HostObservation, event: PlannedEvent, policy: Policy) -> Iterator[Finding]:
    services = scaled_services(host, policy)
    room = Room(services, [host_size(host, policy)], policy, database=database_side(host, policy))
    bounds = {"api": policy.scaling.api.instances.maximum, "worker": policy.scaling.worker.instances.maximum}
    for service in services:
        usual = policy.application.services[service.name].count or service.count
        wanted = math.ceil(usual * (1 + Fraction(str(event.increase))))
        most = bounds.get(service.role, wanted)
        granted, reasons = room.take(service, max(service.count, min(wanted, most)))
        if granted < wanted:
            why = "; ".join(reasons) or f"the maximum is {most}"
            yield _finding(
                f"{host.name}/{service.name}",
                f"The event {event.name} asks for {wanted} instances of {host.name}/{service.name}, and {granted} fit:"
                f" {why}.",
                "make room before it begins, or expect to be told when it does",
            )


def _finding(subject: str, sentence: str, resolution: str) -> Finding:
    return Finding(
        rule="X-36",
        severity=Severity.INFO,
        rule_class=RuleClass.REPORT,
        subject=subject,
        sentence=sentence,
        resolution=resolution,
    )
