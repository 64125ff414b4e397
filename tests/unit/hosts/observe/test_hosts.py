"""From what a playbook run brought back to an Observation."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from selextract_infra.hosts.observe.hosts import asked_of_hosts, observation_of
from selextract_infra.hosts.runner import HostOutcome
from selextract_infra.policy import default_policy, load_policy

AT = datetime(2026, 3, 1, 2, tzinfo=UTC)
TASK = "Observe the host"


def observed(observation: Any, **more: Any) -> HostOutcome:
    return HostOutcome("ok", results={TASK: {"observation": observation, "history_packed": None, **more}})


LOOKED = {
    "app1": observed({"facts": {"machine_id": "abc"}, "sampler": {"bucket": 60, "interval": 15}}),
    "db2": HostOutcome("failed", message="becoming root asks for a password", remedy="set it"),
    "db3": HostOutcome("unreachable", message="it does not answer", remedy="check the network"),
    "db4": HostOutcome("missing", message="the playbook never came to this host"),
    "db5": observed({"facts": {"cpus": "\x1b[31mmany"}}),
}


def test_each_host_is_seen_or_told_why_not() -> None:
    seen = observation_of(LOOKED, AT)
    assert seen.at == AT
    assert [host.name for host in seen.hosts] == ["app1", "db2", "db5"]
    assert seen.hosts[0].facts.machine_id == "abc"
    assert seen.hosts[0].problem is None
    assert seen.hosts[1].problem == "Becoming root asks for a password. Try: set it."
    assert seen.unreachable == {
        "db3": "It does not answer. Try: check the network.",
        "db4": "The playbook never came to this host.",
    }


def test_an_answer_that_is_not_understood_is_told_displayably() -> None:
    problem = observation_of(LOOKED, AT).hosts[2].problem
    assert problem is not None
    assert problem.startswith("What the host answered is not understood: ")
    assert "\x1b" not in problem
    assert "\n" not in problem


def test_hosts_are_asked_for_the_mapped_project_and_only_for_what_is_new() -> None:
    policy = load_policy({"application": {"project": "shop", "directory": "/srv/shop"}})
    values = asked_of_hosts(policy, {"abc": 1700000000})
    assert values["projects"] == [{"name": "shop", "directory": "/srv/shop"}]
    assert values["cursors"] == {"abc": 1700000000}
    assert values["history_window"] == 7 * 24 * 3600
    assert asked_of_hosts(policy, {}, history=False)["history_window"] == 0


def test_nothing_is_guessed_where_nothing_is_mapped() -> None:
    assert asked_of_hosts(default_policy(), {})["projects"] == []


def test_a_limit_that_is_all_of_the_host_counts_as_none() -> None:
    def limited(name: str, **limits: float) -> dict[str, Any]:
        return {"name": name, "id": name, "image": "app", "limits": limits}

    containers = [
        limited("total", memory=4096, swap=5120, cpus=2.0),
        limited("less", memory=4095, swap=5120, cpus=1.9),
    ]
    facts = {"cpus": 2, "memory": 4096}
    seen = observation_of({"app1": observed({"facts": facts, "containers": containers})}, AT)
    total, less = (container.limits.model_dump() for container in seen.hosts[0].containers)
    assert total == {"memory": None, "swap": None, "cpus": None}
    assert less == {"memory": 4095, "swap": 5120, "cpus": 1.9}
    unknown = observation_of({"app1": observed({"containers": containers})}, AT)
    assert unknown.hosts[0].containers[0].limits.memory == 4096
