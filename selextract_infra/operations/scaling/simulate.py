"""Simulate: recorded metrics replayed through the autoscaler's own code. Nothing is changed anywhere.

The file is streamed: memory depends on the services and on what is done with them, not on the samples. CPU is shared
out: what was recorded with some instances is taken to be the same load on as many as the replay has at that time.
Memory, response times and queues are replayed as they were recorded.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from itertools import pairwise
from pathlib import Path
from statistics import median

from selextract_infra.assess.calendar import Calendar, PlannedEvent
from selextract_infra.assess.hardware import prices_hold, reference_hardware
from selextract_infra.assess.room import DatabaseSide, HostSize
from selextract_infra.assess.scaled_service import ScaledService
from selextract_infra.defects import check_policy
from selextract_infra.errors import UsageError
from selextract_infra.hosts.observe.metrics_csv import MetricRow, metric_rows
from selextract_infra.model.decision import Verdict
from selextract_infra.model.figures import percent, printable
from selextract_infra.model.planning import Hardware
from selextract_infra.model.scaling import (
    Direction,
    Flap,
    HeldBack,
    HeldBackKind,
    ScalingDecision,
    ServiceOutcome,
    SimulatedAction,
    Simulation,
)
from selextract_infra.operations.scaling.autoscaler import Autoscaler, wanted_counts
from selextract_infra.policy import Policy

__all__ = ["Question", "simulate"]

_HOST = "host"
_HOUR, _MINUTE = 3600.0, 60.0
_MOST_ACTIONS, _MOST_REFUSALS = 1_000_000, 1_000
_CPU = "cpu_usage"
_LOOKED_AT = 50
_STALE_INTERVALS = 2.0  # without a sample, after which a service is not seen any more
_SCALED = ("api", "worker", "database")


@dataclass(frozen=True)
class Question:
    """What is asked of a replay. ``counts`` are instances at the beginning, by service; where it has none, those in
    the file, else those of the mapping (``application.services.NAME.count``), else the fewest. ``shares_load``: CPU
    depends on how many instances the replay has.
    """

    host: Hardware | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    events: tuple[PlannedEvent, ...] = ()
    cheaper: bool = False
    database: DatabaseSide | None = None
    overrides: Collection[str] = ()
    zone: tzinfo | None = None
    shares_load: bool = True


def simulate(path: Path, policy: Policy, question: Question | None = None) -> Simulation:
    """Replay a CSV file: each line is one time of one service with its metrics, and ``instances`` where recorded.

    Raises UsageError, naming the line, for what cannot be read, and where no service in the file is scaled.
    """
    question = question or Question()
    interval = _spacing(path, question.zone)
    replay = _Replay(policy, question, interval)
    with metric_rows(path, question.zone) as rows:
        if not rows.has_subject:
            raise UsageError(f"{path} has no column for the service.", remedy="call it service")
        for row in _in_order(rows):
            replay.take(row)
        replay.end()
        if not replay.services:
            there = ", ".join(sorted(map(_short, replay.ignored))[:10]) or "none"
            raise UsageError(
                f"{path} has no service that is scaled; it has {there}.",
                remedy=f"call them {', '.join(_SCALED)}, or map them in the policy's application",
            )
        ignored = tuple(title for title in rows.ignored if title.lower() != "instances")
        return replay.outcome(str(path), ignored)


def _in_order(rows: Iterable[MetricRow]) -> Iterator[MetricRow]:
    """The rows, of which none may go back in time: all services are replayed together."""
    at = -math.inf
    for row in rows:
        if row.at < at:
            raise UsageError(f"{row.place} goes back in time.", remedy="sort the file by time")
        at = row.at
        yield row


def _spacing(path: Path, zone: tzinfo | None) -> float:
    """How far apart the samples are, in seconds, by the first of them. Raises UsageError for one time only."""
    times: list[float] = []
    with metric_rows(path, zone) as rows:
        for row in _in_order(rows):
            if not times or row.at > times[-1]:
                times.append(row.at)
            if len(times) > _LOOKED_AT:
                break
    if len(times) < 2:
        raise UsageError(
            f"{path} has samples of {'one time' if times else 'no time'} only; nothing can be said of a course.",
            remedy="record at least the longest duration of a trigger",
        )
    return median(later - earlier for earlier, later in pairwise(times))


@dataclass(slots=True)
class _Replayed:
    """A service in the replay and what it has come to so far."""

    service: ScaledService
    metrics: frozenset[str]
    targets: Mapping[str, float]
    recorded: int
    first: int
    highest: int
    samples: int = 0
    actions: int = 0
    flaps: int = 0
    refused: int = 0
    refused_at: int = -1
    instance_seconds: float = 0.0
    over: dict[str, int] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    seen_at: float = 0.0
    first_at: float = 0.0
    held: dict[tuple[HeldBackKind, str], tuple[float, int]] = field(default_factory=dict)
    previous: tuple[Direction, float] | None = None

    def take(self, row: MetricRow) -> None:
        """One row: its samples, and whether they are over their targets."""
        record, at, metrics, targets = self.service.record, row.at, self.metrics, self.targets
        for metric, value in row.values:
            if metric not in metrics:
                continue
            if not record(metric, at, value):
                raise UsageError(f"{row.place} has {metric} a second time for the same time.")
            self.seen[metric] = self.seen.get(metric, 0) + 1
            self.seen_at = at
            if metric in targets and value > targets[metric]:
                self.over[metric] += 1
        self.samples += 1

    def hold(self, kind: HeldBackKind, why: str, at: float) -> None:
        """Something kept it as it was at that instant."""
        first, times = self.held.get((kind, why), (at, 0))
        self.held[kind, why] = (first, times + 1)

    def gaps(self) -> Iterator[tuple[str, int]]:
        """The metrics that some of its rows have and others lack, and how many lack them."""
        for metric in sorted(self.metrics):
            missing = self.samples - self.seen.get(metric, 0)
            if missing:
                yield metric, missing


class _Replay:
    """The replay itself: takes rows, decides whenever the time moves on, carries the decisions out on paper."""

    def __init__(self, policy: Policy, question: Question, interval: float) -> None:
        self._policy, self._question, self._interval = policy, question, interval
        host = question.host or reference_hardware(policy)
        self._scaler = Autoscaler(
            policy,
            [HostSize.of_hardware(_HOST, host, policy)],
            Calendar.of(policy, events=question.events, cheaper=question.cheaper),
            cheaper=question.cheaper,
            usual=wanted_counts(policy),
            database=question.database,
            overrides=question.overrides,
        )
        self._rules = {"X-34", "X-35"} if question.cheaper else set[str]()
        self.services: dict[str, _Replayed] = {}
        self.ignored: set[str] = set()
        self._actions: list[SimulatedAction] = []
        self._flaps: list[Flap] = []
        self._refusals: list[SimulatedAction] = []
        self._start: float | None = None
        self._now = 0.0
        self._ticks = 0
        self._changes = 0

    def take(self, row: MetricRow) -> None:
        """One row of the file."""
        if row.at != self._now:
            self._advance(row.at)
        one = self.services.get(row.subject)
        if one is None and row.subject not in self.ignored:
            one = self._met(row)
        if one is None:
            return
        if row.instances is not None:
            one.recorded = row.instances
        if self._question.shares_load and one.recorded != one.service.count:
            share = one.recorded / one.service.count if one.service.count else 1.0
            row.values = [(metric, value * share if metric == _CPU else value) for metric, value in row.values]
        one.take(row)

    def end(self) -> None:
        """The file is at its end: the last instant counts like the others."""
        if self._start is not None:
            self._advance(self._now + self._interval)

    def _advance(self, at: float) -> None:
        """Decide on everything seen at the present instant, then go on to the next."""
        if self._start is None:
            self._start = self._now = at
            return
        self._ticks += 1
        now, passed = self._now, at - self._now
        due = False
        for one in self.services.values():
            may_act = self._scaler.may_act(one.service, now) or self._scaler.full(one.service, now)
            if may_act and one.refused_at != self._changes:
                due = True
            if now - one.seen_at > _STALE_INTERVALS * self._interval:
                one.hold(HeldBackKind.BLIND, "no metric of it is there", now)
        if due:
            self._decide(now)
        for one in self.services.values():
            one.instance_seconds += one.service.count * passed
        self._now = at

    def _decide(self, now: float) -> None:
        services = [one.service for one in self.services.values()]
        before = self._changes
        for decision in self._scaler.decide(services, now):
            one = self.services[decision.service]
            if decision.changes:
                self._act(one, decision, now)
                continue
            asked = decision.fired or self._scaler.wants_more(one.service)
            for why in decision.held if asked and decision.next_at is None else ():  # a cooldown is no surprise
                one.hold(HeldBackKind.HELD, why, now)
            if decision.verdict is Verdict.REFUSED and one.refused_at != before:
                one.refused += 1
                one.refused_at = before
                if len(self._refusals) < _MOST_REFUSALS:
                    self._refusals.append(_on_paper(one, decision, one.service.count))

    def _act(self, one: _Replayed, decision: ScalingDecision, now: float) -> None:
        if decision.direction is None or decision.granted is None:
            return
        if len(self._actions) >= _MOST_ACTIONS:
            raise UsageError(f"More than {_MOST_ACTIONS:,} actions: these rules never come to rest on this recording.")
        count, previous = int(decision.granted), one.previous
        if previous is not None and previous[0] is not decision.direction:
            passed = now - previous[1]
            if passed < self._scaler.rules_of(one.service).longest_cooldown:
                one.flaps += 1
                self._flaps.append(Flap(at=decision.at, service=decision.service, after_seconds=passed))
        self._actions.append(_on_paper(one, decision, count))
        one.service.acted(decision.direction, count, now)
        one.previous = (decision.direction, now)
        one.actions += 1
        one.highest = max(one.highest, count)
        self._changes += 1

    def _met(self, row: MetricRow) -> _Replayed | None:
        """A service that the file names for the first time; None for one that is not scaled."""
        mapped = self._policy.application.services.get(row.subject)
        role = row.subject if mapped is None else mapped.role
        if role not in _SCALED:
            self.ignored.add(row.subject)
            return None
        limits = self._policy.containers[role]
        service = ScaledService(
            name=row.subject,
            role=role,
            count=1,
            host=_HOST,
            cpus=limits.cpus,
            memory=float(limits.memory),
            interval=self._interval,
            keep=self._scaler.looks_back + self._interval,
        )
        rules = self._scaler.rules_of(service)
        wanted = wanted_counts(self._policy).get(row.subject, rules.minimum)
        fewest = wanted if row.instances is None else row.instances
        service.count = self._question.counts.get(row.subject, fewest)
        recorded = service.count if row.instances is None else row.instances
        targets = _targets(role, self._policy)
        one = _Replayed(
            service,
            frozenset(rules.metrics),
            targets,
            recorded,
            first=service.count,
            highest=service.count,
            over=dict.fromkeys(targets, 0),
            seen_at=row.at,
            first_at=row.at,
        )
        self.services[row.subject] = one
        return one

    def outcome(self, source: str, ignored: tuple[str, ...]) -> Simulation:
        """Everything that the replay came to."""
        return Simulation(
            source=printable(source),
            start=datetime.fromtimestamp(self._start or 0.0, UTC),
            end=datetime.fromtimestamp(self._now, UTC),
            interval_seconds=self._interval,
            ticks=self._ticks,
            samples=sum(one.samples for one in self.services.values()),
            services=tuple(self._outcome_of(one) for one in self.services.values()),
            actions=tuple(self._actions),
            flaps=tuple(self._flaps),
            refusals=tuple(self._refusals),
            held=tuple(held for one in self.services.values() for held in _held_back(one)),
            findings=tuple(finding for finding in check_policy(self._policy) if finding.rule in self._rules),
            ignored=(*ignored, *sorted(map(_short, self.ignored))),
        )

    def _outcome_of(self, one: _Replayed) -> ServiceOutcome:
        service, hours = one.service, one.instance_seconds / _HOUR
        monthly = None
        if prices_hold(self._policy):
            monthly = self._policy.cost.prices.of(cpus=service.cpus or 0.0, memory=int(service.memory or 0))
        return ServiceOutcome(
            name=printable(service.name),
            role=service.role,
            samples=one.samples,
            first_count=one.first,
            last_count=service.count,
            highest_count=one.highest,
            actions=one.actions,
            flaps=one.flaps,
            refused=one.refused,
            minutes_over={metric: ticks * self._interval / _MINUTE for metric, ticks in one.over.items()},
            instance_hours=hours,
            cost=None if monthly is None else monthly * hours * _HOUR / self._policy.sizing.availability_month,
        )


def _on_paper(one: _Replayed, decision: ScalingDecision, after: int) -> SimulatedAction:
    return SimulatedAction(
        at=decision.at,
        service=decision.service,
        before=one.service.count,
        after=after,
        rule=decision.rule,
        why=decision.why,
        why_less=decision.why_less,
    )


def _held_back(one: _Replayed) -> Iterator[HeldBack]:
    """What kept a service as it was, the most frequent first."""
    name = printable(one.service.name)
    for (kind, why), (first, times) in sorted(one.held.items(), key=lambda item: -item[1][1]):
        at = datetime.fromtimestamp(first, UTC)
        yield HeldBack(at=at, service=name, kind=kind, why=why, times=times)
    for metric, times in one.gaps():
        why = f"{metric} is missing in {percent(times / one.samples)} of its samples"
        if times == one.samples:
            why = f"{metric} is not in the file, so no instance is taken away"
        at = datetime.fromtimestamp(one.first_at, UTC)
        yield HeldBack(at=at, service=name, kind=HeldBackKind.MISSING, why=why, times=times)


def _short(name: str) -> str:
    return printable(name[:60])


def _targets(role: str, policy: Policy) -> dict[str, float]:
    """What is aimed at, by metric (HAPI-02, KPI-05, HWRK-02)."""
    if role == "api":
        targets, path = policy.scaling.api.targets, "kpis.response_time.target"
        known = {"response_time_p95": policy.kpis.response_time.target} if policy.holds(path) else {}
        return {_CPU: targets.cpu, "memory_usage": targets.memory, **known}
    return {"pending_tasks": float(policy.scaling.worker.target_queue)} if role == "worker" else {}
