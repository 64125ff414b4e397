"""Limits in place as acts on a host."""

from __future__ import annotations

from selextract_infra.hosts.steps import acts_of, is_carried

VALUES = {
    "project": "shop",
    "directory": "/srv/shop",
    "health": ["http://127.0.0.1:8080/health"],
    "gate_seconds": 60.0,
    "shrink_margin": 0.1,
    "services": {"web": {"memory": 1 << 30}},
    "capacity": {"services": {"web": {"mem_limit": 1 << 30}}},
}


def test_limits_are_set_written_down_and_proved_in_this_order() -> None:
    limits, capacity, gate = acts_of("selextract.infra.rightsize", VALUES)
    assert [limits.name, capacity.name, gate.name] == ["container_limits", "capacity_file", "health_gate"]
    assert capacity.values["services"] == {"web": {"mem_limit": 1 << 30}}
    assert gate.values["services"] == {"web": {"memory": 1 << 30}}


def test_values_of_a_plan_of_version_0_1_mean_what_they_meant() -> None:
    limits, *_, gate = acts_of("selextract.infra.rightsize", VALUES)
    assert limits.values["recreated"] == {}
    assert (gate.values["answering"], gate.values["settling_seconds"]) == ([], 0)


def test_without_a_file_to_write_none_is_written() -> None:
    assert [act.name for act in acts_of("selextract.infra.rightsize", {**VALUES, "capacity": None})] == [
        "container_limits",
        "health_gate",
    ]


def test_what_is_no_step_of_a_host_is_not_carried() -> None:
    assert not is_carried("selextract.infra.uninstall")
