"""The simulation is good: it finds each mutation that is planted, and nothing where none is."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import pytest

from tests.simulation.mutations import MUTATIONS, Mutation
from tests.simulation.trial import Undisturbed, faults_of, try_fault, try_late, try_sick, undisturbed

_APART = 17  # one fault of so many first, then those between


@lru_cache
def run_of(operation: str) -> Undisturbed:
    return undisturbed(operation)


def found(mutation: Mutation) -> Iterator[str]:
    """What the simulation says of the mutant, one violation after the other."""
    run = run_of(mutation.operation)
    with mutation.in_place():
        if mutation.way == "sick":
            yield from try_sick(run, "api")
        elif mutation.way == "late":
            yield from try_late(run)
        else:
            yield from _by_faults(mutation, run)


def _by_faults(mutation: Mutation, run: Undisturbed) -> Iterator[str]:
    if not mutation.kinds:
        try:
            mutant = undisturbed(mutation.operation)
        except AssertionError as problem:
            yield str(problem)
        else:
            yield from [] if mutant.done == run.done else ["it comes to another end"]
    struck = [fault for fault in faults_of(run) if fault.kind in mutation.kinds]
    for fault in (fault for first in range(_APART) for fault in struck[first::_APART]):
        verdict = try_fault(run, fault)
        yield from verdict.violations


@pytest.mark.parametrize("mutation", [one for one in MUTATIONS if one.way != "fault"], ids=lambda one: one.name)
def test_a_mutation_is_found(mutation: Mutation) -> None:
    violation = next(found(mutation), None)
    assert violation is not None


@pytest.mark.slow
@pytest.mark.parametrize("mutation", [one for one in MUTATIONS if one.way == "fault"], ids=lambda one: one.name)
def test_a_mutation_is_found_by_faults(mutation: Mutation) -> None:
    violation = next(found(mutation), None)
    assert violation is not None


def test_without_a_mutation_new_instances_that_never_get_healthy_leave_all_as_before() -> None:
    assert not try_sick(run_of("settle_api"), "api")


def test_without_a_mutation_a_control_machine_that_wakes_up_late_changes_nothing() -> None:
    assert not try_late(run_of("rightsize"))
