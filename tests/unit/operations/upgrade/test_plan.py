"""The Plan of an upgrade: its checkpoints, what is down, what it costs, and that a saved one gives the same steps."""

from __future__ import annotations

from typing import Any

import pytest

from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.flow.saved import rebuild, rebuild_unchanged
from selextract_infra.model.observation import HostFacts, HostObservation
from selextract_infra.model.plan import Plan
from selextract_infra.model.upgrade import PHASES, Abilities, Mode
from selextract_infra.operations.upgrade.retune import limit_steps, postgres_steps
from tests.unit.operations.upgrade.planned import upgrade_of_host
from tests.unit.seen import GB, MB, container, history, host, observation, policy

TB, GBIT = 10**12, 10**9
BOTH = dict.fromkeys(PHASES, (Mode.LIVE, Mode.REBOOT))
ROBOT = Abilities(name="docker", modes=BOTH)
PERSON = Abilities(name="manual", modes=dict.fromkeys(PHASES, (Mode.REBOOT,)), waits=True, reverts=False)
SERVICES = ("api", "frontend", "worker", "postgres", "redis", "nginx")
RULES = policy({"nginx": {"health": "http://127.0.0.1/health"}, "worker": {"longest_task": "5 minutes"}})


def server(phase: str) -> HostObservation:
    """The guide's server with everything before that phase done."""
    sizes: dict[str, Any] = {"memory": 32 * GB, "cpus": 8, "disk_total": TB, "network_speed": GBIT}
    done = {"memory": 64 * GB, "cpus": 16, "disk_total": 2 * TB, "network_speed": 10 * GBIT}
    fields = dict(zip(PHASES, done, strict=True))
    for earlier in PHASES[: PHASES.index(phase)]:
        sizes[fields[earlier]] = done[fields[earlier]]
    containers = [container(name, health="healthy") for name in SERVICES]
    return host(containers, facts=HostFacts(**sizes, machine_id="m1", disk_free=TB))


def plan(phase: str = "memory", provider: Abilities = ROBOT, **more: Any) -> Plan:
    there = server(phase)
    return upgrade_of_host(there, phase, RULES, provider=provider, **more)


def ids(made: Plan) -> list[str]:
    return [step.id for step in made.steps]


def test_a_live_upgrade_stops_nothing() -> None:
    made = plan()
    assert ids(made) == ["preflight", "freeze", "backup", "hardware", "retune", "gate", "unfreeze"]
    assert not made.disrupts
    assert made.point_of_no_return is None


def test_an_upgrade_with_a_reboot_drains_before_the_backup_and_stops_databases_after_it() -> None:
    made = plan(mode=Mode.REBOOT)
    assert ids(made) == [
        "preflight", "freeze", "drain", "backup", "stop", "hardware", "start", "retune", "gate", "unfreeze",
    ]  # fmt: skip
    assert [step.id for step in made.steps if step.disrupts] == ["drain", "stop", "hardware"]
    values = {step.id: step.values["app1"] for step in made.steps}
    assert values["drain"]["order"] == ["worker", "nginx", "frontend", "api"]
    assert values["stop"]["order"] == ["postgres", "redis"]
    assert values["start"]["steps"] == ["stop", "drain"]


def test_workers_get_as_long_as_their_longest_task() -> None:
    (drain,) = [step for step in plan(mode=Mode.REBOOT).steps if step.id == "drain"]
    assert drain.values["app1"]["graces"] == {"worker": 300.0}


def test_storage_grows_its_file_system_and_has_no_way_back() -> None:
    made = plan("storage")
    assert ids(made) == ["preflight", "freeze", "backup", "hardware", "grow", "retune", "gate", "unfreeze"]
    assert made.point_of_no_return == "hardware"
    assert any("no way back" in finding.sentence for finding in made.findings)
    (grow,) = [step for step in made.steps if step.id == "grow"]
    assert grow.values["app1"]["least_bytes"] == round(2 * TB * 0.9)


@pytest.mark.parametrize(
    ("phase", "unit_price", "quoted"),
    [("memory", 160, 200), ("cpu", 200, 300), ("storage", 50, 100), ("network", 450, 500)],
)
def test_both_sources_of_the_price_are_given_and_never_summed(phase: str, unit_price: int, quoted: int) -> None:
    cost = plan(phase).cost
    assert (round(cost.realised), round(cost.claimed)) == (unit_price, quoted)
    assert f"${unit_price} a month by unit price, at most ${quoted} as quoted" in cost.sentence


def test_a_person_reboots_by_default_and_cannot_be_asked_to_do_otherwise_than_they_can() -> None:
    assert "drain" in ids(plan(provider=PERSON))
    with pytest.raises(RefusedError, match="manual cannot change memory live"):
        plan(provider=PERSON, mode=Mode.LIVE)


def test_what_is_down_and_how_long_is_said_before() -> None:
    (down,) = [finding for finding in plan(mode=Mode.REBOOT).findings if finding.subject == "downtime"]
    assert "the application is down, about 9 min" in down.sentence
    (live,) = [finding for finding in plan().findings if finding.subject == "downtime"]
    assert live.numbers == {"down_seconds": 0}


def test_durations_are_the_policys_until_they_were_learned() -> None:
    first, later = plan(), plan(durations={"backup": 1234.0})
    assert later.estimate_seconds - first.estimate_seconds == 1234.0 - RULES.vertical.steps["backup"].estimate


def test_nothing_to_do_is_a_plan_without_steps() -> None:
    there = server("network")
    made = upgrade_of_host(there, "memory", RULES, provider=ROBOT)
    assert made.empty
    assert rebuild_unchanged(made, RULES).empty


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("mode", Mode)
def test_a_saved_plan_gives_the_same_steps_again(phase: str, mode: Mode) -> None:
    made = plan(phase, mode=mode, durations={"gate": 3.0})
    said = Plan.model_validate_json(made.model_dump_json())
    assert rebuild_unchanged(said, RULES).steps == made.steps


@pytest.mark.parametrize(
    "change",
    [
        {"target": 128.0 * GB},
        {"host": "db1"},
        {"data_folder": "/"},
        {"app": {"project": "other", "directory": "/opt/selextract"}},
        {"app": {"project": "selextract", "directory": "/etc"}},
        {"app": {"project": "selextract", "directory": "/opt/selextract", "drained": ["unmapped"]}},
        {"app": {"project": "selextract", "directory": "/opt/selextract", "health": ["http://example.com/"]}},
    ],
)
def test_a_saved_plan_that_was_edited_is_refused(change: dict[str, Any]) -> None:
    said = plan()
    with pytest.raises(RefusedError) as refusal:
        rebuild(said.model_copy(update={"parameters": {**said.parameters, **change}}), RULES)
    assert refusal.value.rule == "saved plan"


def test_a_saved_plan_of_something_else_is_no_upgrade() -> None:
    with pytest.raises(UsageError, match="do not fit an upgrade"):
        rebuild(plan().model_copy(update={"parameters": {"phase": "memory"}}), RULES)


def test_retuning_raises_what_the_rules_raise_and_takes_nothing_away() -> None:
    used = [history("api", memory=1900 * MB, limit=2 * GB), history("frontend", memory=20 * MB, limit=GB)]
    there = host(
        [container("api", use=1900 * MB, health="healthy"), container("frontend", memory=GB, health="healthy")],
        used, memory=64 * GB,
    )  # fmt: skip
    steps = limit_steps(observation(there), "app1", RULES, phase="memory")
    assert {step.id for step in steps} == {"retune"}
    changes = [change for step in steps for change in step.changes]
    assert {change.subject for change in changes} == {"api"}
    assert all(float(change.after or 0) > float(change.before or 0) for change in changes)


@pytest.mark.parametrize("phase", ["cpu", "storage", "network"])
def test_a_phase_raises_no_limit_that_its_hardware_has_nothing_to_do_with(phase: str) -> None:
    used = [history("api", memory=1900 * MB, limit=2 * GB)]
    there = host([container("api", use=1900 * MB, health="healthy")], used, memory=64 * GB)
    assert limit_steps(observation(there), "app1", RULES, phase=phase) == ()


def test_without_postgres_there_is_nothing_of_it_to_retune() -> None:
    there = server("network")
    assert postgres_steps(observation(there), "app1", RULES, restart=True) == ()
