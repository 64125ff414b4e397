"""Steps about a Postgres server, as the acts that a host carries out."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.module_utils.state.registry import ACTS
from selextract_infra.hosts.steps import acts_of, is_carried

SERVER: dict[str, Any] = {"project": "shop", "service": "postgres", "superuser": "admin", "socket": None}
HEALTH = ["http://127.0.0.1:8080/health"]
TUNED = {
    **SERVER,
    "text": "work_mem = 4MB\n",
    "settings": {"work_mem": "4096"},
    "memory": 2**31,
    "restart": True,
    "health": HEALTH,
    "gate_seconds": 90.0,
}
RESTARTED = {"part": "primary", "server": SERVER, "health": HEALTH, "gate_seconds": 90.0, "drain_seconds": 30.0}


def test_settings_come_into_force_and_the_services_are_proved() -> None:
    settings, gate = acts_of("selextract.infra.tune_postgres", TUNED)
    assert settings.name == "postgres_settings"
    assert settings.values == {
        "project": "shop",
        "service": "postgres",
        "superuser": "admin",
        "text": TUNED["text"],
        "settings": TUNED["settings"],
        "memory": 2**31,
        "restart": True,
        "bound_seconds": 90.0,
    }
    assert (gate.name, gate.values["services"], gate.values["urls"]) == ("health_gate", {"postgres": {}}, HEALTH)
    assert (gate.values["answering"], gate.values["settling_seconds"]) == ([], 0)


def test_the_primary_restarts_while_the_pooler_of_its_project_holds_transactions_back() -> None:
    restart, gate = acts_of("selextract.infra.restart_postgres", RESTARTED)
    assert restart.values == {
        "project": "shop",
        "service": "postgres",
        "superuser": "admin",
        "pooled_project": "shop",
        "bound_seconds": 90.0,
    }
    assert (gate.values["project"], gate.values["services"]) == ("shop", {"postgres": {}})


def test_the_host_knows_every_option() -> None:
    for act in (*acts_of("tune_postgres", TUNED), *acts_of("restart_postgres", RESTARTED)):
        ACTS[act.name].work({**act.values, "run_id": "run", "step_id": "step"})


@pytest.mark.parametrize(("part", "carried"), [("primary", True), ("replica", False), ("beside", False)])
def test_a_restart_in_which_two_hosts_take_part_is_led_from_the_control_machine(part: str, carried: bool) -> None:
    assert is_carried("selextract.infra.restart_postgres", {**RESTARTED, "part": part}) is carried
