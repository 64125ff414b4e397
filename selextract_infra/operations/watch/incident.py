"""Incidents as the loop sees them: people are told first, then a P1 begins the emergency by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from selextract_infra.assess.assessment import assess
from selextract_infra.errors import SelextractError
from selextract_infra.flow.context import Context
from selextract_infra.flow.incidents import record_ended_emergencies
from selextract_infra.hosts.identity import watcher
from selextract_infra.model.assessment import Assessment, IncidentSeverity
from selextract_infra.model.emergency import EmergencyOnHost, Incident, open_emergencies
from selextract_infra.model.observation import Observation
from selextract_infra.operations.emergency.begin import begin_emergency, emergency_message, plan_emergency
from selextract_infra.operations.emergency.end import validate_emergency
from selextract_infra.operations.emergency.preparation import make_ready
from selextract_infra.operations.watch.alarm import Alarm
from selextract_infra.operations.watch.memory import Watched
from selextract_infra.operations.watch.people import People
from selextract_infra.operations.watch.standbys import Standbys

__all__ = ["IncidentWatch"]

_LOOKS = 2  # in a row, before anything begins by itself: one look may fall into a restart
_EMERGENCY = "emergency"
_BEGINS = "An emergency begins now."


class IncidentWatch:
    """Follows the severity from look to look. Everything it does is single flight: the host itself refuses a second.

    ``began``: with the last look an emergency began, so what was seen holds no more.
    """

    def __init__(
        self,
        context: Context,
        watched: Watched,
        tell: Callable[[str, str], None],
        people: People,
        *,
        dry_run: bool = False,
    ) -> None:
        self._context, self._watched, self._tell, self._people, self._dry = context, watched, tell, people, dry_run
        self.began = False
        self._looks: dict[IncidentSeverity, int] = {}
        self._last: IncidentSeverity | None = None
        self._proposed_at: dict[IncidentSeverity, datetime] = {}
        self._alarm = Alarm(context.policy)
        self._standbys = Standbys(context.policy)
        self._assessment: Assessment | None = None

    def notice(self, observation: Observation) -> IncidentSeverity | None:
        """Judge this look and tell people of it, before anything else that may fail or take its time."""
        self._assessment = assessment = assess(
            observation, self._context.policy, more=self._watched.measurements(observation)
        )
        severity = assessment.response.severity if assessment.response else None
        self._standbys.take(observation)
        self._looks = {severity: self._looks.get(severity, 0) + 1} if severity else {}
        now = self._context.clock()
        if severity is not IncidentSeverity.P1:
            self._alarm.quiet(now)
        elif self._looks[severity] >= _LOOKS:
            reason, why_not = self._why_not(observation)
            if self._alarm.due(now, reason):
                ack = f"selextract-infra notify ack {self._alarm.subject} says that you have taken it on."
                because = _because(assessment)
                now_possible = self._standbys.what_to_do(assessment.response.because if assessment.response else ())
                body = f"{because}.{now_possible} {why_not or _BEGINS} {ack}"
                self._people.tell(IncidentSeverity.P1, self._alarm.subject, because, body)
        self._changed(severity, assessment)
        return severity

    def follow(self, observation: Observation) -> IncidentSeverity | None:
        """What follows from the look that was noticed: begin, propose, validate, escalate. Returns its severity."""
        self.began = False
        assessment = self._assessment
        severity = assessment.response.severity if assessment is not None and assessment.response else None
        self._make_ready(severity, observation)
        if not self._dry:
            for emergency in record_ended_emergencies(self._context, observation):
                self._ended(emergency)
            self._validated(observation)
        if assessment is None or severity is None or self._looks.get(severity, 0) < _LOOKS:
            return severity
        if severity is IncidentSeverity.P1:
            self._begin(observation, assessment)
        else:
            self._propose(severity, assessment)
        return severity

    def _make_ready(self, severity: IncidentSeverity | None, observation: Observation) -> None:
        """With the first look that shows a P1, so that with the second the emergency begins at once."""
        if severity is not IncidentSeverity.P1:
            self._context.close_ready()
        elif self._looks.get(severity) == 1 and not self._dry and not open_emergencies(observation):
            make_ready(self._context)

    def _changed(self, severity: IncidentSeverity | None, assessment: Assessment) -> None:
        if severity is self._last:
            return
        self._tell("incident", f"{severity}: {_because(assessment)}." if severity else f"{self._last} is over.")
        self._last = severity

    def _why_not(self, observation: Observation) -> tuple[str, str]:
        """Why no emergency begins by itself, in a word and a sentence, where that is known before anything is tried."""
        active = open_emergencies(observation)
        if active:
            where = ", ".join(emergency.host for emergency in active)
            return _EMERGENCY, f"An emergency is on already at {where}, run {active[0].run}."
        ended = self._ended_by_hand()
        if ended is not None and ended.closed_at is not None:
            until = ended.closed_at + self._lifetime
            return "ended", (
                f"No emergency begins by itself before {until:%H:%M:%S}Z, because {ended.closed_by} ended one at"
                f" {ended.closed_at:%H:%M:%S}Z. selextract-infra emergency run begins it."
            )
        frozen = [host.name for host in observation.hosts if host.state.get("freeze")]
        if frozen:
            are = "is" if len(frozen) == 1 else "are"
            return "frozen", (
                f"No emergency begins by itself: {', '.join(frozen)} {are} frozen."
                " selextract-infra emergency run begins it."
            )
        return _EMERGENCY, ""

    def _begin(self, observation: Observation, assessment: Assessment) -> None:
        """The automatic trigger (EMC), unless one is on, a person has just ended one, or a host is frozen.

        Whatever keeps it from beginning is told to those who heard of the P1.
        """
        if self._why_not(observation)[1]:
            return
        try:
            self._grant(observation, assessment)
        except SelextractError as problem:
            remedy = f" Try: {problem.remedy}." if problem.remedy else ""
            self._told_of_outcome("No emergency began", f"No emergency began: {problem}{remedy}")
            raise

    def _grant(self, observation: Observation, assessment: Assessment) -> None:
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
            why = granted.decision.escalate or "every value is what it would be"
            self._told_of_outcome("Nothing could be granted", f"Nothing was done: {why}.")
            return
        self._tell("emergency", f"Emergency begins: {values}.")
        self._told_of_outcome("Emergency begins", emergency_message(granted, "It begins now."))
        self.began = True
        run = begin_emergency(self._context, replace(granted, subject=self._alarm.subject))
        self._tell("emergency", f"Run {run.id}: {run.message}")
        failed = run.exit_code != 0
        title = f"Emergency {run.id} did not begin" if failed else f"Emergency {run.id} is on"
        self._told_of_outcome(title, emergency_message(granted, run.message))

    def _told_of_outcome(self, title: str, body: str) -> None:
        """What is done about it, how it ended, or why nothing could be done: told once in a while."""
        if self._alarm.outcome_due(self._context.clock(), title):
            self._people.tell(IncidentSeverity.P1, self._alarm.subject, title, body)

    def _ended(self, emergency: EmergencyOnHost) -> None:
        sentence = f"The emergency of {emergency.host} is {emergency.status}. {emergency.message}".strip()
        self._tell("emergency", sentence)
        severity = IncidentSeverity.P1 if emergency.open else IncidentSeverity.P3
        self._people.tell(severity, f"{emergency.run}-end", f"Emergency {emergency.run}: {emergency.status}", sentence)

    @property
    def _lifetime(self) -> timedelta:
        return timedelta(seconds=self._context.policy.emergency.actions.lifetime.value)

    def _ended_by_hand(self) -> Incident | None:
        """The emergency that a person took back a while ago: what people do is respected."""
        last = self._context.journal.incident()
        if last is None or last.closed_at is None or last.failed or last.closed_by.endswith("time to live"):
            return None
        return last if self._context.clock() - last.closed_at < self._lifetime else None

    def _propose(self, severity: IncidentSeverity, assessment: Assessment) -> None:
        """Tell people, and not again for a while."""
        now, last = self._context.clock(), self._proposed_at.get(severity)
        if last is not None and now - last < timedelta(seconds=self._context.policy.monitoring.watch.repeat):
            return
        self._proposed_at[severity] = now
        because = _because(assessment)
        proposal = " selextract-infra emergency run begins it." if severity.rank >= IncidentSeverity.P2.rank else ""
        self._people.tell(severity, f"watch-{now:%Y%m%dT%H%M%S}", because, f"{because}.{proposal}")

    def _validated(self, observation: Observation) -> None:
        """Once, when the guide's time for it has come (EPB-3)."""
        start = self._context.policy.emergency.playbook["validate"].window.start
        for emergency in open_emergencies(observation):
            incident: Incident | None = self._context.journal.incident(emergency.run)
            if incident and not incident.validations and (observation.at - emergency.began_at).total_seconds() >= start:
                verdict = validate_emergency(self._context, observation)
                self._tell("emergency", f"Validated: {verdict.sentence}.")


def _because(assessment: Assessment) -> str:
    return "; ".join(assessment.response.because) if assessment.response else ""
