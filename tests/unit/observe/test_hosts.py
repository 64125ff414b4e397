"""From what a playbook run brought back to an Observation."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from selextract_infra.errors import CancelledError, SelextractError
from selextract_infra.hosts.inventory import Inventory, InventoryHost
from selextract_infra.hosts.runner import HostOutcome, PlaybookOutcome, PlaybookRun
from selextract_infra.observe import hosts
from selextract_infra.policy import default_policy, load_policy

AT = datetime(2026, 3, 1, 2, tzinfo=UTC)
NAMES = ("app1", "db2", "db3", "db4", "db5")
INVENTORY = Inventory(Path("hosts.yml"), tuple(InventoryHost(name, name) for name in NAMES))
TASK = "Observe the host"


def observed(observation: Any, **more: Any) -> HostOutcome:
    return HostOutcome("ok", results={TASK: {"observation": observation, "history_packed": None, **more}})


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[PlaybookRun]:
    """What was asked of the hosts; they answer what each of them stands for."""
    asked: list[PlaybookRun] = []
    answers = {
        "app1": observed({"facts": {"machine_id": "abc"}, "sampler": {"bucket": 60, "interval": 15}}),
        "db2": HostOutcome("failed", message="becoming root asks for a password", remedy="set it"),
        "db3": HostOutcome("unreachable", message="it does not answer", remedy="check the network"),
        "db4": HostOutcome("missing", message="the playbook never came to this host"),
        "db5": observed({"facts": {"cpus": "\x1b[31mmany"}}),
    }

    def answer(request: PlaybookRun, **_more: Any) -> PlaybookOutcome:
        asked.append(request)
        return PlaybookOutcome("failed", answers, 1.0)

    monkeypatch.setattr(hosts, "run_playbook", answer)
    return asked


def test_each_host_is_seen_or_told_why_not(requests: list[PlaybookRun]) -> None:
    seen = hosts.observe_hosts(INVENTORY, default_policy(), cursors={}, at=AT)
    assert seen.at == AT
    assert [host.name for host in seen.hosts] == ["app1", "db2", "db5"]
    assert seen.hosts[0].facts.machine_id == "abc"
    assert seen.hosts[0].problem is None
    assert seen.hosts[1].problem == "Becoming root asks for a password. Try: set it."
    assert seen.unreachable == {
        "db3": "It does not answer. Try: check the network.",
        "db4": "The playbook never came to this host.",
    }


def test_an_answer_that_is_not_understood_is_told_displayably(requests: list[PlaybookRun]) -> None:
    problem = hosts.observe_hosts(INVENTORY, default_policy(), cursors={}, at=AT).hosts[2].problem
    assert problem is not None
    assert problem.startswith("What the host answered is not understood: ")
    assert "\x1b" not in problem
    assert "\n" not in problem


def test_hosts_are_asked_for_the_mapped_project_and_only_for_what_is_new(requests: list[PlaybookRun]) -> None:
    policy = load_policy({"application": {"project": "shop", "directory": "/srv/shop"}})
    hosts.observe_hosts(INVENTORY, policy, cursors={"abc": 1700000000}, at=AT)
    (asked,) = requests
    assert asked.playbook == "selextract.infra.observe"
    assert asked.hosts == NAMES
    values = asked.values["hosts"]["app1"]
    assert values["projects"] == [{"name": "shop", "directory": "/srv/shop"}]
    assert values["cursors"] == {"abc": 1700000000}
    assert values["history_window"] == 7 * 24 * 3600


def test_nothing_is_guessed_where_nothing_is_mapped(requests: list[PlaybookRun]) -> None:
    hosts.observe_hosts(INVENTORY, default_policy(), cursors={}, at=AT)
    assert requests[0].values["hosts"]["app1"]["projects"] == []


def test_cancelling_is_an_error_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = {name: HostOutcome("missing") for name in NAMES}
    monkeypatch.setattr(hosts, "run_playbook", lambda *_, **__: PlaybookOutcome("cancelled", missing, 1.0))
    with pytest.raises(CancelledError, match="nothing was changed"):
        hosts.observe_hosts(INVENTORY, default_policy(), cursors={}, at=AT)


def test_what_ansible_itself_complains_about_is_no_hosts_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = {name: HostOutcome("missing", message="x") for name in NAMES}
    outcome = PlaybookOutcome("failed", missing, 1.0, message="the playbook could not be found.")
    monkeypatch.setattr(hosts, "run_playbook", lambda *_, **__: outcome)
    with pytest.raises(SelextractError, match=r"could not do its work: the playbook could not be found\.$"):
        hosts.observe_hosts(INVENTORY, default_policy(), cursors={}, at=AT)
