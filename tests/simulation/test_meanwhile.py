"""The team is at work on its host while an operation is: nothing it deployed is lost, and all that is said is true."""

from __future__ import annotations

import random
from functools import lru_cache

import pytest

from tests.simulation.meanwhile import meet, set_clock
from tests.simulation.shapes import OPERATIONS
from tests.simulation.team import TEAM_ACTS
from tests.simulation.trial import Undisturbed, undisturbed

_FEW, _MANY = 6, 150  # encounters for each operation


_HOUR, _YEAR = 3600.0, 365 * 86_400.0


@lru_cache
def run_of(operation: str) -> Undisturbed:
    return undisturbed(operation)


def violations(operation: str, encounters: int, seed: int) -> list[str]:
    run, draw = run_of(operation), random.Random(f"{operation} {seed}")
    met = [
        meet(run, draw.randint(1, len(run.passed)), draw.choice(TEAM_ACTS), draw.randrange(1000))
        for _ in range(encounters)
    ]
    return [str(encounter) for encounter in met if encounter.violations]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_the_team_does_in_mid_operation_stays_and_is_served(operation: str) -> None:
    assert not violations(operation, _FEW, seed=0)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_the_team_does_at_many_drawn_moments_stays_and_is_served(operation: str) -> None:
    assert not violations(operation, _MANY, seed=1)


def clocks(operation: str, encounters: int, seed: int) -> list[str]:
    run, draw = run_of(operation), random.Random(f"{operation} {seed}")
    met = [
        set_clock(run, draw.randint(1, len(run.passed)), draw.choice((_HOUR, -_HOUR, _YEAR, -_YEAR)))
        for _ in range(encounters)
    ]
    return [str(encounter) for encounter in met if encounter.violations or not encounter.end.startswith("exit 0")]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_clock_that_is_set_in_mid_operation_changes_nothing(operation: str) -> None:
    assert not clocks(operation, _FEW, seed=0)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_clock_that_is_set_at_many_drawn_moments_changes_nothing(operation: str) -> None:
    assert not clocks(operation, _MANY, seed=1)


@pytest.mark.parametrize(
    ("operation", "where", "sentence"),
    [
        ("tune_workers", 87, "shop-worker-1 is gone: somebody else is at work on this project"),
        ("settle_api", 554, "A container went away meanwhile"),
    ],
)
def test_a_container_that_the_team_took_away_is_named_in_a_sentence(operation: str, where: int, sentence: str) -> None:
    run = run_of(operation)
    ends = [meet(run, number, _DEPLOY, 0) for number in range(where - 6, where + 6)]
    assert any(sentence in encounter.end for encounter in ends), [encounter.end for encounter in ends]
    assert not [str(encounter) for encounter in ends if encounter.violations]


_DEPLOY = next(act for act in TEAM_ACTS if "anew" in act.__name__)
