"""A Plan is applied only to hosts that are still what it was made for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from selextract_infra.errors import DriftError
from selextract_infra.flow.drift import refuse_drift
from selextract_infra.model.decision import Decision, Verdict
from selextract_infra.model.observation import (
    ContainerObservation,
    HostFacts,
    HostObservation,
    Limits,
    Observation,
    Usage,
)
from selextract_infra.model.plan import Plan

NOW = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
MIB = 2**20


def _seen(memory: int | None = 256 * MIB, *, used: int = 100 * MIB, cpus: int = 2) -> Observation:
    container = ContainerObservation(
        name="shop-api-1", id="c1", image="api", project="shop", service="api",
        limits=Limits(memory=memory, cpus=0.5), usage=Usage(memory=used),
    )  # fmt: skip
    host = HostObservation(name="app1", facts=HostFacts(machine_id="m1", cpus=cpus), containers=(container,))
    return Observation(at=NOW, hosts=(host,))


def _plan(seen: Observation) -> Plan:
    decision = Decision(
        host="app1", project="shop", service="api", resource="memory", verdict=Verdict.LOWER, rule="RSZ-05",
        current=256 * MIB, requested=192 * MIB, granted=192 * MIB, why="because",
    )  # fmt: skip
    return Plan(
        operation="rightsize", made_at=NOW, made_by="test", policy_digest="p", observation_digest=seen.digest,
        host_digests=seen.host_digests, hosts=("app1",), decisions=(decision,),
    )  # fmt: skip


def test_usage_moves_without_being_drift() -> None:
    refuse_drift(_plan(_seen()), _seen(used=120 * MIB))


def test_a_limit_changed_by_hand_is_named_with_both_values() -> None:
    with pytest.raises(DriftError, match="memory of shop-api-1 is 300 MB, was 256 MB") as caught:
        refuse_drift(_plan(_seen()), _seen(300 * MIB))
    assert caught.value.exit_code == 9


def test_a_limit_taken_away_is_drift() -> None:
    with pytest.raises(DriftError, match="is unlimited, was 256 MB"):
        refuse_drift(_plan(_seen()), _seen(None))


def test_other_hardware_is_drift() -> None:
    with pytest.raises(DriftError, match="app1 changed since the plan was made"):
        refuse_drift(_plan(_seen()), _seen(cpus=4))


def test_a_host_that_does_not_answer_is_not_drift() -> None:
    plan = _plan(_seen())
    refuse_drift(plan, Observation(at=NOW, unreachable={"app1": "powered off"}))
