"""Whatever a policy says, its checks answer: with findings or with silence, never with a traceback."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from selextract_infra.defects import check_policy, rule_named, rules
from selextract_infra.defects.rule import DEFECTS
from selextract_infra.defects.rule import check as register
from selextract_infra.defects.run import checked_host, host_of
from selextract_infra.errors import PolicyError, UsageError
from selextract_infra.policy import default_policy, load_policy
from selextract_infra.policy.load import GUIDE
from selextract_infra.policy.source import parse_text

NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, (str, int, float)):
        yield path, value


LEAVES = list(leaves(parse_text(GUIDE.read_text(), "guide.yml").values))


def changed(value: Any, number: str) -> Any:
    """The value with another number, or turned round where it is a yes or no."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return NUMBER.sub(number, value, count=1)
    return type(value)(float(number))


def nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    for step in reversed(path):
        value = {step: value}
    return dict(value)


@settings(max_examples=300)
@given(leaf=st.sampled_from(LEAVES), number=st.sampled_from(["0", "0.001", "1", "3", "99", "1000000"]))
def test_any_single_number_may_be_anything(leaf: tuple[tuple[str, ...], Any], number: str) -> None:
    path, value = leaf
    with contextlib.suppress(PolicyError):
        policy = load_policy(nested(path, changed(value, number)))
        assert all(finding.sentence.endswith(".") for finding in check_policy(policy))


@given(
    sizes=st.tuples(
        st.integers(1, 512), st.integers(1, 4096), st.integers(1, 500), st.sampled_from([0.1, 1, 2.5, 10, 100])
    )
)
def test_any_host_may_be_asked_about(sizes: tuple[int, int, int, float]) -> None:
    cpus, memory, storage, network = sizes
    host = host_of(default_policy(), f"{cpus}c/{memory}GB/{storage}TB/{network}Gbps")
    assert check_policy(default_policy(), host)


@given(cpus=st.integers(1, 200))
def test_more_cores_never_bring_a_finding_about_cores(cpus: int) -> None:
    policy, more = default_policy(), {"X-09", "X-11", "X-14", "X-44"}
    few = {f.rule for f in check_policy(policy, host_of(policy, f"{cpus}c/32GB/1TB/1Gbps"))} & more
    many = {f.rule for f in check_policy(policy, host_of(policy, f"{cpus + 1}c/32GB/1TB/1Gbps"))} & more
    assert many <= few


@pytest.mark.parametrize(
    "text", ["8c/32GB/1TB", "8c/32GB/1TB/1Gbps/2", "eight/32GB/1TB/1Gbps", "0c/32GB/1TB/1Gbps", ""]
)
def test_a_host_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(PolicyError, match="accepted"):
        host_of(default_policy(), text)


def test_the_checks_do_not_touch_what_they_look_at() -> None:
    policy = default_policy()
    before = policy.digest
    assert check_policy(policy) == check_policy(policy) == checked_host(policy).findings
    assert policy.model_copy().digest == before


def test_rules_are_found_by_their_id() -> None:
    assert rule_named("X-31").title == "thresholds name no operator"
    with pytest.raises(UsageError, match="X-01 to X-75"):
        rule_named("X-76")


def test_every_row_of_the_data_has_its_check() -> None:
    rows = yaml.safe_load(DEFECTS.read_text())
    assert list(rows) == [rule.id for rule in rules()]


def test_an_id_has_one_check() -> None:
    known = rules()[0]
    with pytest.raises(ValueError, match="two checks for X-01"):
        register(known.id)(known.check)
