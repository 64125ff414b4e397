"""An upgrade's steps as the acts that a host carries out; what changes the hardware is none of them."""

from __future__ import annotations

import json
from pathlib import Path

from plugins.module_utils.state.registry import ACTS
from selextract_infra.hosts.steps import acts_of, is_carried, values_on
from selextract_infra.model.plan import Plan, Step
from selextract_infra.model.upgrade import Mode
from tests.unit.operations.upgrade.test_plan import plan

STORAGE = {step.id: step for step in plan("storage").steps}
REBOOT = {step.id: step for step in plan("memory", mode=Mode.REBOOT).steps}
LED = ("hardware", "retune")


def acts(step: Step) -> list[str]:
    [values] = step.values.values()
    return [act.name for act in acts_of(step.playbook, values)]


def test_each_step_is_an_act_and_the_end_compares_health_and_answers() -> None:
    carried = {name: acts(step) for name, step in {**STORAGE, **REBOOT}.items() if name not in LED}
    assert carried == {
        "preflight": ["upgrade_ready"],
        "freeze": ["host_freeze"],
        "drain": ["services_stop"],
        "backup": ["restore_point"],
        "stop": ["services_stop"],
        "grow": ["volume_grow"],
        "start": ["services_start"],
        "gate": ["health_gate", "load_check"],
        "unfreeze": ["host_freeze"],
    }


def test_the_hardware_and_what_is_planned_anew_are_only_recorded_on_the_host() -> None:
    for name in LED:
        [(host, values)] = REBOOT[name].values.items()
        assert not is_carried(REBOOT[name].playbook, values)
        assert values_on((REBOOT[name],), host) == values


def test_every_project_of_the_host_is_stopped_and_archived() -> None:
    [(host, values)] = REBOOT["stop"].values.items()
    others = [{**values, "project": "blog", "directory": "/srv/blog"}]
    stops = acts_of(REBOOT["stop"].playbook, {**values, "others": others})
    assert [act.values["project"] for act in stops] == [values["project"], "blog"]
    assert host in REBOOT["backup"].values


def test_the_host_knows_every_option() -> None:
    old = json.loads(Path("tests/cases/version_0_1/upgrade.json").read_text())["plan"]
    of_version_0_1 = {step.id: step for step in Plan.model_validate(old).steps}
    for steps in (STORAGE, REBOOT, of_version_0_1):
        for step in steps.values():
            [values] = step.values.values()
            for act in acts_of(step.playbook, values) if step.id not in LED else ():
                known = ACTS[act.name]
                known.work({**act.values, "run_id": "run", "step_id": step.id})
