"""What stands beside a limit in the Compose files is respected: Docker would refuse the next ``up`` else."""

from __future__ import annotations

from typing import Any

import pytest

from selextract_infra.errors import RefusedError
from selextract_infra.model.decision import Decision, Verdict
from selextract_infra.model.observation import Observation, ResourceKeys
from selextract_infra.operations.rightsize.decide import decide_rightsize
from selextract_infra.operations.rightsize.requested import Asked
from tests.unit.seen import AT, GB, MB, container, definition, history, host, observation, policy


def seen(*, cpu: Any = 0.1, peak: int = 100 * MB, reserved: int | None = None, **beside: Any) -> Observation:
    """A worker that would be lowered to 176 MB of memory."""
    own = container("worker", memory=GB, cpus=0.5, memory_reservation=reserved)
    defined = definition("worker", beside=ResourceKeys(**beside))
    return observation(host([own], [history("worker", memory=peak, cpu=cpu)], definitions=[defined]))


def decided(observed: Observation, resource: str, **more: Any) -> Decision:
    decisions = decide_rightsize(observed, policy(), at=AT, **more).decisions
    (found,) = [decision for decision in decisions if decision.resource == resource]
    return found


def test_without_anything_beside_it_the_memory_is_lowered() -> None:
    assert decided(seen(), "memory").granted == 176 * MB


@pytest.mark.parametrize("reserved", [{"memory_reservation": 200 * MB}, {"reserved": 200 * MB}])
def test_a_limit_is_never_proposed_below_the_reservation(reserved: dict[str, int]) -> None:
    lowered = decided(seen(**reserved), "memory")
    assert (lowered.granted, lowered.rule) == (208 * MB, "mem_reservation")
    assert lowered.why == "Its reservation is 200 MB, and Docker takes no limit below that."


def test_one_that_is_asked_for_below_the_reservation_is_refused_by_name_and_nobody_overrides_it() -> None:
    asked = Asked("worker", 192 * MB, None)
    with pytest.raises(RefusedError, match="192 MB for worker on app1 is below its reservation of 200 MB") as refusal:
        decided(seen(memory_reservation=200 * MB), "memory", asked=asked, overrides=["mem_reservation", "RSZ-05"])
    assert (refusal.value.rule, refusal.value.override) == ("mem_reservation", None)


def test_shared_memory_counts_and_never_raises_a_limit_by_itself() -> None:
    assert decided(seen(shm_size=300 * MB), "memory").granted == 304 * MB
    kept = decided(seen(shm_size=2 * GB), "memory")
    assert (kept.verdict, kept.granted) == (Verdict.KEEP, GB)


def test_where_nothing_may_be_killed_the_limit_is_not_lowered() -> None:
    kept = decided(seen(oom_kill_disable=True), "memory")
    assert (kept.granted, kept.rule) == (GB, "oom_kill_disable")


def test_a_cpu_limit_as_quota_is_left_alone_and_named() -> None:
    kept = decided(seen(cpu=0.9, cpu_quota=True), "cpus")
    assert (kept.verdict, kept.granted) == (Verdict.REFUSED, 0.5)
    assert kept.why_less == "its CPU limit is given as cpu_quota, and Docker refuses cpus beside that"
    with pytest.raises(RefusedError, match="cpu_quota"):
        decided(seen(cpu_quota=True), "cpus", asked=Asked("worker", None, 1.0))


def test_a_cpu_limit_is_not_raised_beyond_the_cores_that_it_may_run_on() -> None:
    kept = decided(seen(cpu=0.9, cpuset=1), "cpus")
    assert (kept.granted, kept.rule) == (0.5, "cpuset")
    assert decided(seen(cpu=0.9, cpuset=2), "cpus").granted == 1.5
    with pytest.raises(RefusedError, match="cpuset has 1 core"):
        decided(seen(cpuset=1), "cpus", asked=Asked("worker", None, 2.0))
