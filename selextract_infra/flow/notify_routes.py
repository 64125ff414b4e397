"""Who is told what: the channels of a severity, and what nobody has answered in time (SEV, EMN, X-70). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.policy import Policy

__all__ = ["ACKNOWLEDGED", "ESCALATED", "NOTIFIED", "Route", "routes", "unanswered"]

NOTIFIED, ACKNOWLEDGED, ESCALATED = "notified", "acknowledged", "escalated"
"""Kinds of events in the journal; each names its subject, such as a Run, and the first begins with the severity."""


@dataclass(frozen=True)
class Route:
    """One place to tell: the channel, its target as the policy writes it, and e-mail addresses where it is e-mail.

    ``complaint`` says what is wrong with the policy where this is not the place it should be; without a ``target``
    nobody can be told at all.
    """

    channel: str
    target: str | None
    addresses: tuple[str, ...] = ()
    complaint: str = ""


def routes(policy: Policy, severity: IncidentSeverity, *, escalated: bool = False) -> tuple[Route, ...]:
    """Where a message of that severity goes; escalated, to those who hear of it then, and to who is paged.

    A channel without a target falls back to e-mail, once, and says so. A page goes by e-mail as well (EMN-01).
    """
    channels, rules = policy.emergency.notifications.channels, policy.emergency.notifications
    wanted: tuple[str, ...] = ("page", "email") if escalated else policy.emergency.severities[severity].notify
    to = rules.escalate_to if escalated else channels.email
    routes_by_name: dict[str, Route] = {}
    beside = (("email",) if "page" in wanted else ()) + (("webhook",) if channels.webhook else ())
    for name in (*wanted, *beside):
        target = None if name == "email" else getattr(channels, name)
        if name == "email":
            routes_by_name.setdefault("email", _mail(policy, "email", to))
        elif target is None:
            missing = f"The channel {name} of {severity} has no target, so it goes by e-mail."
            routes_by_name["email"] = _mail(policy, "email", to, missing)
        elif name == "ticket" and "://" not in target and "$" not in target:
            routes_by_name[name] = _mail(policy, name, (target,))
        else:
            routes_by_name[name] = Route(name, target)
    return tuple(routes_by_name.values())


def unanswered(policy: Policy, events: Iterable[Mapping[str, str]], now: datetime) -> tuple[Mapping[str, str], ...]:
    """The first message about each subject that nobody acknowledged in time, where that was not escalated yet (EMN-02).

    It is about severities that have to be answered within that time; the others are not escalated.
    """
    rules = policy.emergency.notifications
    urgent = [
        name for name, severity in policy.emergency.severities.items() if severity.respond <= rules.escalate_after
    ]
    unanswered: dict[str, Mapping[str, str]] = {}
    for event in events:
        if event["kind"] == NOTIFIED and event["sentence"].split(":")[0] in urgent:
            unanswered.setdefault(event["run"], event)
        elif event["kind"] in (ACKNOWLEDGED, ESCALATED):
            unanswered.pop(event["run"], None)
    late = timedelta(seconds=rules.escalate_after)
    return tuple(event for event in unanswered.values() if now - datetime.fromisoformat(event["at"]) >= late)


def _mail(policy: Policy, channel: str, addresses: tuple[str, ...], complaint: str = "") -> Route:
    server = policy.emergency.notifications.channels.mail_server
    if server is None or not addresses:
        lacks = "mail_server" if server is None else "e-mail address"
        return Route(channel, None, addresses, f"{complaint} The policy names no {lacks}.".strip())
    return Route(channel, server, addresses, complaint)
