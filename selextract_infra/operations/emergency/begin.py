"""The emergency: assess, then grant what helps and fits, everywhere at once, with an end of its own (EPB-1, EPB-2)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from selextract_infra.assess.emergency_effect import kept_readings
from selextract_infra.assess.incident import affected_by, bottlenecks_seen, impact_of, situation_of
from selextract_infra.flow.apply import begin, carry_out
from selextract_infra.flow.assess import assess_seen
from selextract_infra.flow.context import Context
from selextract_infra.flow.notify import Delivery, Notifier
from selextract_infra.flow.operation import Acts
from selextract_infra.flow.planning import look_for_plan, plan_from, record_plan
from selextract_infra.flow.reachability import refuse_blindness
from selextract_infra.flow.registry import operation_named
from selextract_infra.flow.unfinished import unfinished_runs
from selextract_infra.hosts.identity import owner
from selextract_infra.model.assessment import Assessment, IncidentSeverity
from selextract_infra.model.emergency import EmergencyAssessment, Incident, open_emergencies
from selextract_infra.model.figures import count, resource_value
from selextract_infra.model.observation import Observation
from selextract_infra.model.plan import Plan
from selextract_infra.model.run import Run
from selextract_infra.model.scaling import EmergencyDecision
from selextract_infra.operations.emergency.decide import grant
from selextract_infra.operations.emergency.operation import EmergencyRequest
from selextract_infra.operations.emergency.plan import OPERATION
from selextract_infra.operations.emergency.preemption import let_go, make_way

__all__ = [
    "ACTS",
    "Grant",
    "assess_emergency",
    "begin_emergency",
    "emergency_message",
    "plan_emergency",
    "tell_emergency",
]


@dataclass(frozen=True)
class Grant:
    """What an emergency may do, the Plan that does it, and what it was decided from.

    ``subject`` is what people were told of it by, before it was granted.
    """

    plan: Plan
    decision: EmergencyDecision
    assessment: Assessment
    observation: Observation
    reason: str
    subject: str = ""

    @property
    def text(self) -> str:
        """What is granted, on one line."""
        return ", ".join(
            f"{decision.service or 'edge'} {decision.resource} {resource_value(decision.resource, decision.granted)}"
            for decision in self.decision.granted
        )


def assess_emergency(context: Context, observation: Observation | None = None) -> EmergencyAssessment:
    """Look and say how bad it is, what is affected, what it is bound by, and what would be granted; changes nothing."""
    observation = observation or context.observe()
    refuse_blindness(observation)
    assessment = assess_seen(observation, context.policy).assessment
    active = open_emergencies(observation)
    needs = None if active else _decision(context, observation, assessment)
    return EmergencyAssessment(
        at=observation.at,
        assessment=assessment,
        severity=_severity(assessment),
        affected=affected_by(assessment),
        bounds=bottlenecks_seen(assessment.judgements, context.policy, observation),
        impact=impact_of(assessment, context.policy),
        needs=needs,
        active=active,
    )


def plan_emergency(
    context: Context,
    *,
    reason: str = "",
    severity: IncidentSeverity | None = None,
    observation: Observation | None = None,
    assessment: Assessment | None = None,
    hosts: Collection[str] | None = None,
    made_by: str = "",
) -> Grant:
    """What may be granted now, as a Plan; ``severity`` and ``assessment`` are what is known already.

    ``made_by`` says who asks for it, by default this process.

    Raises ``RefusedError`` while an emergency is on (X-74), ``HostError`` when no host could be looked at.
    """
    observation = look_for_plan(context, observation, to_apply=False)
    assessment = assessment or assess_seen(observation, context.policy).assessment
    decision = _decision(context, observation, assessment, severity=severity, hosts=hosts)
    request = EmergencyRequest(reason=reason, hosts=None if hosts is None else tuple(hosts))
    plan = plan_from(
        operation_named(OPERATION), observation, request, context.policy, look=decision, made_by=made_by or owner()
    )
    return Grant(
        record_plan(context, plan, observation), decision, assessment, observation, reason or _because(assessment)
    )


def begin_emergency(context: Context, granted: Grant, *, drill: bool = False) -> Run:
    """Carry the grant out at once: no window is waited for, and the hosts were looked at a moment ago (EPB-2).

    Whoever works there stops at the next safe point; an unfinished Run is resumed, or rolled back, afterwards. The
    incident is in the journal before anything is touched. Returns the Run with its exit code. Raises ``LockedError``
    where somebody does not come to a safe point in time.
    """
    if not unfinished_runs(granted.observation):
        return _begun(context, granted, drill=drill)
    times = context.policy.emergency.actions.times
    stopped = make_way(
        context, operation=OPERATION, reason=granted.reason, wait_seconds=times.gate, hold_seconds=times.timeout
    )
    try:
        now = context.clock()
        context.journal.record_event(now, "emergency", f"Stopped for the emergency: {', '.join(stopped)}")
        severity = granted.decision.severity
        again = plan_emergency(
            context,
            reason=granted.reason,
            severity=severity,
            assessment=granted.assessment,
            made_by=granted.plan.made_by,
        )
        return _begun(context, replace(again, subject=granted.subject), drill=drill)
    finally:
        let_go(context)


def _begun(context: Context, granted: Grant, *, drill: bool) -> Run:
    plan = granted.plan
    run = begin(context, plan)
    changes = count(len(granted.decision.granted), "value")
    incident = Incident(
        id=run.id,
        subject=granted.subject,
        opened_at=run.started_at,
        reason=granted.reason,
        drill=drill,
        owner=run.owner,
        hosts=plan.hosts,
        decision=granted.decision,
        before=kept_readings(granted.assessment.judgements),
    )
    incident = incident.with_moment(granted.observation.at, f"Looked at the hosts: {granted.reason}.")
    incident = incident.with_moment(run.started_at, f"{run.owner} began the emergency: {changes} granted.")
    context.journal.record_incident(incident)
    context.journal.record_event(run.started_at, "emergency", f"Emergency begun: {granted.reason}", run=run.id)
    run = carry_out(context, plan, run)
    ended = run.ended_at or context.clock()
    outcome = "Every granted instance is healthy." if not run.exit_code else f"It did not begin: {run.message}"
    incident = incident.with_moment(ended, outcome)
    if run.exit_code:
        incident = incident.model_copy(update={"closed_at": ended, "failed": True})
    context.journal.record_incident(incident)
    return run


def tell_emergency(notifier: Notifier, granted: Grant, run: Run) -> tuple[Delivery, ...]:
    """Tell those concerned what was granted, and how it went (EPB-2.4); one that a person asked for counts as a P2."""
    answer = f" selextract-infra emergency ack {run.id} says that you have taken it on."
    return notifier.tell(
        granted.decision.severity or IncidentSeverity.P2,
        run.id,
        f"Emergency: {granted.reason}",
        f"{emergency_message(granted, run.message)}{answer}",
    )


def emergency_message(granted: Grant, how_it_goes: str) -> str:
    """What was granted until when, how it goes, and what is missing all the same."""
    decision = granted.decision
    more = f" Others have to hear of it at once: {decision.escalate}." if decision.escalate else ""
    return f"Granted until {decision.expires_at:%H:%M:%S}Z: {granted.text or 'nothing'}. {how_it_goes}{more}"


def _because(assessment: Assessment) -> str:
    return "; ".join(assessment.response.because) if assessment.response else "a person asked for it"


def _severity(assessment: Assessment) -> IncidentSeverity | None:
    return assessment.response.severity if assessment.response else None


def _decision(
    context: Context,
    observation: Observation,
    assessment: Assessment,
    *,
    severity: IncidentSeverity | None = None,
    hosts: Collection[str] | None = None,
) -> EmergencyDecision:
    """What may be granted by these readings; ``severity`` where it is known already."""
    urgency, policy = severity or _severity(assessment), context.policy
    return grant(situation_of(observation, assessment, policy, severity=urgency, hosts=hosts), policy)


ACTS = Acts(
    look=lambda context, observation, request: _decision(
        context, observation, assess_seen(observation, context.policy).assessment, hosts=request.hosts
    )
)
