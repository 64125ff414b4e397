from __future__ import annotations

from typing import Any

import pytest

from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.flow.saved import rebuild, rebuild_unchanged
from selextract_infra.model.plan import Plan
from selextract_infra.plan import rightsize
from tests.unit.seen import GB, MB, one, policy

POLICY = policy()
PLAN: Plan = rightsize(one("api", peak=600 * MB), POLICY, settle=True)


def edited(**update: Any) -> Plan:
    return PLAN.model_copy(update=update)


def test_a_saved_plan_gives_the_same_steps() -> None:
    saved = Plan.model_validate_json(PLAN.model_dump_json())
    assert rebuild(saved, POLICY) == PLAN
    assert rebuild_unchanged(saved, POLICY).digest == PLAN.digest


def test_edited_steps_are_not_taken_over() -> None:
    values = {"app1": {**PLAN.steps[0].values["app1"], "directory": "/etc"}}
    steps = (PLAN.steps[0].model_copy(update={"values": values, "playbook": "evil.play.book"}), *PLAN.steps[1:])
    assert rebuild(edited(steps=steps), POLICY).steps == PLAN.steps
    with pytest.raises(RefusedError, match="says other steps"):
        rebuild_unchanged(edited(steps=steps), POLICY)


def test_the_folder_is_the_policys_and_not_the_files() -> None:
    projects = {"app1": {**PLAN.parameters["projects"]["app1"], "directory": "/etc"}}
    built = rebuild(edited(parameters={**PLAN.parameters, "projects": projects}), POLICY)
    assert built.steps[0].values["app1"]["directory"] == "/opt/selextract"


@pytest.mark.parametrize(
    ("update", "reason"),
    [
        ({"granted": -1}, "that is no limit a container can have"),
        ({"granted": 1}, "that is no limit a container can have"),
        ({"granted": None}, "that is no limit a container can have"),
        ({"service": "other"}, "that service is not part of it"),
        ({"host": "app9"}, "that service is not part of it"),
        ({"resource": "image"}, "right-sizing does not change that"),
        ({"current": GB}, "its limits before are not those of its containers"),
    ],
)
def test_decisions_that_right_sizing_never_makes_are_refused(update: dict[str, Any], reason: str) -> None:
    decisions = (PLAN.decisions[0].model_copy(update=update), *PLAN.decisions[1:])
    with pytest.raises(RefusedError, match=reason):
        rebuild(edited(decisions=decisions), POLICY)


def test_a_capacity_file_with_foreign_keys_is_refused() -> None:
    projects = {"app1": {**PLAN.parameters["projects"]["app1"], "capacity": {"api": {"privileged": True}}}}
    with pytest.raises(RefusedError, match=r"not ours on app1: services\.api\.privileged"):
        rebuild(edited(parameters={**PLAN.parameters, "projects": projects}), POLICY)


@pytest.mark.parametrize("parameters", [{}, {"projects": {"app1": {"project": 1}}}, {"projects": []}])
def test_parameters_that_do_not_fit_are_a_usage_error(parameters: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="do not fit right-sizing"):
        rebuild(edited(parameters=parameters), POLICY)


def test_an_unknown_operation_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"operation format, which is not known; there are .*rightsize"):
        rebuild(edited(operation="format"), POLICY)
