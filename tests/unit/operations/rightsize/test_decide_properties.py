from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from selextract_infra.model.decision import Verdict
from selextract_infra.model.history import ContainerHistory
from selextract_infra.model.observation import HostObservation, Observation
from selextract_infra.operations.rightsize.decide import Decided, decide_rightsize
from tests.unit.seen import AT, MB, ROLES, container, definition, history, host, observation, policy

POLICY = policy({"api": {"parts": False}, "redis": {"maxmemory": "64MB"}})
RULES = POLICY.rightsizing
ENDS = math.inf
NOW = int(AT.timestamp())

sizes = st.integers(6 * MB, 40_000 * MB)
cores = st.floats(0.01, 64.0).map(lambda value: round(value, 2))
peaks = st.integers(0, 40_000 * MB)


@st.composite
def hosts(draw: st.DrawFn) -> HostObservation:
    """A host with some services, each with its limits, its use and its full history, some killed, some unlimited."""
    containers, histories, definitions = [], [], []
    for service in draw(st.lists(st.sampled_from(sorted(ROLES)), unique=True, min_size=1)):
        memory = draw(st.one_of(sizes, sizes, sizes, st.none()))
        cpus = draw(st.one_of(cores, cores, cores, st.none()))
        definitions.append(definition(service, limit_form=None if None in (memory, cpus) else "service"))
        peak, cpu = draw(peaks), draw(st.floats(0, 70))
        killed = draw(st.booleans()) and draw(st.booleans())
        containers += [
            container(service, number=number, memory=memory, cpus=cpus, use=draw(st.integers(0, peak or 1)))
            for number in range(1, draw(st.integers(1, 3)) + 1)
        ]
        column = np.full(2016, peak // 2)
        column[1000] = peak
        histories.append(
            history(
                service, memory=column, cpu=np.linspace(0, cpu, 2016), bucket=300, samples=20,
                oom={1000: 1} if killed else None, limit=memory if memory and draw(st.booleans()) else None,
            )
        )  # fmt: skip
    size, number = draw(st.integers(1, 128)) * 1024 * MB, draw(st.integers(1, 64))
    return host(containers, histories, memory=size, cpus=number, definitions=definitions)


def decide(seen: Observation, **more: Any) -> Decided:
    return decide_rightsize(seen, POLICY, at=AT, **more)


def applied(seen: HostObservation, decided: Decided) -> HostObservation:
    """The host after the plan: limits and our capacity file as decided."""
    granted = {(one.service, one.resource): one.granted for one in decided.decisions if one.changes}
    file = {service: {"mem_limit": value} for (service, resource), value in granted.items() if resource == "memory"}
    containers = []
    for before in seen.containers:
        limits = before.limits
        for resource in ("memory", "cpus"):
            value = granted.get((before.service or "", resource))
            if value is not None:
                limits = limits.model_copy(update={resource: value})
        containers.append(before.model_copy(update={"limits": limits}))
    project = seen.projects[0].model_copy(update={"capacity_file": {"services": file}})
    return seen.model_copy(update={"containers": tuple(containers), "projects": (project,)})


@given(hosts(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_a_second_plan_right_after_is_empty(before: HostObservation, settle: bool) -> None:
    decided = decide(observation(before), settle=settle)
    again = decide(observation(applied(before, decided)), settle=settle)
    assert [one for one in again.decisions if one.changes] == []


@given(hosts(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_no_change_goes_below_what_was_seen_or_above_the_host(before: HostObservation, settle: bool) -> None:
    decided = decide(observation(before), settle=settle)
    for one in decided.decisions:
        if not one.changes or one.granted is None:
            continue
        if one.verdict is Verdict.LOWER:
            assert one.current is not None
            assert one.granted < one.current
            assert one.service not in ("postgres", "redis")
            assert one.numbers.get("oom_kills", 0) == 0
        if one.resource == "memory":
            assert one.granted <= before.facts.memory * (1 - RULES.host_reserve_memory)
            trimmed = one.why_less is not None
            if not trimmed:
                assert one.granted >= (one.peak or 0) * (1 + RULES.memory_margin) - 1
        else:
            assert one.granted <= before.facts.cpus
        assert (one.low or 0) <= (one.requested or 0) <= (one.high or ENDS)


@given(hosts())
@settings(max_examples=150, deadline=None)
def test_all_limits_together_fit_the_host_or_are_no_more_than_before(before: HostObservation) -> None:
    decided = decide(observation(before), settle=True)
    after = applied(before, decided)
    for resource, most in (
        ("memory", before.facts.memory * (1 - RULES.host_reserve_memory)),
        ("cpus", before.facts.cpus * RULES.cpu_overcommit_refuse),
    ):
        size = getattr(before.facts, resource)
        held = [0.0, 0.0]
        for earlier, later in zip(before.containers, after.containers, strict=True):
            limits = [getattr(one.limits, resource) or 0 for one in (earlier, later)]
            # None, or one at the host's total, limits nothing; lowered to a real one it gives nothing more away.
            if 0 < limits[0] < size:
                held = [total + limit for total, limit in zip(held, limits, strict=True)]
        assert held[1] <= max(most + 1e-3, held[0])


@given(sizes, cores, peaks, peaks)
@settings(max_examples=150, deadline=None)
def test_a_higher_peak_never_gets_less(limit: int, cpus: float, first: int, second: int) -> None:
    def granted(peak: int) -> list[float]:
        seen = host(
            [container("api", memory=limit, cpus=cpus, use=0, cpu_use=0.0)],
            [history("api", memory=peak, cpu=peak / MB / 1000, bucket=300, samples=20)],
        )
        return [float(one.granted or 0) for one in decide(observation(seen)).decisions]

    low, high = sorted((first, second))
    for less, more in zip(granted(low), granted(high), strict=True):
        assert less <= more


extremes = st.integers(-(2**62), 2**62)  # what is beyond is refused where it comes in
floats = st.floats(allow_nan=False, allow_infinity=False)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_no_history_raises(data: st.DataObject) -> None:
    histories = []
    for number in range(data.draw(st.integers(0, 3))):
        length = data.draw(st.integers(0, 5))

        def column(values: Any, length: int = length) -> Any:
            return data.draw(st.lists(values, min_size=length, max_size=length))

        at = column(st.one_of(extremes, st.integers(NOW - 1000, NOW + 1000)))
        histories.append(
            ContainerHistory(
                name=f"api-{number}", project="selextract", service="api",
                bucket_seconds=data.draw(st.floats(-1, 1e6)), interval_seconds=data.draw(st.floats(-1, 1e6)),
                at=at, cpu=column(floats), cpu_peak=column(floats), memory=column(extremes),
                page_cache=column(extremes), oom_kills=column(extremes), restarts=column(extremes),
                samples=column(extremes), memory_limit=data.draw(st.one_of(st.just([]), st.just(at))),
            )
        )  # fmt: skip
    seen = observation(host([container("api")], histories))
    for one in decide(seen, settle=data.draw(st.booleans())).decisions:
        assert one.granted is not None
        assert 0 < one.granted < 2**63
