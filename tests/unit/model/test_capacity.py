from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.model.capacity import (
    foreign_keys,
    limits_in,
    with_command,
    with_count,
    with_environment,
    with_limits,
)
from selextract_infra.model.observation import Limits

LIMITS = st.builds(
    Limits,
    memory=st.one_of(st.none(), st.integers(1, 2**45)),
    swap=st.one_of(st.none(), st.integers(1, 2**45)),
    cpus=st.one_of(st.none(), st.integers(1, 10000).map(lambda hundredths: hundredths / 100)),
)


@given(LIMITS, st.sampled_from(["service", "deploy"]))
def test_what_is_written_is_read_back_and_is_ours(limits: Limits, form: str) -> None:
    services = with_limits({}, "api", limits, form)
    assert limits_in(services["api"]) == limits
    assert foreign_keys({"services": services}) == []


def test_other_keys_of_ours_stay() -> None:
    before: dict[str, Any] = {
        "api": {"deploy": {"replicas": 3, "resources": {"limits": {"cpus": "2"}}}},
        "worker": {"scale": 2},
    }
    after = with_limits(before, "api", Limits(memory=5), "deploy")
    assert after == {
        "api": {"deploy": {"replicas": 3, "resources": {"limits": {"cpus": "2", "memory": "5"}}}},
        "worker": {"scale": 2},
    }
    assert before["api"]["deploy"]["resources"] == {"limits": {"cpus": "2"}}


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"services": {"api": {"image": "x"}}}, ["services.api.image"]),
        ({"services": {"api": {"cpus": [1]}}}, ["services.api.cpus"]),
        ({"services": {"api": {"environment": {"A": {"b": 1}}}}}, ["services.api.environment"]),
        ({"services": {"api": {"deploy": {"placement": {}}}}}, ["services.api.deploy"]),
        ({"services": {"api": {"deploy": {"resources": {"reservations": {}}}}}}, ["services.api.deploy"]),
        ({"services": {"api": {"command": "serve --now"}}}, ["services.api.command"]),
        ({"services": {"api": {"command": ["serve", 1]}}}, ["services.api.command"]),
        ({"services": {"api": None}}, ["services.api"]),
        ({"services": {}, "volumes": {}}, ["volumes"]),
        ("text", ["the whole file"]),
        ({}, []),
    ],
)
def test_keys_that_are_not_ours_are_named(content: Any, found: list[str]) -> None:
    assert foreign_keys(content) == found


@pytest.mark.parametrize("keys", [None, [], {"mem_limit": "512M"}, {"mem_limit": True}, {"deploy": 3}, {"cpus": "inf"}])
def test_what_we_would_not_write_is_no_limit(keys: Any) -> None:
    assert limits_in(keys) == Limits()


def test_a_count_takes_the_form_that_the_app_uses_and_leaves_the_rest() -> None:
    services = {"api": {"mem_limit": 5, "deploy": {"resources": {"limits": {"cpus": "1"}}}}}
    assert with_count(services, "api", 4, "service")["api"] == {**services["api"], "scale": 4}
    assert with_count(services, "api", 4, "deploy")["api"]["deploy"] == {
        "resources": {"limits": {"cpus": "1"}},
        "replicas": 4,
    }
    assert with_count({}, "worker", 6, None) == {"worker": {"scale": 6}}
    assert foreign_keys({"services": with_count(services, "api", 4, "deploy")}) == []


def test_variables_are_added_replaced_and_taken_away_and_the_rest_stays() -> None:
    before = {"api": {"scale": 2, "environment": {"WEB_CONCURRENCY": "4"}}, "worker": {"cpus": 1.0}}
    after = with_environment(before, "api", {"DATABASE_URL": "postgresql://a:${SECRET}@b/c", "WEB_CONCURRENCY": 2})
    assert after["api"] == {
        "scale": 2,
        "environment": {"DATABASE_URL": "postgresql://a:${SECRET}@b/c", "WEB_CONCURRENCY": 2},
    }
    assert foreign_keys({"services": after}) == []
    assert with_environment(after, "api", {"DATABASE_URL": None, "WEB_CONCURRENCY": "4"}) == before
    assert with_environment({"api": {"environment": {"A": "1"}}}, "api", {"A": None}) == {}
    assert with_environment({}, "web", {"A": "1"}) == {"web": {"environment": {"A": "1"}}}


def test_a_command_stands_word_by_word_beside_the_other_keys() -> None:
    services = with_command({"store": {"scale": 1}}, "store", ("serve", "--to", "$HOME"))
    assert services == {"store": {"scale": 1, "command": ["serve", "--to", "$HOME"]}}
    assert foreign_keys({"services": services}) == []
