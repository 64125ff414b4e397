"""Every fault at every boundary of every operation ends done, exactly as before, or resumable and said."""

from __future__ import annotations

from functools import lru_cache

import pytest

from tests.simulation.boundaries import FaultKind
from tests.simulation.shapes import BEFORE, OPERATIONS
from tests.simulation.trial import Undisturbed, faults_of, try_fault, undisturbed

_SAMPLE, _SAMPLE_OF_LONG = 24, 8  # faults of each operation in the short run; fewer where another comes before it


@lru_cache
def run_of(operation: str) -> Undisturbed:
    return undisturbed(operation)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_is_drawn_of_all_faults_ends_as_the_contract_says(operation: str) -> None:
    faults = list(faults_of(run_of(operation)))
    sample = faults[:: len(faults) // (_SAMPLE_OF_LONG if operation in BEFORE else _SAMPLE)]
    violations = [verdict for fault in sample if (verdict := try_fault(run_of(operation), fault)).violations]
    print(f"{operation}: {len(run_of(operation).passed)} boundaries, {len(faults)} faults, {len(sample)} of them tried")
    assert not violations, "\n".join(map(str, violations))


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("kind", FaultKind)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_fault_at_each_boundary_ends_as_the_contract_says(operation: str, kind: FaultKind) -> None:
    faults = [fault for fault in faults_of(run_of(operation)) if fault.kind is kind]
    violations = [verdict for fault in faults if (verdict := try_fault(run_of(operation), fault)).violations]
    print(f"{operation}, {kind}: {len(faults)} of {len(run_of(operation).passed)} boundaries, all tried")
    assert not violations, f"{len(violations)} of {len(faults)}:\n" + "\n".join(map(str, violations[:20]))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_boundary_is_left_out(operation: str) -> None:
    """Each is struck by at least one kind of fault, whatever kind of boundary it is."""
    run = run_of(operation)
    assert {fault.number for fault in faults_of(run)} == set(range(1, len(run.passed) + 1))
