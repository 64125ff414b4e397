"""Each value of the policy's schema changes something when it changes, but for a list that may only shrink."""

from __future__ import annotations

from pathlib import Path

import pytest

from selextract_infra.policy import default_policy
from tests.unit.policy.situations import situations
from tests.unit.policy.sweep import leaves, mutated, outcome_of, unread

pytestmark = pytest.mark.filterwarnings("ignore")  # a changed value may be of another kind than what is written

LIST = Path(__file__).with_name("values_without_a_situation.txt")


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_the_values_without_a_situation_are_on_the_list_and_none_of_the_list_has_one(tmp_path: Path) -> None:
    silent = set(unread(default_policy(), situations(tmp_path)))
    listed = set(LIST.read_text().split())
    assert sorted(silent - listed) == [], "changing these changes nothing: carry them out, or take them out"
    assert sorted(listed - silent) == [], "these have a situation by now: take them off the list"


def test_a_value_that_is_read_is_found_by_the_sweep_and_a_constant_in_its_place_is_not(tmp_path: Path) -> None:
    asked = situations(tmp_path)
    cost = asked["cost"]
    leaf = next(leaf for leaf in leaves(default_policy()) if leaf.path == ("cost", "prices", "per_core"))
    change = mutated(leaf)
    assert change is not None
    assert outcome_of(cost, change) != outcome_of(cost, lambda policy: policy)
    constant = {"cost": lambda _: cost(lambda policy: policy)}
    assert ".".join(leaf.path) in unread(default_policy(), constant)


def test_the_list_names_values_that_there_are() -> None:
    known = {".".join(leaf.path) for leaf in leaves(default_policy())}
    assert sorted(set(LIST.read_text().split()) - known) == []
