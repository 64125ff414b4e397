"""Replays drawn container memory through right-sizing, beside KRR's and VPA's rules on the same series.

Four weeks of 5-minute buckets after one to learn from: level, daily cycle, start-up peaks, leaks, weekly jobs, growth.
Each rule looks once a day and sets the limit for the next. Printed: slack (the mean share of the limit that is not
used), the share of service-days without an OOM kill, and changes a day and service. The guide's 60 % rule means 40 %
slack and more: that is its price. KRR: the highest of 14 days and 15 %. VPA: the 90th percentile of daily peaks, of
which the weight halves each day, and 15 %; after a kill 20 % or 100 MB more.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from selextract_infra.model.history import ContainerHistory
from selextract_infra.model.observation import (
    ContainerObservation,
    HostFacts,
    HostObservation,
    Limits,
    Observation,
    ProjectObservation,
    SamplerStatus,
    ServiceDefinition,
    Usage,
)
from selextract_infra.operations.rightsize.decide import decide_rightsize
from selextract_infra.policy import Policy, load_policy

MB = 1 << 20
BUCKET = 300
DAY = 86_400 // BUCKET
LEARNT, JUDGED = 7, 28
START = datetime(2026, 3, 2, tzinfo=UTC)
KINDS = ("level", "daily", "start-up", "leak", "weekly job", "growth")
Use = NDArray[np.float64]


@dataclass
class Container:
    """One service: what it would use, what it may use, and what was seen of it."""

    name: str
    kind: str
    wanted: Use
    limit: float
    used: list[float] = field(default_factory=list)
    limits: list[float] = field(default_factory=list)
    kills: list[int] = field(default_factory=list)
    leaked: float = 0.0

    def live(self, day: int) -> bool:
        """One day under the present limit; whether it was killed for memory."""
        killed = False
        for value in self.wanted[day * DAY : (day + 1) * DAY]:
            needed = max(value - self.leaked, 1.0)
            kill = needed > self.limit
            if kill and self.kind == "leak":
                self.leaked = value * 0.9  # a restart gives back what had leaked
            killed |= kill
            self.used.append(min(needed, self.limit))
            self.limits.append(self.limit)
            self.kills.append(int(kill))
        return killed


def drawn(number: int, seed: int) -> list[Container]:
    """So many containers of each kind."""
    random = np.random.default_rng(seed)
    containers = []
    for index in range(number * len(KINDS)):
        kind = KINDS[index % len(KINDS)]
        use = _series(kind, random)
        containers.append(Container(f"s{index}", kind, use, limit=2 * float(use[:DAY].max())))
    return containers


def _series(kind: str, random: np.random.Generator) -> Use:
    length = (LEARNT + JUDGED) * DAY
    at = np.arange(length)
    base = random.uniform(150, 1500) * MB
    use = base * (1 + random.normal(0, 0.03, length))
    if kind == "daily":
        use += base * 0.5 * np.maximum(0, np.sin(2 * np.pi * at / DAY)) * random.uniform(0.9, 1.1, length)
    elif kind == "start-up":
        for start in random.integers(0, length, 8):
            use[start : start + 3] += base * random.uniform(0.5, 1.2)
    elif kind == "leak":
        use += base * random.uniform(0.02, 0.06) * at / DAY
    elif kind == "weekly job":
        use += base * random.uniform(0.6, 1.5) * ((at // DAY % 7 == 6) & (at % DAY < 12))
    elif kind == "growth":
        use *= 1 + random.uniform(0.003, 0.01) * at / DAY
    return np.asarray(np.maximum(use, MB))


@dataclass(frozen=True)
class Evening:
    """The end of a day, at which a rule looks."""

    containers: list[Container]
    day: int
    policy: Policy


def by_us(evening: Evening) -> dict[str, float]:
    """What right-sizing decides at the end of a day."""
    containers, day, policy = evening.containers, evening.day, evening.policy
    at = START + timedelta(days=day + 1)
    definitions = tuple(ServiceDefinition(name=one.name, limit_form="service") for one in containers)
    project = ProjectObservation(name="bench", directory="/srv/bench", files=("compose.yml",), services=definitions)
    host = HostObservation(
        name="app1",
        facts=HostFacts(cpus=4096, memory=1 << 44, machine_id="m"),
        projects=(project,),
        containers=tuple(_container(one) for one in containers),
        history=tuple(_history(one, at) for one in containers),
        sampler=SamplerStatus(installed=True, running=True, interval=15.0, bucket=float(BUCKET)),
    )
    decided = decide_rightsize(Observation(at=at, hosts=(host,)), policy, at=at).decisions
    return {one.service: float(one.granted) for one in decided if one.resource == "memory" and one.granted is not None}


def _container(one: Container) -> ContainerObservation:
    memory = int(one.limit)
    return ContainerObservation(
        name=f"{one.name}-1", id=one.name, image="x", project="bench", service=one.name, state="running",
        started_at=START.isoformat(), limits=Limits(memory=memory, swap=memory, cpus=1.0), current=True,
        usage=Usage(memory=int(one.used[-1]), cpus=0.1, page_cache=0), config_files=("/srv/bench/compose.yml",),
    )  # fmt: skip


def _history(one: Container, at: datetime) -> ContainerHistory:
    kept = 7 * DAY
    used = np.asarray(one.used[-kept:])
    length = len(used)
    return ContainerHistory(
        name=f"{one.name}-1", project="bench", service=one.name, bucket_seconds=BUCKET, interval_seconds=15,
        at=np.arange(length) * BUCKET + int(at.timestamp()) - length * BUCKET, cpu=np.full(length, 0.1),
        cpu_peak=np.full(length, 0.1), memory=used.astype(np.int64), page_cache=np.zeros(length, np.int64),
        oom_kills=np.asarray(one.kills[-kept:], np.int64), restarts=np.zeros(length, np.int64),
        samples=np.full(length, BUCKET // 15), memory_limit=np.asarray(one.limits[-kept:]).astype(np.int64),
    )  # fmt: skip


def by_krr(evening: Evening) -> dict[str, float]:
    """The highest of 14 days and 15 % more."""
    return {one.name: max(100 * MB, 1.15 * max(one.used[-14 * DAY :])) for one in evening.containers}


def by_vpa(evening: Evening) -> dict[str, float]:
    """The 90th percentile of daily peaks whose weight halves each day, and 15 %; a kill counts as more."""
    return {one.name: max(250 * MB, 1.15 * _vpa_peak(one)) for one in evening.containers}


def _vpa_peak(one: Container) -> float:
    peaks = []
    for age in range(min(8, len(one.used) // DAY)):
        day = slice(len(one.used) - (age + 1) * DAY, len(one.used) - age * DAY)
        peak = max(one.used[day])
        if any(one.kills[day]):
            limit = max(one.limits[day])
            peak = max(1.2 * limit, limit + 100 * MB)
        peaks.append((peak, 0.5**age))
    peaks.sort()
    total, so_far = sum(weight for _, weight in peaks), 0.0
    for peak, weight in peaks:
        so_far += weight
        if so_far >= 0.9 * total:
            return peak
    return peaks[-1][0]


Rule = Callable[[Evening], dict[str, float]]
RULES: dict[str, Rule] = {"ours": by_us, "KRR": by_krr, "VPA": by_vpa}


def measure(rule: Rule, number: int, seed: int) -> dict[str, float]:
    """Slack, share of service-days without an OOM kill, and changes a day and service."""
    containers = drawn(number, seed)
    services = {one.name: {"role": "api"} for one in containers}
    policy = load_policy({"application": {"project": "bench", "directory": "/srv/bench", "services": services}})
    good = changes = 0
    for day in range(LEARNT + JUDGED):
        judged = day >= LEARNT
        for one in containers:
            killed = one.live(day)
            good += judged and not killed
        if day < LEARNT - 1:
            continue
        wanted = rule(Evening(containers, day, policy))
        for one in containers:
            limit = wanted.get(one.name, one.limit)
            changes += judged and limit != one.limit
            one.limit = limit
    slack = [1 - np.asarray(one.used[LEARNT * DAY :]) / np.asarray(one.limits[LEARNT * DAY :]) for one in containers]
    days = JUDGED * len(containers)
    return {"slack": float(np.mean(slack)), "days_without_oom": good / days, "changes": changes / days}


def main() -> None:
    """Print a line for each rule; ``--json`` prints the figures."""
    parser = argparse.ArgumentParser(description="Measure what right-sizing costs and saves.")
    parser.add_argument("--each", type=int, default=6, help="containers of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args()
    figures = {name: measure(rule, given.each, given.seed) for name, rule in RULES.items()}
    if given.json:
        sys.stdout.write(json.dumps(figures, indent=2) + "\n")
        return
    sys.stdout.write("rule   slack   service-days without OOM   changes a day and service\n")
    for name, row in figures.items():
        sys.stdout.write(
            f"{name:<5}  {row['slack']:>5.1%}   {row['days_without_oom']:>24.2%}   {row['changes']:>25.2f}\n"
        )


if __name__ == "__main__":
    main()
