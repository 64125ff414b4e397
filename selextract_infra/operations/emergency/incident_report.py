"""The report of an incident as Markdown: the four steps of the guide's playbook, the timeline, the evidence (EPB)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from selextract_infra.assess.severity import step_clock
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.model.decision import Decision
from selextract_infra.model.emergency import Incident, Validation
from selextract_infra.model.figures import amount, cores, duration, memory
from selextract_infra.model.text import displayable
from selextract_infra.policy import Policy

__all__ = ["incident_report", "value_text"]

_UNITS = {"memory": memory, "cpus": cores}


def incident_report(incident: Incident, policy: Policy) -> str:
    """The whole report; what only people know is left as questions to be answered."""
    parts = [
        [f"# Emergency {incident.id}", "", *_heading(incident)],
        ["## 1. Assessment", "", *_assessment(incident)],
        ["## 2. Actions", "", *_actions(incident)],
        ["## 3. Validation", "", *_validation(incident)],
        ["## 4. Analysis", "", *_analysis(incident, policy)],
        ["## Timeline", "", *_timeline(incident, policy)],
        ["## Evidence", "", *_evidence(incident)],
    ]
    return "\n\n".join("\n".join(part).rstrip() for part in parts) + "\n"


def value_text(resource: str, value: float | int | None) -> str:
    """A value of a Decision for people."""
    if value is None:
        return "none"
    if resource in ("caching", "throttling"):
        return "on" if value else "off"
    unit = _UNITS.get(resource)
    return unit(value) if unit else f"{value:g}"


def _heading(incident: Incident) -> Iterator[str]:
    severity = incident.decision.severity or "none, a person asked"
    yield f"- Severity: {severity}{' (a drill)' if incident.drill else ''}"
    yield f"- Began: {incident.opened_at:%Y-%m-%d %H:%M:%S %Z}, by {_text(incident.owner)}"
    yield f"- Reason: {_text(incident.reason)}"
    yield f"- Hosts: {', '.join(incident.hosts) or 'none'}"
    if incident.acknowledged_at:
        yield f"- Taken on: {incident.acknowledged_at:%H:%M:%S}, by {_text(incident.acknowledged_by)}"
    if incident.closed_at:
        yield f"- Ended: {incident.closed_at:%Y-%m-%d %H:%M:%S %Z}, {_text(incident.closed_by) or 'it did not begin'}"
    else:
        yield f"- Ends by itself: {incident.decision.expires_at:%Y-%m-%d %H:%M:%S %Z}"


def _assessment(incident: Incident) -> Iterator[str]:
    yield "What it was bound by:"
    yield ""
    for bound in incident.decision.bounds:
        where = "/".join(part for part in (bound.host, bound.service) if part) or "everywhere"
        yield f"- {bound.kind} ({_text(where)}): {_text(bound.why)}"
    yield ""
    yield from _table(
        ("subject", "metric", "reading"), [(one.subject, one.metric, one.sentence) for one in incident.before]
    )


def _actions(incident: Incident) -> Iterator[str]:
    yield from _table(
        ("what", "before", "requested", "granted", "why less"), [_action(one) for one in incident.decision.decisions]
    )
    yield ""
    yield f"Database connections: {_text(incident.decision.connections)}."
    if incident.decision.escalate:
        yield ""
        yield f"Escalated at once: {_text(incident.decision.escalate)}."


def _action(one: Decision) -> tuple[str, str, str, str, str]:
    place = "/".join(part for part in (one.host, one.service) if part)
    return (
        f"{place} {one.resource}".strip(),
        value_text(one.resource, one.current),
        value_text(one.resource, one.requested),
        value_text(one.resource, one.granted),
        one.why_less or "",
    )


def _validation(incident: Incident) -> Iterator[str]:
    if not incident.validations:
        yield "Not validated."
    for verdict in incident.validations:
        yield f"At {verdict.at:%H:%M:%S}: {_text(verdict.sentence)}."
    if incident.validations:
        yield ""
        yield from _effect(incident.validations[-1])


def _effect(verdict: Validation) -> Iterator[str]:
    rows = [
        (
            one.subject,
            one.metric,
            "not measured" if one.before is None else amount(one.before, one.unit),
            "not measured" if one.after is None else amount(one.after, one.unit),
            {True: "yes", False: "no", None: ""}[one.better],
        )
        for one in verdict.effect
    ]
    yield from _table(("subject", "metric", "before", "after", "better"), rows)
    for finding in verdict.cascades:
        yield f"- gives way: {_text(finding.sentence)}"


def _analysis(incident: Incident, policy: Policy) -> Iterator[str]:
    kinds = ", ".join(dict.fromkeys(str(bound.kind) for bound in incident.decision.bounds))
    refused = [one for one in incident.decision.decisions if one.why_less]
    yield f"- Cause: {kinds} by the readings. What led to it?"
    yield "- Lessons: what was seen late, what was done by hand?"
    clamped = "; ".join(dict.fromkeys(_text(one.why_less or "") for one in refused)) or "nothing was cut off"
    yield f"- Capacity plan: {clamped}. Does `selextract-infra forecast` still hold?"
    begins = duration(policy.emergency.playbook["analyse"].window.start)
    yield f"- Prevention ({begins} after the beginning and later): who does what by when?"


def _timeline(incident: Incident, policy: Policy) -> Iterator[str]:
    for moment in incident.timeline:
        yield f"- {moment.at:%Y-%m-%d %H:%M:%S %Z}: {_text(moment.what)}"
    if incident.decision.severity is IncidentSeverity.P1:
        yield ""
        yield "The guide's clock for P1:"
        yield ""
        for step in step_clock(incident.opened_at, policy):
            until = f" to {step.ends_at:%H:%M:%S}" if step.ends_at else " on"
            yield f"- {step.name}: from {step.starts_at:%H:%M:%S}{until}"


def _evidence(incident: Incident) -> Iterator[str]:
    rows = [
        (
            load.host,
            f"{cores(load.requested_cores)}, {memory(load.requested_memory)}",
            f"{cores(load.cores)}, {memory(load.memory)}",
            f"{load.memory_ratio:.0%}",
        )
        for load in incident.decision.loads
    ]
    yield from _table(("host", "limits requested", "limits granted", "of its memory"), rows)
    yield ""
    yield f"Everything else is in the journal: `selextract-infra history {incident.id}`."


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    if not rows:
        yield "Nothing was measured."
        return
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(_text(cell).replace('|', chr(92) + '|') for cell in row)} |"


def _text(text: str) -> str:
    """What came from hosts or people, on one line and without markup of its own."""
    plain = " ".join(displayable(text).split())
    for mark in "\\`*_<>[]":
        plain = plain.replace(mark, "\\" + mark)
    return plain
