"""Who answers reads and analytics, by X-63, in HAProxy's own words."""

from __future__ import annotations

from typing import Any

from plugins.module_utils.haproxy.read_rotation import config_text, joined, left, servers_of

OPTIONS = {"reads": "check", "analytics": "check"}


def replica(name: str, *, analytics: bool = False) -> dict[str, Any]:
    return {"name": name, "address": f"10.0.0.{name[-1]}", "port": 5432, "analytics": analytics}


def settings(*replicas: dict[str, Any]) -> dict[str, Any]:
    return {
        "head": "head\n",
        "backends": {"reads": "backend reads\n", "analytics": "backend analytics\n"},
        "options": OPTIONS,
        "replicas": list(replicas),
        "allowed": [one["address"] for one in replicas],
    }


def test_one_replica_does_everything() -> None:
    for backend in ("reads", "analytics"):
        assert servers_of([replica("db2")], backend, OPTIONS) == {"db2": "10.0.0.2:5432 check"}


def test_the_analytics_replica_gets_no_reads_and_readers_stand_in_for_it() -> None:
    both = [replica("db2"), replica("db3", analytics=True)]
    assert servers_of(both, "reads", OPTIONS) == {"db2": "10.0.0.2:5432 check"}
    assert servers_of(both, "analytics", OPTIONS) == {
        "db2": "10.0.0.2:5432 check backup",
        "db3": "10.0.0.3:5432 check",
    }


def test_a_file_has_each_backend_with_its_servers() -> None:
    assert config_text(settings(replica("db2"))) == (
        "head\nbackend reads\n    server db2 10.0.0.2:5432 check\nbackend analytics\n"
        "    server db2 10.0.0.2:5432 check\n"
    )


def test_who_joins_may_reach_the_primary_and_who_leaves_may_not() -> None:
    one = joined(settings(), replica("db2"))
    two = joined(one, replica("db3", analytics=True))
    assert two["allowed"] == ["10.0.0.2", "10.0.0.3"]
    assert left(two, "db3") == one
    assert left(one, "db2") == settings()


def test_joining_twice_is_joining_once() -> None:
    once = joined(settings(), replica("db2"))
    assert joined(once, replica("db2")) == once
