"""The report of an incident as Markdown: the four steps of the guide's playbook, the timeline, the evidence (EPB)."""

from __future__ import annotations

from collections.abc import Iterator

from selextract_infra.assess.severity import step_clock
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.model.emergency import Incident, Validation
from selextract_infra.model.figures import cores, duration, memory, percent
from selextract_infra.operations.emergency.show import effect_table, grant_table
from selextract_infra.policy import Policy
from selextract_infra.report.markdown import markdown_table, markdown_text
from selextract_infra.report.table import table

__all__ = ["incident_report"]


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


def _heading(incident: Incident) -> Iterator[str]:
    severity = incident.decision.severity or "none, a person asked"
    yield f"- Severity: {severity}{' (a drill)' if incident.drill else ''}"
    yield f"- Began: {incident.opened_at:%Y-%m-%d %H:%M:%S %Z}, by {markdown_text(incident.owner)}"
    yield f"- Reason: {markdown_text(incident.reason)}"
    yield f"- Hosts: {', '.join(incident.hosts) or 'none'}"
    if incident.acknowledged_at:
        yield f"- Taken on: {incident.acknowledged_at:%H:%M:%S}, by {markdown_text(incident.acknowledged_by)}"
    if incident.closed_at:
        by = markdown_text(incident.closed_by) or "it did not begin"
        yield f"- Ended: {incident.closed_at:%Y-%m-%d %H:%M:%S %Z}, {by}"
    else:
        yield f"- Ends by itself: {incident.decision.expires_at:%Y-%m-%d %H:%M:%S %Z}"


def _assessment(incident: Incident) -> Iterator[str]:
    yield "What it was bound by:"
    yield ""
    for bottleneck in incident.decision.bounds:
        where = "/".join(part for part in (bottleneck.host, bottleneck.service) if part) or "everywhere"
        yield f"- {bottleneck.kind} ({markdown_text(where)}): {markdown_text(bottleneck.why)}"
    yield ""
    rows = ((reading.subject, reading.metric, reading.sentence) for reading in incident.before)
    yield from markdown_table(table(("subject", "metric", "reading"), rows))


def _actions(incident: Incident) -> Iterator[str]:
    yield from markdown_table(grant_table(incident.decision))
    yield ""
    yield f"Database connections: {markdown_text(incident.decision.connections)}."
    if incident.decision.escalate:
        yield ""
        yield f"Escalated at once: {markdown_text(incident.decision.escalate)}."


def _validation(incident: Incident) -> Iterator[str]:
    if not incident.validations:
        yield "Not validated."
    for verdict in incident.validations:
        yield f"At {verdict.at:%H:%M:%S}: {markdown_text(verdict.sentence)}."
    if incident.validations:
        yield ""
        yield from _effect(incident.validations[-1])


def _effect(verdict: Validation) -> Iterator[str]:
    yield from markdown_table(effect_table(verdict))
    for finding in verdict.cascades:
        yield f"- gives way: {markdown_text(finding.sentence)}"


def _analysis(incident: Incident, policy: Policy) -> Iterator[str]:
    kinds = ", ".join(dict.fromkeys(str(bottleneck.kind) for bottleneck in incident.decision.bounds))
    less = [decision.why_less for decision in incident.decision.decisions if decision.why_less]
    yield f"- Cause: {kinds} by the readings. What led to it?"
    yield "- Lessons: what was seen late, what was done by hand?"
    clamped = "; ".join(dict.fromkeys(markdown_text(reason) for reason in less)) or "nothing was cut off"
    yield f"- Capacity plan: {clamped}. Does `selextract-infra forecast` still hold?"
    begins = duration(policy.emergency.playbook["analyse"].window.start)
    yield f"- Prevention ({begins} after the beginning and later): who does what by when?"


def _timeline(incident: Incident, policy: Policy) -> Iterator[str]:
    for moment in incident.timeline:
        yield f"- {moment.at:%Y-%m-%d %H:%M:%S %Z}: {markdown_text(moment.what)}"
    if incident.decision.severity is IncidentSeverity.P1:
        yield ""
        yield "The guide's clock for P1:"
        yield ""
        for step in step_clock(incident.opened_at, policy):
            until = f" to {step.ends_at:%H:%M:%S}" if step.ends_at else " on"
            yield f"- {step.name}: from {step.starts_at:%H:%M:%S}{until}"


def _evidence(incident: Incident) -> Iterator[str]:
    rows = (
        (
            load.host,
            f"{cores(load.requested_cores)}, {memory(load.requested_memory)}",
            f"{cores(load.cores)}, {memory(load.memory)}",
            percent(load.memory_ratio),
        )
        for load in incident.decision.loads
    )
    yield from markdown_table(table(("host", "limits requested", "limits granted", "of its memory"), rows))
    yield ""
    yield f"Everything else is in the journal: `selextract-infra history {incident.id}`."
