"""A look at hosts by real Ansible processes on this machine."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

import pytest

from selextract_infra.errors import CancelledError, SelextractError
from selextract_infra.hosts.inventory import Inventory
from selextract_infra.hosts.observe.look import look_at

PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - name: Look
      ansible.builtin.command:
        argv: [printf, "{{ (lookup('file', selextract_run_file) | from_json).hosts.here.text }}"]
    - name: Something else
      ansible.builtin.command: id
"""


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    path = tmp_path / "hosts.yml"
    path.write_text(json.dumps({"all": {"hosts": {"here": here}}}))
    (tmp_path / "look.yml").write_text(PLAYBOOK)
    return Inventory.load(path)


def test_a_look_brings_back_the_result_of_its_task_alone(inventory: Inventory, tmp_path: Path) -> None:
    values = {"text": "as asked"}
    looked = look_at(inventory, ("here",), playbook=str(tmp_path / "look.yml"), task="Look", values=values)
    assert looked["here"].status == "ok"
    assert {task: result["stdout"] for task, result in looked["here"].results.items()} == {"Look": "as asked"}


def test_cancelling_is_an_error_of_its_own(inventory: Inventory, tmp_path: Path) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(CancelledError, match="nothing was changed"):
        look_at(
            inventory, ("here",), playbook=str(tmp_path / "look.yml"), task="Look", values={"text": ""}, cancel=cancel
        )


def test_what_ansible_itself_complains_about_is_no_hosts_fault(inventory: Inventory, tmp_path: Path) -> None:
    with pytest.raises(SelextractError, match="could not do its work"):
        look_at(inventory, ("here",), playbook=str(tmp_path / "missing.yml"), task="Look", values={})
