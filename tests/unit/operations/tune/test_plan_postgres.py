"""The Plan of tuning a running server: a reload first, then a restart, and nothing unproven in between."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.flow.saved import rebuild_unchanged
from selextract_infra.model.decision import Verdict
from selextract_infra.model.observation import ContainerObservation, HostFacts, HostObservation, Limits, Observation
from selextract_infra.model.plan import Plan
from selextract_infra.model.postgres_observation import PostgresObservation, PostgresSetting
from selextract_infra.plan import tune_postgres
from selextract_infra.policy import load_policy

GB = 1 << 30
HEALTH = "http://127.0.0.1/health"
POLICY = load_policy(
    {
        "application": {
            "project": "shop",
            "services": {"db": {"role": "database"}, "web": {"role": "api", "health": HEALTH}},
        }
    }
)
AT = datetime(2026, 3, 1, 2, tzinfo=UTC)
DEFAULTS = {
    "shared_buffers": PostgresSetting(value="16384", unit="8kB"),
    "work_mem": PostgresSetting(value="4096", unit="kB"),
    "max_connections": PostgresSetting(value="50", source="command line"),
    "jit": PostgresSetting(value="on"),
}


def seen(settings: dict[str, PostgresSetting] = DEFAULTS, problem: str | None = None) -> Observation:
    postgres = PostgresObservation(
        project="shop", service="db", container="shop-db-1", version=16, settings=settings, problem=problem
    )
    containers = (
        ContainerObservation(
            name="shop-db-1", id="1", image="i", project="shop", service="db", stop_grace_seconds=60,
            limits=Limits(memory=2 * GB, cpus=2),
        ),
        ContainerObservation(name="shop-web-1", id="2", image="i", project="shop", service="web"),
    )  # fmt: skip
    facts = HostFacts(cpus=8, memory=32 * GB)
    return Observation(
        at=AT, hosts=(HostObservation(name="app1", facts=facts, containers=containers, postgres=postgres),)
    )


def plan() -> Plan:
    return tune_postgres(seen(), POLICY)


def test_what_takes_a_restart_is_written_by_the_step_that_restarts() -> None:
    reload, restart = plan().steps
    assert (reload.disrupts, restart.disrupts) == (False, True)
    first, second = reload.values["app1"], restart.values["app1"]
    assert set(first["settings"]) == {"work_mem", "jit"}
    assert set(second["settings"]) == {"work_mem", "jit", "shared_buffers"}
    assert "shared_buffers" not in first["text"]
    assert "shared_buffers = 512MB" in second["text"]
    assert second["settings"]["shared_buffers"] == "65536"
    assert (first["restart"], second["restart"]) == (False, True)
    assert second["health"] == [HEALTH]
    assert second["memory"] == 2 * GB
    assert restart.timeout_seconds >= 60


def test_what_wins_over_us_is_in_no_file() -> None:
    assert "max_connections" not in plan().steps[-1].values["app1"]["text"]


def test_changes_are_told_as_the_file_has_them() -> None:
    (change,) = plan().steps[1].changes
    assert (change.resource, change.before, change.after) == ("shared_buffers", "128MB", "512MB")


def test_a_saved_plan_gives_the_same_steps_again() -> None:
    said = Plan.model_validate_json(plan().model_dump_json())
    assert rebuild_unchanged(said, POLICY) == said


def test_an_edited_decision_is_refused() -> None:
    said = plan()
    edited = [one.model_copy(update={"granted_text": "8GB"}) for one in said.decisions]
    with pytest.raises(RefusedError, match="do not follow"):
        rebuild_unchanged(said.model_copy(update={"decisions": tuple(edited)}), POLICY)


def test_parameters_that_describe_no_server_are_a_usage_error() -> None:
    with pytest.raises(UsageError, match="do not fit tuning"):
        rebuild_unchanged(plan().model_copy(update={"parameters": {"servers": {"app1": {}}}}), POLICY)


def test_a_server_that_does_not_answer_is_refused_with_the_reason() -> None:
    with pytest.raises(RefusedError, match=r"db on app1 cannot be asked: role \"postgres\" does not exist"):
        tune_postgres(seen(problem='role "postgres" does not exist'), POLICY)


def test_no_mapped_server_is_refused_by_name() -> None:
    web = ContainerObservation(name="shop-web-1", id="1", image="x", project="shop", service="web")
    nothing = Observation(at=AT, hosts=(HostObservation(name="app1", containers=(web,)),))
    with pytest.raises(RefusedError, match="mapped as a database"):
        tune_postgres(nothing, POLICY)


def test_a_plan_of_a_tuned_server_is_empty() -> None:
    done = plan().steps[1].values["app1"]["settings"]
    after = {name: DEFAULTS[name].model_copy(update={"value": value}) for name, value in done.items()}
    again = tune_postgres(seen({**DEFAULTS, **after}), POLICY)
    assert again.empty
    assert {one.verdict for one in again.decisions} == {Verdict.KEEP}
