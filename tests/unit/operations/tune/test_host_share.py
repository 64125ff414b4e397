"""Postgres as its official image makes it: no limit, a hundred connections of which hardly any is open, neighbours."""

from __future__ import annotations

from typing import Any

import pytest

from selextract_infra.model.observation import HostObservation
from selextract_infra.model.plan import Plan
from selextract_infra.model.postgres_observation import PostgresConnections, PostgresObservation, PostgresSetting
from selextract_infra.plan import tune_postgres
from selextract_infra.policy import Policy, load_policy
from tests.unit.seen import GB, MB, container, host, observation

SETTINGS = {
    "shared_buffers": PostgresSetting(value="16384", unit="8kB"),
    "work_mem": PostgresSetting(value="4096", unit="kB"),
    "max_connections": PostgresSetting(value="100"),
}
UNLIMITED: dict[str, Any] = {"memory": None, "cpus": None, "swap": None}


def rules(profile: str = "own") -> Policy:
    services = {"api": {"role": "api", "environment": {"concurrency": "WORKERS"}}, "postgres": {"role": "database"}}
    return load_policy({"profile": profile, "application": {"project": "selextract", "services": services}})


def server(*others: Any, memory: int = 8 * GB, connections: int = 3, **own: Any) -> HostObservation:
    database = container("postgres", **{**UNLIMITED, "store": "postgres", **own})
    postgres = PostgresObservation(
        project="selextract", service="postgres", container=database.name, version=16, settings=SETTINGS,
        connections=PostgresConnections(open=connections),
    )  # fmt: skip
    return host([database, *others], memory=memory, postgres=postgres)


def rival(number: int) -> Any:
    return container(f"rival{number}", **UNLIMITED, store="postgres")


def counted(plan: Plan) -> int:
    (server_on_host,) = plan.parameters["servers"].values()
    return int(server_on_host["facts"]["memory"])


def granted(plan: Plan, setting: str) -> float | None:
    return next((decision.granted for decision in plan.decisions if decision.resource == setting), None)


def test_three_servers_without_a_limit_share_what_the_host_has() -> None:
    plan = tune_postgres(observation(server(rival(1), rival(2))), rules())
    assert counted(plan) * 3 <= 8 * GB
    assert counted(plan) >= 2 * GB
    (finding,) = [each for each in plan.findings if "no memory limit" in each.sentence]
    assert "2,048 MB of the 8,192 MB of app1 are counted" in finding.sentence
    assert "and 2 more Postgres without a limit" in finding.sentence


def test_what_apps_hold_is_not_the_servers() -> None:
    apps = [container("api", memory=2 * GB), container("worker", memory=None, use=1024 * MB)]
    assert 3 * GB <= counted(tune_postgres(observation(server(*apps)), rules())) <= 5 * GB


def test_a_server_with_a_limit_and_one_that_is_alone_are_counted_as_before() -> None:
    limited = server(rival(1))
    limited = limited.model_copy(
        update={"containers": (container("postgres", memory=2 * GB, store="postgres"), *limited.containers[1:])}
    )
    plan = tune_postgres(observation(limited), rules())
    assert counted(plan) == 2 * GB
    assert not [each for each in plan.findings if "no memory limit" in each.sentence]
    assert counted(tune_postgres(observation(server()), rules())) == 8 * GB


def test_what_others_use_must_move_far_before_the_settings_move() -> None:
    here = [counted(tune_postgres(observation(server(container("api", **UNLIMITED, use=use * MB))), rules()))
            for use in (50, 60, 90)]  # fmt: skip
    assert len(set(here)) == 1


@pytest.mark.parametrize(
    ("profile", "connections", "processes", "wanted"),
    [("own", 3, 4, 100), ("own", 3, 130, 133), ("guide", 3, 4, 200)],
)
def test_max_connections_follow_what_is_asked_for_and_not_a_wish(
    profile: str, connections: int, processes: int, wanted: int
) -> None:
    api = container("api", memory=GB, numbers={"WORKERS": processes})
    seen = observation(server(api, connections=connections, memory=32 * GB))
    assert granted(tune_postgres(seen, rules(profile)), "max_connections") == wanted


def test_the_work_mem_of_an_idle_server_is_not_lowered_and_that_of_a_full_one_is() -> None:
    idle = tune_postgres(observation(server(rival(1), rival(2), memory=1 * GB)), rules())
    assert granted(idle, "work_mem") == 4 * MB
    assert [each.sentence for each in idle.findings if each.sentence.startswith("work_mem stays 4MB: 3 connections")]
    full = tune_postgres(observation(server(rival(1), rival(2), memory=1 * GB, connections=90)), rules())
    assert (granted(full, "work_mem") or 0) < 4 * MB
