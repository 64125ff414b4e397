"""Faults of the program that the simulation found, each where it was."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import lru_cache

import pytest

from selextract_infra.model.run import Run
from tests.simulation.boundaries import APPLIES, Fault, FaultKind
from tests.simulation.judge import differences, state_of
from tests.simulation.shapes import deploy_again, plain_shape, shape_for, world_plan
from tests.simulation.trial import Undisturbed, Verdict, try_fault, undisturbed, world


@lru_cache
def run_of(operation: str) -> Undisturbed:
    return undisturbed(operation)


def struck(operation: str, where: str, kind: FaultKind) -> list[Verdict]:
    """The operation with that fault at each boundary of that name."""
    run = run_of(operation)
    numbers = [number for number, (at, name) in enumerate(run.passed, start=1) if name == where and at in APPLIES[kind]]
    assert numbers, f"{operation} comes to no such boundary: {where}"
    return [try_fault(run, Fault(number, kind)) for number in numbers]


def struck_after(operation: str, where: str, kind: FaultKind, most: int) -> list[Verdict]:
    """The operation with that fault at each of so many boundaries that follow one of that name."""
    run = run_of(operation)
    begins = [number for number, (_, name) in enumerate(run.passed, start=1) if name == where]
    assert begins, f"{operation} comes to no such boundary: {where}"
    numbers = {number for begin in begins for number in range(begin + 1, begin + most + 1)}
    faults = [Fault(number, kind) for number in sorted(numbers) if run.passed[number - 1][0] in APPLIES[kind]]
    return [try_fault(run, fault) for fault in faults]


def violations(verdicts: list[Verdict]) -> list[str]:
    return [str(verdict) for verdict in verdicts if verdict.violations]


@pytest.mark.parametrize("where", ["write shop/.compose.capacity.yml.trial", "remove shop/.compose.capacity.yml.trial"])
def test_a_process_that_is_killed_while_it_writes_leaves_nothing_in_the_teams_folder(where: str) -> None:
    assert not violations(struck("scale", where, FaultKind.KILLED))


def test_a_full_disk_between_two_notes_of_a_way_back_does_not_keep_it_from_being_gone() -> None:
    assert not violations(struck("rightsize", "write state/runs/RUN", FaultKind.FAILS))


@pytest.mark.parametrize("kind", [FaultKind.HANGS, FaultKind.FAILS, FaultKind.KILLED])
def test_a_scratch_container_that_could_not_be_removed_goes_with_the_run(kind: FaultKind) -> None:
    assert not violations(struck("rightsize", "DELETE /containers/ID", kind))


def test_that_docker_does_not_remove_a_scratch_container_is_no_refusal_of_its_limits() -> None:
    first = struck("rightsize", "DELETE /containers/ID", FaultKind.FAILS)[0]
    assert "Docker does not remove selextract-scratch-" in first.end


def test_a_run_whose_end_nobody_heard_keeps_what_its_way_back_needs() -> None:
    assert not violations(struck("settle", "write state/segments/RUN", FaultKind.CRASH_AFTER))


def test_giving_the_lock_back_that_fails_undoes_nothing_of_a_run_that_is_done() -> None:
    (verdict,) = struck("tune_workers", "remove state/lock.json", FaultKind.CRASH)
    assert not verdict.violations, verdict
    assert verdict.end.startswith("exit 0")


@pytest.mark.parametrize("operation", ["settle", "settle_api", "tune_workers", "scale"])
def test_a_run_that_is_done_is_rolled_back_to_the_very_state_before(operation: str) -> None:
    with world(shape_for(operation), operation=operation) as here:
        before = state_of(here.host)
        done = here.control().apply(world_plan(here.host, operation, random.Random(1)))
        assert isinstance(done, Run)
        assert done.exit_code == 0, done.message
        back = here.control_of(done.id).roll_back(done.id)
        assert isinstance(back, Run)
        here.host.clock.sleep(60.0)
        assert back.exit_code == 0, back.message
        assert not differences(before, state_of(here.host))


def test_a_run_that_is_resumed_after_it_could_not_be_put_back_makes_no_container_twice() -> None:
    """An only instance that takes longer to get well than the gate waits, the old one as well as the new one."""
    shape = plain_shape()
    shape.services["api"].update(scale=1, volumes=["/cache"])
    with world(shape) as here:
        before = state_of(here.host)
        here.host.engine.ready_after["api"] = 90.0
        failed = here.control().apply(world_plan(here.host, "settle_api", random.Random(1)))
        assert failed.exit_code == 7
        for _ in range(2):
            here.host.clock.sleep(7200.0)
            again = here.control().resume(here.unfinished[0])
            assert again.exit_code == 7
            assert "already in use" not in str(again)
        here.host.engine.ready_after.clear()
        here.host.clock.sleep(7200.0)
        back = here.control().roll_back(here.unfinished[0])
        here.host.clock.sleep(60.0)
        assert back.exit_code == 0, back
        assert not differences(before, state_of(here.host))


def test_what_was_made_anew_by_others_since_is_theirs_and_a_rollback_says_so() -> None:
    with world(shape_for("tune_workers"), operation="tune_workers") as here:
        done = here.control().apply(world_plan(here.host, "tune_workers", random.Random(1)))
        assert isinstance(done, Run)
        here.host.clock.sleep(60.0)
        worker = here.host.engine.names["shop-worker-1"]
        here.host.engine.remove(worker, force=True)
        deploy_again(here.host)
        theirs = here.host.engine.names["shop-worker-1"]["Id"]
        back = here.control_of(done.id).roll_back(done.id)
        assert isinstance(back, Run)
        assert "shop-worker-1 was made again since by somebody else; it stays as it is." in back.message
        assert "made again meanwhile" not in back.message, "the same is not said twice in other words"
        assert here.host.engine.names["shop-worker-1"]["Id"] == theirs


@pytest.mark.parametrize("kind", [FaultKind.REBOOT, FaultKind.CRASH_AFTER, FaultKind.FAILS])
def test_what_is_left_of_a_run_goes_with_the_next_one(kind: FaultKind) -> None:
    assert not violations(struck("rightsize", "remove state/segments/RUN", kind))


def test_an_instance_that_is_put_back_serves_before_the_one_in_its_place_goes() -> None:
    run = run_of("tune_workers")
    looks = [number for number, (_, name) in enumerate(run.passed, start=1) if name == "GET /info"]
    verdict = try_fault(run, Fault(looks[-2], FaultKind.KILLED))
    assert not verdict.violations, verdict
    assert verdict.end.startswith("exit 6")


def test_a_line_that_finds_the_disk_full_is_said_and_put_back() -> None:
    verdicts = struck("rightsize", "append state/segments/RUN", FaultKind.FAILS)
    assert not violations(verdicts)
    assert any("No space left on device" in verdict.end for verdict in verdicts)


def test_a_host_that_went_away_in_the_middle_is_said_to_go_on_by_itself() -> None:
    verdict = struck("rightsize", "POST /containers/ID/update", FaultKind.REBOOT)[0]
    assert not verdict.violations, verdict
    assert "goes on there to the next safe point" in verdict.end


def test_an_act_that_is_carried_again_leaves_the_place_of_the_next_instance_alone() -> None:
    assert not violations(struck("settle_api", "compose create", FaultKind.CRASH_AFTER))


@pytest.mark.parametrize(("operation", "most"), [("settle_api", 16), ("settle", 30)])
def test_a_new_instance_of_which_docker_tells_late_gets_its_place_and_its_volumes(operation: str, most: int) -> None:
    assert not violations(struck_after(operation, "compose create", FaultKind.OLD, most))


@pytest.mark.parametrize("where", ["pgbouncer SHOW CLIENTS", "psql changes"])
def test_a_later_step_that_fails_leaves_what_the_way_back_of_the_steps_before_it_needs(where: str) -> None:
    verdicts = struck("pgbouncer_off", where, FaultKind.KILLED)
    assert not violations(verdicts)
    assert all(verdict.end.startswith("exit 6") for verdict in verdicts)


@pytest.mark.parametrize("kind", [FaultKind.KILLED, FaultKind.CRASH_AFTER])
def test_an_instance_that_is_led_back_to_its_database_is_never_lost(kind: FaultKind) -> None:
    assert not violations(struck("pgbouncer_taken_away", "compose create", kind))


def test_instances_that_are_led_back_have_their_names_and_numbers() -> None:
    done = run_of("pgbouncer_taken_away").done
    assert (done["shop-api-1: number"], done["shop-api-2: number"]) == ("1", "2")


def test_an_instance_that_could_not_be_led_back_serves_again_before_the_next_one_stops() -> None:
    assert not violations(struck_after("pgbouncer_taken_away", "compose create", FaultKind.FAILS, 4))


def test_what_was_just_starting_is_waited_for_when_it_is_put_back() -> None:
    assert not violations(struck("pgbouncer_taken_away", "write shop/compose.override.yml", FaultKind.REBOOT))


@pytest.mark.parametrize("where", ["conf.d/selextract-infra.conf", "postgresql.conf"])
@pytest.mark.parametrize("kind", [FaultKind.KILLED, FaultKind.CRASH])
def test_a_process_that_is_killed_while_it_writes_leaves_nothing_in_the_data_directory(
    where: str, kind: FaultKind
) -> None:
    assert not violations(struck("tune_postgres", f"write volumes/shop_data/{where}", kind))


@pytest.mark.parametrize("own_override", [False, True], ids=["override", "its own override"])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["older first", "newer first"])
@pytest.mark.parametrize(
    "operations", [("settle_api", "tune_workers"), ("scale", "tune_workers"), ("tune_workers", "settle_api")]
)
def test_two_runs_are_rolled_back_in_either_order_and_nothing_is_left(
    operations: tuple[str, str], order: tuple[int, int], own_override: bool
) -> None:
    shape = plain_shape()
    shape = replace(shape, override={"api": {"environment": {"DEBUG": "0"}}}) if own_override else shape
    with world(shape) as here:
        before = state_of(here.host)
        draw = random.Random(1)  # scales the API
        runs = []
        for operation in operations:
            done = here.control().apply(world_plan(here.host, operation, draw))
            assert isinstance(done, Run)
            assert done.exit_code == 0, done.message
            runs.append(done.id)
        for number in order:
            here.host.clock.sleep(60.0)
            back = here.control_of(runs[number]).roll_back(runs[number])
            assert isinstance(back, Run)
            assert back.exit_code == 0, back.message
        here.host.clock.sleep(60.0)
        files = {key for key in before if key.startswith("file ")}
        after = state_of(here.host)
        assert {key for key in after if key.startswith("file ")} == files
        assert all(after[key] == before[key] for key in files)
