"""The guide is there, whole: every item once, explained, with the guide's own values."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from selextract_infra.defects.explain import explain
from selextract_infra.defects.run import rules
from selextract_infra.policy import default_policy
from selextract_infra.policy.load import GUIDE
from selextract_infra.policy.show import shown
from selextract_infra.policy.source import Source, parse_text

HERE = Path(__file__).parent
ITEMS = (HERE / "items.txt").read_text().split()
VALUES = [line.split("  ", 2) for line in (HERE / "values.txt").read_text().splitlines()]


def problems(source: Source) -> dict[str, list[str]]:
    """What is wrong with the items of a guide."""
    found = Counter(entry.item for entry in source.entries if entry.item is not None)
    return {
        "missing": [item for item in ITEMS if item not in found],
        "doubled": [item for item, times in found.items() if times > 1],
        "unknown": [item for item in found if item not in ITEMS],
        "unexplained": [
            e.item or ".".join(e.path) for e in source.entries if len(e.says) < 4 or e.says[-1] not in ".)"
        ],
        "without a source": [".".join(e.path) for e in source.entries if e.item is None and not e.source],
    }


def test_there_are_371_items() -> None:
    assert len(ITEMS) == len(set(ITEMS)) == 371


def test_every_item_is_there_once_and_explained() -> None:
    assert not any(problems(parse_text(GUIDE.read_text(), "guide.yml")).values())


@pytest.mark.parametrize(
    ("before", "after", "kind", "item"),
    [
        ("item: REC-03\n", "origin: rule\n", "missing", "REC-03"),
        ("item: REC-03\n", "item: MEM-07\n", "doubled", "MEM-07"),
        ("item: REC-03\n", "item: REC-99\n", "unknown", "REC-99"),
        ("says: The owner.", "", "unexplained", "META-07"),
    ],
)
def test_an_item_that_is_lost_doubled_or_unexplained_is_noticed(before: str, after: str, kind: str, item: str) -> None:
    text = GUIDE.read_text().replace("says: Who answers for the guide.", "says: The owner.")
    assert text.count(before) == 1
    assert item in problems(parse_text(text.replace(before, after), "guide.yml"))[kind]


def test_values_equal_the_guides() -> None:
    policy = default_policy()
    now = {value.path: (value.item, value.text) for value in shown(policy)}
    assert {path: (item, text) for item, path, text in VALUES} == {path: now.get(path) for _, path, _ in VALUES}


def test_values_are_plain_numbers_in_base_units() -> None:
    policy = default_policy()
    assert policy.sizing.headroom == 0.4
    assert policy.containers["api"].memory == 2_147_483_648
    assert policy.host.storage == 1_000_000_000_000
    assert policy.host.network == 1_000_000_000
    assert policy.triggers.cpu_scale_out.duration == 300.0
    assert policy.cost.table["month_24"].total == 2140.0
    assert policy.kpis.tasks.current == 1000.0
    assert policy.vertical.phases.network.benefit.change == 10.0


def test_no_quantity_of_the_guide_is_read_from_a_bare_number() -> None:
    """A bare number may only be a count or a factor, whose unit is the thing itself."""
    for value in shown(default_policy()):
        if isinstance(value.value, float) and re.fullmatch(r"[0-9.]+", value.text):
            pytest.fail(f"{value.path} is written without a unit: {value.text}")


def test_what_the_guide_states_twice_is_held_once() -> None:
    policy = default_policy()
    assert policy.limits.hard.memory == policy.vertical.phases.memory.size.before == policy.host.memory
    assert policy.planning.medium_term.gain.users.before == policy.planning.short_term.gain.users.after
    assert policy.sizing.memory_trigger == policy.triggers.memory_scale_out.threshold


@pytest.mark.parametrize("item", ITEMS)
def test_every_item_can_be_explained(item: str) -> None:
    explanation = explain(default_policy(), item)
    assert explanation.words
    assert explanation.title


def test_rules_cite_only_items_that_exist() -> None:
    assert {item for rule in rules() for item in rule.items} <= set(ITEMS)


def test_lines_of_the_guide_are_short_enough_to_read() -> None:
    assert max(len(line) for line in GUIDE.read_text().splitlines()) <= 120
