"""Watch: look, decide, apply, again and again; the same flow as by hand, with nobody there.

What it did and why is said in one line each. It keeps its hands off where somebody else is at work, where scaling is
frozen, and while an emergency is on; a host or a metric that is lost is said once, and nothing is taken away meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from threading import Event
from typing import TYPE_CHECKING, TypeVar

from pydantic import AwareDatetime

from selextract_infra.assess.calendar import Calendar
from selextract_infra.assess.mapped_role import refuse_unmatched
from selextract_infra.errors import CancelledError, RefusedError, SelextractError
from selextract_infra.flow.capacity_warnings import warn_in_time
from selextract_infra.flow.context import Context
from selextract_infra.flow.notification import escalate
from selextract_infra.flow.notify import deliveries_text
from selextract_infra.flow.planning import plan_from, request_for
from selextract_infra.flow.registry import operation_named
from selextract_infra.hosts.identity import new_run_id, owner, watcher
from selextract_infra.hosts.observe.hosts import observe_hosts
from selextract_infra.hosts.runner import PlaybookRun, run_playbook
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.model.base import Frozen
from selextract_infra.model.decision import Verdict
from selextract_infra.model.figures import duration
from selextract_infra.model.observation import HostObservation, Observation
from selextract_infra.model.plan import Plan
from selextract_infra.model.run import Run
from selextract_infra.model.scaling import ScalingDecision
from selextract_infra.operations.watch.hands_off import why_not_to_act
from selextract_infra.operations.watch.incident import IncidentWatch
from selextract_infra.operations.watch.lost_hosts import LostHosts
from selextract_infra.operations.watch.memory import Watched
from selextract_infra.operations.watch.people import People
from selextract_infra.operations.watch.run_beside import RunBeside
from selextract_infra.operations.watch.unfinished import OwnRuns

if TYPE_CHECKING:
    from selextract_infra.flow.notify import Notifier

__all__ = ["WatchEvent", "Watcher"]

_T = TypeVar("_T")

_STAMPS = "selextract.infra.stamps"
_STAMPS_SECONDS = 60.0
_LEAST_JUMP = 5.0  # seconds by which clocks may differ between two looks


class WatchEvent(Frozen):
    """One line of what the loop did, held back, lost or found."""

    at: AwareDatetime
    kind: str
    sentence: str


class Watcher:
    """The loop over the hosts of one fleet. ``say`` hears all news; a ``dry_run`` changes nothing anywhere."""

    def __init__(
        self,
        context: Context,
        *,
        say: Callable[[WatchEvent], None],
        notifier: Notifier,
        dry_run: bool = False,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._context, self._say, self._dry, self._steady = context, say, dry_run, steady
        context.announces_undoing = True
        self.watched = Watched(context.policy)
        self._calendar = Calendar.of(context.policy)
        self._own = OwnRuns(context, self._tell_of_run, dry_run=dry_run)
        self._notifier = notifier
        self._people = People(context, notifier, self.tell, dry_run=dry_run)
        self._lost = LostHosts(context.policy, self._people)
        self._incident = IncidentWatch(context, self.watched, self.tell, self._people, dry_run=dry_run)
        self._told: dict[str, str] = {}
        self._clocks: tuple[float, float] | None = None
        self._blind_since: dict[str, float] = {}
        self._severity: IncidentSeverity | None = None

    def run(self, *, once: bool = False, progress: Callable[[], object] = lambda: None) -> None:
        """Look at every interval until cancelled; ``progress`` is called after every look."""
        pause = self._context.cancel or Event()
        due = self._steady()
        while not pause.is_set():
            self.tick()
            progress()
            if once:
                return
            now = self._steady()
            due = max(due + self.watched.interval, now)
            pause.wait(due - now)

    def tick(self) -> None:
        """Look once, and do what follows from it; what goes wrong is said and is no end."""
        try:
            self._follow_look()
        finally:
            self._people.gather()
        self._guarded("escalation", self._escalate)
        self._guarded("warnings", self._look_ahead)

    def _follow_look(self) -> None:
        """People hear of what is wrong first; then comes what may fail, or take its time."""
        began = self._steady()  # beside the wall's time of the look, however long it takes
        observation = self._seen()
        if observation is None:
            return
        at = self._clock(observation.at, began)
        self._hosts(observation)
        self._guarded("mapping", lambda: refuse_unmatched(observation, self._context.policy))
        self._notice(observation)
        if self._guarded("unfinished", lambda: self._own.end(observation)):
            self.watched.services.clear()  # as after a restart: counts and cooldowns are read from the hosts again
            return
        for sentence in self.watched.take(observation, at):
            self.tell("seen", sentence)
        incident = self._guarded("emergency", lambda: self._incident.follow(observation))
        if not self._incident.began:
            self._guarded("scaling", lambda: self._scale(observation, at, incident))

    def _seen(self) -> Observation | None:
        """What is on the hosts now; None where nothing can be seen, which is said and told."""
        try:
            observation = self._look()
        except CancelledError:
            return None
        except SelextractError as problem:
            self._lost.nothing_seen(str(problem))
            self._news("look", "lost", f"Nothing can be seen: {problem}")
            return None
        self._over("look", "The hosts can be seen again.")
        return observation

    def _notice(self, observation: Observation) -> None:
        """People hear of lost hosts and of an incident, before anything follows from them."""
        self._lost.take(observation)
        self.watched.read(observation, observation.at.timestamp())
        self._severity = self._guarded("incident", lambda: self._incident.notice(observation))

    def _look_ahead(self) -> None:
        """What will be used up is told in time (PRE-02, PRE-03), but not while there is something more urgent."""
        if self._dry or self._severity is not None:
            return
        for notification in warn_in_time(self._context, self._notifier):
            self.tell("ahead", f"{notification.alert or 'Over'}: {notification.sentence}")

    def _escalate(self) -> None:
        """What nobody has answered in time goes to others, once (EMN-02)."""
        if self._dry:
            return
        context = self._context
        deliveries = escalate(self._notifier, context.policy, context.journal, context.clock())
        if deliveries:
            self.tell("escalated", f"Nobody has taken it on, so others hear of it: {deliveries_text(deliveries)}.")

    def tell(self, kind: str, sentence: str) -> None:
        """Say it, and write it down where it is not a rehearsal."""
        at = self._context.clock()
        self._say(WatchEvent(at=at, kind=kind, sentence=sentence))
        if not self._dry:
            self._context.journal.record_event(at, "watch", sentence)

    def _look(self) -> Observation:
        context = self._context
        return observe_hosts(
            context.inventory, context.policy, cursors={}, at=context.clock(), cancel=context.cancel, history=False
        )

    def _clock(self, at: datetime, steady: float) -> float:
        """The time of this look; where the clock was set meanwhile, what is remembered is moved along."""
        wall = at.timestamp()
        if self._clocks is not None:
            jump = (wall - self._clocks[0]) - (steady - self._clocks[1])
            if abs(jump) > max(_LEAST_JUMP, self.watched.interval / 2):
                self.watched.moved(jump)
                self.tell("clock", f"The clock was set by {jump:+.0f} s; samples are collected anew.")
        self._clocks = (wall, steady)
        return wall

    def _hosts(self, observation: Observation) -> None:
        for name, reason in observation.unreachable.items():
            self._news(f"host {name}", "lost", f"{name} is not reached, so nothing is decided about it: {reason}")
        for host in observation.hosts:
            if host.problem:
                self._news(f"host {host.name}", "lost", f"{host.name} cannot be looked at: {host.problem}")
            else:
                self._over(f"host {host.name}", f"{host.name} is back.")

    def _scale(self, observation: Observation, at: float, incident: IncidentSeverity | None) -> None:
        """Decide, and carry out what changes a count, on each host at once."""
        by_host: dict[str, list[ScalingDecision]] = {}
        for decision in self.watched.decide(observation, at, self._calendar, incident):
            self._blind(decision, at)
            if decision.changes and decision.direction is not None:
                by_host.setdefault(decision.host, []).append(decision)
                continue
            self._told.pop(f"held {decision.host}/{decision.service}", None)
            self._told.pop(f"would {decision.host}/{decision.service}", None)
            refused = f"refused {decision.host}/{decision.service}"
            if decision.verdict is Verdict.REFUSED:
                title = f"{decision.host}/{decision.service} is held at {decision.current}"
                self._people.tell_once(refused, IncidentSeverity.P3, title, _text(decision))
                self._news(refused, "held", _text(decision))
            else:
                self._told.pop(refused, None)
                self._people.forget(refused)
        for host in observation.hosts:
            if host.name in by_host and not self._incident.began:
                self._act(observation, host, by_host[host.name], at)
        self._propose_replicas(at)

    def _propose_replicas(self, at: float) -> None:
        """Reads that ask for a replica are told to people, who choose its host."""
        by_transactions = self.watched.by_transactions
        wanted = {
            (decision.host, decision.service): decision for decision in self.watched.replicas_wanted(at, self._calendar)
        }
        for key in self.watched.replicas:
            subject = f"replicas {'/'.join(key)}"
            if key not in wanted:
                self._told.pop(subject, None)
            elif subject not in self._told:
                decision = wanted[key]
                counted = " (transactions, because pg_stat_statements is missing)" if key[0] in by_transactions else ""
                remedy = f"selextract-infra replicas --count {decision.requested}"
                self._news(
                    subject, "proposed", f"{'/'.join(key)} wants a replica: {decision.why}{counted}. Try: {remedy}."
                )

    def _blind(self, decision: ScalingDecision, at: float) -> None:
        """Without any metric nothing is decided: said once, after a while."""
        key = f"{decision.host}/{decision.service}"
        if decision.verdict is not Verdict.UNKNOWN:
            self._blind_since.pop(key, None)
            self._over(f"blind {key}", f"{key} can be seen again.")
            self._people.over(f"blind {key}", f"{key} can be seen again")
            return
        since = self._blind_since.setdefault(key, at)
        after = self._context.policy.monitoring.watch.blind_after
        if at - since >= after:
            sentence = f"Blind: {key} has had no metric for {duration(after)}; it stays as it is."
            self._people.tell_once(f"blind {key}", IncidentSeverity.P2, f"{key} has no metric", sentence)
            self._news(f"blind {key}", "blind", sentence)

    def _act(
        self, observation: Observation, host: HostObservation, decisions: list[ScalingDecision], at: float
    ) -> None:
        reason = why_not_to_act(host)
        going = []
        for decision in decisions:
            held = f"held {decision.host}/{decision.service}"
            why = reason or self._refusal(observation, decision)
            if why is not None:
                self._news(held, "held", f"{_text(decision)} Not done: {why.rstrip('.')}.")
                continue
            self._told.pop(held, None)
            if self._dry:
                self._news(f"would {decision.host}/{decision.service}", "would do", _text(decision))
            else:
                self.tell("decided", _text(decision))
                going.append(decision)
        if going:
            self._apply(observation, host, going, at)

    def _refusal(self, observation: Observation, decision: ScalingDecision) -> str | None:
        """Why a person who asked for this would be refused; None where he would not."""
        try:
            self._plan(observation, decision.host, [decision])
        except RefusedError as refusal:
            return str(refusal)
        return None

    def _plan(self, observation: Observation, host: str, decisions: list[ScalingDecision]) -> Plan:
        """The same Plan that a person would make."""
        wanted = {decision.service: int(decision.granted or 0) for decision in decisions}
        operation = operation_named("scale")
        request = request_for(operation, {"wanted": wanted, "hosts": (host,)})
        return plan_from(operation, observation, request, self._context.policy, made_by=watcher())

    def _apply(
        self, observation: Observation, host: HostObservation, decisions: list[ScalingDecision], at: float
    ) -> None:
        """Stamps first, so that a cooldown holds whatever happens next; then the Plan."""
        plan = self._plan(observation, host.name, decisions)
        before = {decision.service: int(decision.current or 0) for decision in decisions}
        for decision in decisions:
            if decision.direction is not None:
                self.watched.services[decision.host, decision.service].acted(
                    decision.direction, int(decision.granted or 0), at
                )
        try:
            self._keep_stamps(host.name)
            self._context.journal.record_plan(plan)
            run = self._carried_out(plan)
        except SelextractError:
            self._counts(host.name, before)
            raise
        if run.exit_code:
            self._counts(host.name, before)
        self._tell_of_run("failed" if run.exit_code else "done", f"Run {run.id}: {run.message}")

    def _carried_out(self, plan: Plan) -> Run:
        """Carry it out, and look meanwhile: a P1 is told within a look then too, and its emergency goes first."""
        beside = RunBeside(self._context, plan)
        while not beside.ended_within(self.watched.interval):
            self._look_meanwhile()
        return beside.result()

    def _look_meanwhile(self) -> None:
        """Look for what is urgent alone: counts and limits are just being changed."""
        observation = self._seen()
        if observation is None:
            return
        self._notice(observation)
        if self._severity is IncidentSeverity.P1:
            self._guarded("emergency", lambda: self._incident.follow(observation))
        self._people.gather()

    def _tell_of_run(self, kind: str, sentence: str) -> None:
        """People hear of a Run that is taken up again before it is, and of one that did not end well."""
        if kind == "failed":
            self._people.tell_once(sentence, IncidentSeverity.P2, "A run of the loop did not end well", sentence)
        elif kind == "unfinished":
            self._people.tell_once(sentence, IncidentSeverity.P3, "A run of the loop is taken up again", sentence)
        self.tell(kind, sentence)

    def _counts(self, host: str, counts: dict[str, int]) -> None:
        for name, count in counts.items():
            self.watched.services[host, name].count = count

    def _keep_stamps(self, host: str) -> None:
        now, project = self._context.clock(), self._context.policy.application.project
        if project is None:  # then nothing is watched of it
            return
        outcome = run_playbook(
            PlaybookRun(
                playbook=_STAMPS,
                inventory=self._context.inventory,
                hosts=(host,),
                values={
                    "run": {"id": new_run_id(now), "owner": owner()},
                    "hosts": {host: {"project": project, "services": self.watched.stamps(host)}},
                },
                timeout=_STAMPS_SECONDS,
            ),
            cancel=self._context.cancel,
        )
        if outcome.status != "successful":
            reason = outcome.hosts[host].message or outcome.message
            raise SelextractError(f"The cooldowns cannot be kept on {host}, so nothing is done there: {reason}")

    def _guarded(self, about: str, work: Callable[[], _T]) -> _T | None:
        """What a rule refuses, or a host does not do, is said and is no end; the next look decides anew."""
        try:
            answer = work()
        except CancelledError:
            return None
        except SelextractError as problem:
            remedy = f" Try: {problem.remedy}." if problem.remedy else ""
            self._news(f"problem {about}", "refused", f"{problem}{remedy}")
            return None
        self._told.pop(f"problem {about}", None)
        return answer

    def _news(self, key: str, kind: str, sentence: str) -> None:
        """Say it once, until it is another sentence or over."""
        if self._told.get(key) != sentence:
            self._told[key] = sentence
            self.tell(kind, sentence)

    def _over(self, key: str, sentence: str) -> None:
        if self._told.pop(key, None) is not None:
            self.tell("back", sentence)


def _text(decision: ScalingDecision) -> str:
    """``app1/api 2 → 3: cpu_usage >= 70 % for 5 min (TRG-01).``"""
    less = f"; {decision.why_less}" if decision.why_less else ""
    change = f"{decision.current} → {decision.granted}"
    return f"{decision.host}/{decision.service} {change}: {decision.why}{less}."
