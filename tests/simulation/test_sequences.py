"""Random sequences of operations, rollbacks, faults and the team's calls end as the contract says."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.simulation.sequences import Sequence, play

_FEW = range(4)
_WHOLE, _CORES, _AT_ONCE = 10_000, 2, 50
# Of these, each once found a fault of the program.
_FOUND = {
    8: "an instance that is taken away again leaves the volume that it was made with",
    2249: "Docker does not answer at the end of a run: its rollback tells what a later run changed as its own failure",
}


@pytest.mark.parametrize("seed", _FEW)
def test_a_sequence_ends_as_the_contract_says(seed: int) -> None:
    sequence = play(seed)
    assert not sequence.violations, sequence


@pytest.mark.parametrize("seed", _FOUND, ids=_FOUND.get)
def test_what_a_sequence_found_is_mended(seed: int) -> None:
    sequence = play(seed)
    assert not sequence.violations, sequence


def test_a_seed_gives_the_same_sequence_again() -> None:
    assert play(3).operations == play(3).operations


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_ten_thousand_operations_end_as_the_contract_says() -> None:
    began, operations, seed = time.monotonic(), 0, 100
    broken: list[Sequence] = []
    with ProcessPoolExecutor(_CORES, multiprocessing.get_context("spawn")) as pool:
        while operations < _WHOLE and len(broken) < _CORES:
            played = list(pool.map(play, range(seed, seed + _AT_ONCE)))
            operations += sum(sequence.operations for sequence in played)
            broken += [sequence for sequence in played if sequence.violations]
            seed += _AT_ONCE
    seconds = time.monotonic() - began
    print(f"{operations} operations in {seconds:.0f} s, {operations / seconds * 600:.0f} in ten minutes")
    assert not broken, "\n".join(map(str, broken))
