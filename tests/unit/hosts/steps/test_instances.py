"""Steps about instances, as the acts that a host carries out."""

from __future__ import annotations

from typing import Any

from plugins.module_utils.state.registry import ACTS
from selextract_infra.hosts.orchestrators.orchestrator import PlannedAct
from selextract_infra.hosts.steps import acts_of

COMMON: dict[str, Any] = {
    "project": "shop",
    "directory": "/srv/shop",
    "health": ["http://127.0.0.1:8080/health"],
    "gate_seconds": 60.0,
}
SETTLE = {
    **COMMON,
    "services": {"api": {"memory": 2**30}},
    "answering": ["api"],
    "settling_seconds": 5.0,
    "settle": [
        {
            "service": "api",
            "containers": ["shop-api-1", "shop-api-2"],
            "stop_grace": 30.0,
            "variables": ["WORKERS"],
            "replicable": True,
        }
    ],
}
SCALE = {
    **COMMON,
    "service": "worker",
    "count": 4,
    "targets": [3, 4],
    "leaving": [],
    "balanced": False,
    "drain_seconds": 70.0,
    "stop_grace": 60.0,
    "capacity": {"services": {"worker": {"scale": 4}}},
}


def named(acts: tuple[PlannedAct, ...]) -> list[str]:
    for act in acts:
        ACTS[act.name].work({**act.values, "run_id": "run", "step_id": "step"})  # the host knows all of it
    return [act.name for act in acts]


def test_settling_replaces_each_instance_and_then_asks_whether_all_are_as_the_files_say() -> None:
    acts = acts_of("selextract.infra.settle", SETTLE)
    assert named(acts) == ["replace_instance", "replace_instance", "health_gate"]
    first, second, gate = (act.values for act in acts)
    assert (first["name"], second["name"]) == ("shop-api-1", "shop-api-2")
    assert first == {
        "name": "shop-api-1",
        "project": "shop",
        "service": "api",
        "directory": "/srv/shop",
        "variables": ["WORKERS"],
        "limits": {"memory": 2**30},
        "replicable": True,
        "stop_grace": 30.0,
        "urls": COMMON["health"],
        "bound_seconds": 60.0,
        "settling_seconds": 5.0,
    }
    assert (gate["settled_in"], gate["services"], gate["answering"]) == ("/srv/shop", SETTLE["services"], ["api"])
    assert acts[0].title == "Replace shop-api-1"


def test_what_a_plan_of_version_0_1_does_not_say_about_settling_is_what_held_then() -> None:
    old = {**COMMON, "services": {}, "settle": [{"service": "api", "containers": ["shop-api-1"]}]}
    replaced, gate = (act.values for act in acts_of("settle", old))
    known = {key: replaced[key] for key in ("variables", "limits", "replicable", "stop_grace", "settling_seconds")}
    assert known == {"variables": [], "limits": {}, "replicable": False, "stop_grace": None, "settling_seconds": 0}
    assert (gate["answering"], gate["settling_seconds"]) == ([], 0)


def test_new_settings_are_written_down_before_an_instance_is_replaced() -> None:
    written = {"services": {"api": {"environment": {"WORKERS": 4}}}}
    acts = acts_of("tune_workers", {**SETTLE, "capacity": written})
    assert named(acts) == ["capacity_file", "replace_instance", "replace_instance", "health_gate"]
    assert acts[0].values["services"] == written["services"]


def test_acts_that_a_step_names_come_first_and_are_proved_at_the_end() -> None:
    """No playbook and no function of its own: the step of an operation says what is done."""
    switch = {"project": "shop", "folder": "/srv/shop/nginx.d", "name": "throttling", "enabled": True}
    edge = {"name": "edge_switch", "title": "Throttle", "values": switch}
    acts = acts_of("selextract.infra.carry", {**COMMON, "services": {"nginx": {}}, "acts": [edge]})
    assert named(acts) == ["edge_switch", "health_gate"]
    assert (acts[0].title, acts[0].values) == (edge["title"], edge["values"])
    assert "settled_in" not in acts[1].values


def test_acts_on_an_instance_that_is_made_anew_are_done_to_the_new_one_too() -> None:
    gate = {"name": "health_gate", "title": "Ask", "values": {"project": "shop"}}
    acts = acts_of("carry", {**SETTLE, "acts": [gate]})
    assert named(acts) == ["health_gate", "replace_instance", "replace_instance", "health_gate", "health_gate"]
    assert acts[0] == acts[3]


def test_instances_are_added_one_after_the_other_and_counted_at_the_end() -> None:
    acts = acts_of("scale", SCALE)
    assert named(acts) == ["instances", "instances", "capacity_file", "health_gate"]
    assert [(act.values["count"], act.values["settle"]) for act in acts[:2]] == [(3, False), (4, True)]
    assert (acts[-1].values["counts"], acts[-1].values["services"]) == ({"worker": 4}, {"worker": {}})


def test_instances_are_taken_away_by_name_and_the_count_is_written_then() -> None:
    leaving = ["shop-worker-4", "shop-worker-3"]
    acts = acts_of("scale", {**SCALE, "count": 2, "targets": [], "leaving": leaving})
    assert named(acts) == ["instances", "capacity_file", "health_gate"]
    values = acts[0].values
    assert (values["state"], values["names"], values["drain_seconds"], values["stop_grace"]) == (
        "absent",
        leaving,
        70.0,
        60.0,
    )
