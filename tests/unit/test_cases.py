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
from selextract_infra.model.observation import Observation
from selextract_infra.model.plan import Plan
from selextract_infra.operations.emergency.decide import grant
from selextract_infra.operations.watch.memory import Watched
from selextract_infra.plan import emergency, rightsize, scale, tune_workers
from selextract_infra.policy import Policy
from selextract_infra.policy.units import MEMORY
from tests.cases.case import Case, cases_of, differences

FOLDER = Path(__file__).resolve().parents[1] / "cases"
LEAST = 10  # cases of each operation


def _rightsize(seen: Observation, policy: Policy, request: dict[str, Any]) -> Plan:
    memory = request.pop("memory", None)
    return rightsize(seen, policy, memory=None if memory is None else int(MEMORY.parse(memory)), **request)


def _scaling(seen: Observation, policy: Policy, request: dict[str, Any]) -> Plan:
    """Counts by hand, or what the autoscaler asks for when it has looked at the same for so many minutes."""
    minutes = request.pop("watched_minutes", None)
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


def _emergency(seen: Observation, policy: Policy, request: dict[str, Any]) -> Plan:
    assert not request
    judged = assess(seen, policy, more=traffic_measurements(seen, policy))
    return emergency(seen, policy, look=grant(situation_of(seen, judged, policy), policy))


def _tune_workers(seen: Observation, policy: Policy, request: dict[str, Any]) -> Plan:
    return tune_workers(seen, policy, **request)


OPERATIONS: dict[str, Callable[[Observation, Policy, dict[str, Any]], Plan]] = {
    "rightsize": _rightsize,
    "scaling": _scaling,
    "emergency": _emergency,
    "tune": _tune_workers,
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
    seen, rules, expected = case.observation(), case.rules(), case.expect
    if expected.refused is None:
        assert differences(OPERATIONS[operation](seen, rules, dict(case.request)), expected) == []
        return
    with pytest.raises(RefusedError) as refused:
        OPERATIONS[operation](seen, rules, dict(case.request))
    assert expected.refused in str(refused.value)
    assert (expected.rule, expected.override) == (refused.value.rule, refused.value.override)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_has_its_cases(operation: str) -> None:
    assert len(cases_of(FOLDER, operation)) >= LEAST


def test_every_folder_of_cases_is_of_an_operation() -> None:
    assert {path.parents[1].name for path in FOLDER.glob("*/*/case.yml")} == set(OPERATIONS)
