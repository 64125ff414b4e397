"""Every finding comes and goes with the policy: a corrected one does not have it, a newly broken one has it again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from selextract_infra.defects import rules
from selextract_infra.defects.run import host_of
from selextract_infra.model.finding import Finding
from selextract_infra.policy import default_policy, load_policy


def override_of(paths: Mapping[str, Any]) -> dict[str, Any]:
    """Nested mappings of dotted paths."""
    nested: dict[str, Any] = {}
    for path, value in paths.items():
        *above, last = path.split(".")
        here = nested
        for step in above:
            here = here.setdefault(step, {})
        here[last] = value
    return nested


CASES = yaml.safe_load(Path(__file__).with_name("cases.yml").read_text())


def found(rule: str, paths: Mapping[str, Any]) -> Finding | None:
    policy = load_policy(override_of(paths))
    return next(each for each in rules() if each.id == rule).finding(policy, policy.host)


def test_every_rule_has_a_case() -> None:
    assert list(CASES) == [rule.id for rule in rules()]


@pytest.mark.parametrize("rule", CASES)
def test_a_finding_comes_and_goes(rule: str) -> None:
    corrected, broken = CASES[rule]["corrected"], CASES[rule]["broken"]
    assert found(rule, {}) is not None
    assert found(rule, corrected) is None
    assert found(rule, corrected | broken) is not None


@pytest.mark.parametrize(
    ("host", "gone"),
    [
        ("16c/64GB/1TB/1Gbps", {"X-09"}),
        ("8c/32GB/2TB/1Gbps", {"X-39"}),
        ("64c/256GB/4TB/10Gbps", {"X-09", "X-11", "X-39", "X-44", "X-16", "X-53"}),
    ],
)
def test_findings_follow_the_host(host: str, gone: set[str]) -> None:
    policy = default_policy()
    sizes = host_of(policy, host)
    here = {rule.id for rule in rules() if rule.finding(policy, sizes)}
    assert gone.isdisjoint(here)


def test_a_new_host_brings_the_finding_with_its_own_numbers() -> None:
    policy = default_policy()
    by_id = {rule.id: rule for rule in rules()}
    small = by_id["X-09"].finding(policy, host_of(policy, "4c/8GB/1TB/1Gbps"))
    assert small is not None
    assert small.numbers["ratio"] == 2.25
    assert small.override == "--override X-09"


def test_numbers_move_with_the_policy() -> None:
    finding = found("X-06", {"containers.api.memory_usage": "90%"})
    assert finding is not None
    assert finding.numbers["target_usage_ratio"] == pytest.approx(1.2)
    finding = found("X-55", {"scaling.api.instances.maximum": 20})
    assert finding is not None
    assert finding.numbers["most_instances_dollars"] == 50
