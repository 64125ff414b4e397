"""A playbook that is started before it is known what it is to do comes to no host before it is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from selextract_infra.hosts.ansible_process import AnsibleProcess
from selextract_infra.hosts.inventory import Inventory
from selextract_infra.hosts.runner import PlaybookRun, ReadyPlaybook, run_playbook
from tests.unit.waiting import until

READY = str(Path(__file__).parent / "playbooks" / "ready.yml")
HOSTS = "all: {hosts: {one: {}, two: {}}, vars: {ansible_connection: local}}\n"


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    (tmp_path / "hosts.yml").write_text(HOSTS)
    return Inventory.load(tmp_path / "hosts.yml")


@pytest.fixture
def ready(inventory: Inventory) -> Iterator[ReadyPlaybook]:
    made = ReadyPlaybook(READY, inventory, wait_seconds=60)
    yield made
    made.close()


def asked(inventory: Inventory, *hosts: str, playbook: str = READY) -> PlaybookRun:
    return PlaybookRun(playbook, inventory, hosts, {"hosts": {host: {"text": f"for {host}"} for host in hosts}})


def started(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """Each Ansible that is started from now on."""
    seen: list[threading.Thread] = []
    start = AnsibleProcess.start

    def remembered(self: AnsibleProcess) -> None:
        seen.append(self)
        start(self)

    monkeypatch.setattr(AnsibleProcess, "start", remembered)
    return seen


def test_it_does_what_it_is_told_on_the_hosts_it_is_told_and_no_other_ansible_is_started(
    inventory: Inventory, ready: ReadyPlaybook, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = started(monkeypatch)
    until(lambda: ready._ansible.pid is not None)
    outcome = run_playbook(asked(inventory, "two"), ready=ready)
    assert outcome.status == "successful"
    assert {name: host.results["Work"]["msg"] for name, host in outcome.hosts.items()} == {"two": "for two"}
    assert others == []


def test_it_serves_one_run(inventory: Inventory, ready: ReadyPlaybook, monkeypatch: pytest.MonkeyPatch) -> None:
    others = started(monkeypatch)
    for count in (0, 1):
        assert run_playbook(asked(inventory, "one"), ready=ready).status == "successful"
        assert len(others) == count


def test_another_playbook_is_started_as_usual(
    inventory: Inventory, ready: ReadyPlaybook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = started(monkeypatch)
    (tmp_path / "other.yml").write_text(Path(READY).read_text())
    outcome = run_playbook(asked(inventory, "one", playbook=str(tmp_path / "other.yml")), ready=ready)
    assert outcome.status == "successful"
    assert len(others) == 1


def test_one_that_has_waited_too_long_or_has_ended_is_not_used(inventory: Inventory) -> None:
    ready = ReadyPlaybook(READY, inventory, wait_seconds=0.2)
    until(lambda: ready._ansible.over)
    assert run_playbook(asked(inventory, "one"), ready=ready).status == "successful"
    ready.close()


def test_one_that_is_not_needed_ends_and_leaves_nothing(inventory: Inventory) -> None:
    ready = ReadyPlaybook(READY, inventory, wait_seconds=60)
    until(lambda: ready._ansible.pid is not None)
    folder = ready._ansible._folder
    ready.close()
    assert ready._ansible.gone
    assert not folder.exists()
