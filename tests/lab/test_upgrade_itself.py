"""The server upgrades itself: its own reboot ends the program, and a unit of systemd goes on at boot."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest

from selextract_infra.lab import Lab
from selextract_infra.lab.engine import EngineError
from tests.lab.program import wait_for
from tests.lab.test_control_machine_local import INVENTORY, Itself, carried
from tests.lab.upgrading import GIB, all_healthy, as_bought, memory, records

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(3600)]

UPGRADE = ("upgrade", "memory", "--provider", "manual", "--apply", "--yes", "--now", "testing")


@pytest.fixture(scope="module")
def itself(lab: Lab) -> Iterator[Itself]:
    state, host = lab.state(), lab.host("app1")
    as_bought(lab)
    carried(host)
    policy = (state.inventory / "group_vars" / "all" / "policy.yml").read_bytes()
    hosts = {"all": {"hosts": {"app1": {"ansible_host": state.host("app1").address, "ansible_user": "root"}}}}
    host.execute("mkdir", "-p", "/root/self/group_vars")
    host.execute("cp", "/dev/stdin", INVENTORY, feed=json.dumps(hosts).encode())
    host.execute("cp", "/dev/stdin", "/root/self/group_vars/all.yml", feed=policy)
    yield Itself(host)
    as_bought(lab)


def said(itself: Itself, *words: str) -> str:
    """What the program says and its exit code, also where it does not end well."""
    command = " ".join([sys.executable, "-m", "selextract_infra.cli", *words, "-i", INVENTORY])
    script = f"cd /root; HOME=/root {command} 2>&1; echo exit code $?"
    return itself.host.execute("sh", "-c", script, timeout=600)


def test_a_reboot_of_this_very_machine_is_refused_while_nothing_would_go_on_afterwards(itself: Itself) -> None:
    answer = said(itself, *UPGRADE)
    assert "exit code 3" in answer, answer
    assert "resume --at-boot on" in answer


def test_the_unit_goes_on_when_the_server_boots_with_its_new_memory(lab: Lab, itself: Itself) -> None:
    assert "exit code 0" in said(itself, "resume", "--at-boot", "on")
    answer = said(itself, *UPGRADE)
    assert "exit code 11" in answer, answer
    assert "give it 8 GB of memory, and switch it on" in " ".join(answer.split())
    host = lab.host("app1")
    host.power_off(cleanly=True)
    host.set_hardware(memory=8 * GIB)
    host.power_on()

    def done() -> bool:
        try:
            return [record["status"] for record in records(lab)] == ["done"]
        except EngineError:  # it is still booting
            return False

    wait_for(done, bound=1800, what="the unit goes on by itself")
    assert memory(lab) == 8 * GIB
    wait_for(lambda: all_healthy(host), bound=60, what="everything is healthy")
    assert "exit code 0" in said(itself, "resume", "--at-boot", "off")
