"""Every case in tests/cases: a request and an observation give these decisions and steps, or this refusal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from selextract_infra.assess.assessment import assess
from selextract_infra.assess.calendar import Calendar
from selextract_infra.assess.incident import situation_of
from selextract_infra.assess.traffic import traffic_measurements
from selextract_infra.errors import RefusedError
from selextract_infra.flow.registry import operation_names
from selextract_infra.model.plan import Plan
from selextract_infra.operations.emergency.decide import grant
from selextract_infra.operations.watch.memory import Watched
from selextract_infra.plan import (
    balancer,
    emergency,
    pgbouncer,
    replicas,
    restart_postgres,
    rightsize,
    scale,
    tune_postgres,
    tune_redis,
    tune_workers,
    upgrade,
)
from selextract_infra.policy.units import MEMORY
from tests.cases.case import Case, cases_of
from tests.cases.differences import differences
from tests.cases.looks import SIZES, hardware_of, pooled, replication_of, with_edge

FOLDER = Path(__file__).resolve().parents[1] / "cases"
LEAST = 10  # cases of each operation


def _rightsize(case: Case, request: dict[str, Any]) -> Plan:
    memory = request.pop("memory", None)
    asked = None if memory is None else int(MEMORY.parse(memory))
    return rightsize(case.observation(), case.rules(), memory=asked, **request)


def _scale(case: Case, request: dict[str, Any]) -> Plan:
    """Counts by hand, or what the autoscaler asks for when it has looked at the same for so many minutes."""
    minutes, seen, policy = request.pop("watched_minutes", None), case.observation(), case.rules()
    if minutes is None:
        return scale(seen, policy, request.pop("counts"), **request)
    watched, at = Watched(policy), seen.at.timestamp()
    for step in range(int(minutes * 60 / watched.interval) + 1):
        watched.take(seen, at + step * watched.interval)
    decisions = watched.decide(seen, at + step * watched.interval, Calendar.of(policy), None)
    counts = {decision.service: int(decision.granted or 0) for decision in decisions if decision.changes}
    steps = scale(seen, policy, counts, **request).steps if counts else ()
    return Plan(
        operation="scale",
        made_at=seen.at,
        made_by="",
        policy_digest=policy.digest,
        observation_digest=seen.digest,
        hosts=("app1",),
        decisions=decisions,
        steps=steps,
    )


def _emergency(case: Case, request: dict[str, Any]) -> Plan:
    assert not request
    seen, policy = case.observation(), case.rules()
    judged = assess(seen, policy, more=traffic_measurements(seen, policy))
    return emergency(seen, policy, look=grant(situation_of(seen, judged, policy), policy))


def _tune_workers(case: Case, request: dict[str, Any]) -> Plan:
    return tune_workers(case.observation(), case.rules(), **request)


def _tune_postgres(case: Case, request: dict[str, Any]) -> Plan:
    size = request.pop("shared_buffers", None)
    asked = None if size is None else int(MEMORY.parse(size))
    return tune_postgres(case.observation(), case.rules(), shared_buffers=asked, **request)


def _tune_redis(case: Case, request: dict[str, Any]) -> Plan:
    size = request.pop("maxmemory", None)
    asked = None if size is None else int(MEMORY.parse(size))
    return tune_redis(case.observation(), case.rules(), maxmemory=asked, **request)


def _pgbouncer(case: Case, request: dict[str, Any]) -> Plan:
    seen, looks = pooled(case)
    return pgbouncer(seen, case.rules(), switch=_switch(request), look=looks, **request)


def _balancer(case: Case, request: dict[str, Any]) -> Plan:
    return balancer(with_edge(case), case.rules(), on=_switch(request) == "on", **request)


def _switch(request: dict[str, Any]) -> str:
    """YAML reads ``on`` as true."""
    return "on" if request.pop("switch", True) in (True, "on") else "off"


def _replicas(case: Case, request: dict[str, Any]) -> Plan:
    return replicas(case.observation(), case.rules(), look=replication_of(case), **request)


def _restart_postgres(case: Case, request: dict[str, Any]) -> Plan:
    return restart_postgres(case.observation(), case.rules(), look=replication_of(case), **request)


def _upgrade(case: Case, request: dict[str, Any]) -> Plan:
    target = request.pop("target", None)
    phase = request["phase"]
    size = None if target is None else float(SIZES[phase].parse(target))
    return upgrade(case.observation(), case.rules(), target=size, look=hardware_of(case, phase), **request)


OPERATIONS: dict[str, Callable[[Case, dict[str, Any]], Plan]] = {
    "balancer": _balancer,
    "emergency": _emergency,
    "pgbouncer": _pgbouncer,
    "replicas": _replicas,
    "restart_postgres": _restart_postgres,
    "rightsize": _rightsize,
    "scale": _scale,
    "tune_postgres": _tune_postgres,
    "tune_redis": _tune_redis,
    "tune_workers": _tune_workers,
    "upgrade": _upgrade,
}


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        pytest.param(operation, path, id=f"{operation}/{path.name}")
        for operation in OPERATIONS
        for path in cases_of(FOLDER, operation)
    ],
)
def test_the_case_comes_to_what_it_says(operation: str, path: Path) -> None:
    case = Case.read(path / "case.yml")
    planned, expected = OPERATIONS[operation], case.expect
    if expected.refused is None:
        assert differences(planned(case, dict(case.request)), expected) == []
        return
    with pytest.raises(RefusedError) as refused:
        planned(case, dict(case.request))
    assert expected.refused in str(refused.value)
    assert (expected.remedy or "") in (refused.value.remedy or "")
    assert (expected.rule, expected.override) == (refused.value.rule, refused.value.override)


def test_every_operation_has_its_cases() -> None:
    assert {name.replace(" ", "_") for name in operation_names()} == set(OPERATIONS)
    few = [operation for operation in OPERATIONS if len(cases_of(FOLDER, operation)) < LEAST]
    assert few == []


def test_every_folder_of_cases_is_of_an_operation() -> None:
    assert {path.parents[1].name for path in FOLDER.glob("*/*/case.yml")} == set(OPERATIONS)
