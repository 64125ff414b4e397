"""Incidents as the loop sees them: a P1 begins the emergency by itself, a P2 is proposed, and people are told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from selextract_infra.assess.assessment import assess
from selextract_infra.flow.context import Context
from selextract_infra.flow.incidents import record_ended_emergencies
from selextract_infra.flow.notification import escalate
from selextract_infra.flow.notify import deliveries_text
from selextract_infra.hosts.identity import watcher
from selextract_infra.model.assessment import Assessment, IncidentSeverity
from selextract_infra.model.emergency import Incident, open_emergencies
from selextract_infra.model.observation import Observation
from selextract_infra.operations.emergency.begin import begin_emergency, plan_emergency, tell_emergency
from selextract_infra.operations.emergency.end import validate_emergency
from selextract_infra.operations.emergency.preparation import make_ready
from selextract_infra.operations.watch.memory import Watched

if TYPE_CHECKING:
    from selextract_infra.flow.notify import Notifier

__all__ = ["IncidentWatch"]

_LOOKS = 2  # in a row, before anything begins by itself: one look may fall into a restart


class IncidentWatch:
    """Follows the severity from look to look. Everything it does is single flight: the host itself refuses a second.

    ``began``: with the last look an emergency began, so what was seen holds no more.
    """

    def __init__(
        self,
        context: Context,
        watched: Watched,
        tell: Callable[[str, str], None],
        notifier: Notifier,
        *,
        dry_run: bool = False,
    ) -> None:
        self._context, self._watched, self._tell, self._notifier, self._dry = context, watched, tell, notifier, dry_run
        self.began = False
        self._looks: dict[IncidentSeverity, int] = {}
        self._last: IncidentSeverity | None = None
        self._told_at: dict[IncidentSeverity, datetime] = {}

    def follow(self, observation: Observation) -> IncidentSeverity | None:
        """Judge this look; begin, propose, validate, tell. Returns the severity that holds."""
        self.began = False
        assessment = assess(observation, self._context.policy, more=self._watched.measurements())
        severity = assessment.response.severity if assessment.response else None
        self._count(severity)
        self._make_ready(severity, observation)
        self._changed(severity, assessment)
        if not self._dry:
            for emergency in record_ended_emergencies(self._context, observation):
                self._tell(
                    "emergency", f"The emergency of {emergency.host} is {emergency.status}. {emergency.message}".strip()
                )
            self._validated(observation)
            self._escalate()
        if severity is None or self._looks[severity] < _LOOKS:
            return severity
        if severity is IncidentSeverity.P1:
            self._begin(observation, assessment)
        else:
            self._propose(severity, assessment)
        return severity

    def _count(self, severity: IncidentSeverity | None) -> None:
        self._looks = {severity: self._looks.get(severity, 0) + 1} if severity else {}

    def _make_ready(self, severity: IncidentSeverity | None, observation: Observation) -> None:
        """With the first look that shows a P1, so that with the second the emergency begins at once."""
        if severity is not IncidentSeverity.P1:
            self._context.close_ready()
        elif self._looks[severity] == 1 and not self._dry and not open_emergencies(observation):
            make_ready(self._context)

    def _changed(self, severity: IncidentSeverity | None, assessment: Assessment) -> None:
        if severity is self._last:
            return
        because = "; ".join(assessment.response.because) if assessment.response else ""
        self._tell("incident", f"{severity}: {because}." if severity else f"{self._last} is over.")
        self._last = severity

    def _begin(self, observation: Observation, assessment: Assessment) -> None:
        """The automatic trigger (EMC), unless one is on or a person has just ended one."""
        if open_emergencies(observation) or self._ended_by_hand():
            return
        frozen = [host.name for host in observation.hosts if host.state.get("freeze")]
        if frozen:
            self._propose(
                IncidentSeverity.P1, assessment, f" No emergency begins by itself: {', '.join(frozen)} is frozen."
            )
            return
        granted = plan_emergency(
            self._context,
            severity=IncidentSeverity.P1,
            observation=observation,
            assessment=assessment,
            made_by=watcher(),
        )
        values = granted.text
        if self._dry:
            self._tell("would do", f"Emergency: {values or 'nothing could be granted'}.")
            return
        if granted.plan.empty:
            self._propose(IncidentSeverity.P1, assessment, f" Nothing could be granted: {granted.decision.escalate}.")
            return
        self._tell("emergency", f"Emergency begins: {values}.")
        self.began = True
        run = begin_emergency(self._context, granted)
        self._tell("emergency", f"Run {run.id}: {run.message}")
        self._tell("told", f"{deliveries_text(tell_emergency(self._notifier, granted, run))}.")

    def _ended_by_hand(self) -> bool:
        """Whether a person took an emergency back a while ago: what people do is respected."""
        last = self._context.journal.incident()
        if last is None or last.closed_at is None or last.failed or last.closed_by.endswith("time to live"):
            return False
        lifetime = timedelta(seconds=self._context.policy.emergency.actions.lifetime.value)
        return self._context.clock() - last.closed_at < lifetime

    def _propose(self, severity: IncidentSeverity, assessment: Assessment, more: str = "") -> None:
        """Tell people, and not again for a while."""
        now, last = self._context.clock(), self._told_at.get(severity)
        if last is not None and now - last < timedelta(seconds=self._context.policy.monitoring.watch.repeat):
            return
        self._told_at[severity] = now
        because = "; ".join(assessment.response.because) if assessment.response else ""
        proposal = " selextract-infra emergency run begins it." if severity.rank >= IncidentSeverity.P2.rank else ""
        if self._dry:
            self._tell("would tell", f"{severity}: {because}.")
        else:
            deliveries = self._notifier.tell(
                severity, f"watch-{now:%Y%m%dT%H%M%S}", because, f"{because}.{more}{proposal}"
            )
            self._tell("told", f"{deliveries_text(deliveries)}.")

    def _validated(self, observation: Observation) -> None:
        """Once, when the guide's time for it has come (EPB-3)."""
        start = self._context.policy.emergency.playbook["validate"].window.start
        for emergency in open_emergencies(observation):
            incident: Incident | None = self._context.journal.incident(emergency.run)
            if incident and not incident.validations and (observation.at - emergency.began_at).total_seconds() >= start:
                verdict = validate_emergency(self._context, observation)
                self._tell("emergency", f"Validated: {verdict.sentence}.")

    def _escalate(self) -> None:
        """What nobody has answered in time goes to others, once (EMN-02)."""
        deliveries = escalate(self._notifier, self._context.policy, self._context.journal, self._context.clock())
        if deliveries:
            self._tell("escalated", f"Nobody has taken it on, so others hear of it: {deliveries_text(deliveries)}.")
