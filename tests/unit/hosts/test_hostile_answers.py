"""Whatever Python is on a host answers for every module there: it decides nothing about other hosts.

Real ansible-playbook processes; the host ``evil`` has a Python that gives a crafted answer to whatever it is asked.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from selextract_infra.hosts.environment import ansible_environment
from tests.unit.hosts.hostile_python import BOUNDED, Attack


@pytest.fixture
def attack(tmp_path: Path) -> Attack:
    return Attack(tmp_path)


def _ways(attack: Attack) -> dict[str, dict[str, Any]]:
    """What an answer of ``evil`` may hold, by the way in which it would run something elsewhere."""
    other = {"host_name": "victim", "groups": [], "host_vars": {"ansible_python_interpreter": attack.program}}
    return {
        "facts": {"changed": True, "ansible_facts": {"ansible_sudo_exe": attack.program, "wanted": attack.program}},
        "add_host": {"changed": True, "add_host": other},
        "add_group": {"changed": True, "add_group": "attackers", "parent_groups": ["all"]},
    }


TASKS: list[dict[str, Any]] = [
    {"name": "Ask evil for the victim", "selextract.infra.host_projects": {}, "delegate_to": "evil"},
    {"name": "Work on the victim", "ansible.builtin.ping": None, "when": "inventory_hostname == 'victim'"},
    {
        "name": "Work as root on the victim",
        "ansible.builtin.command": "/bin/true",
        "become": True,
        "become_method": "sudo",
        "become_user": "nobody",
        "vars": {"ansible_become": True},
        "when": "inventory_hostname == 'victim'",
        "ignore_errors": True,
    },
]


def test_the_attack_works_where_nothing_is_bounded(attack: Attack) -> None:
    """So that the tests below prove something. Ansible itself removes ``add_host``."""
    attack.prepare(_ways(attack)["facts"])
    words = attack.by_hand(attack.playbook(TASKS))
    assert attack.owned.exists(), words


@pytest.mark.parametrize("way", ["facts", "add_host", "add_group"])
@pytest.mark.parametrize("run", [Attack.by_hand, Attack.by_the_library], ids=["by hand", "library"])
def test_an_answer_runs_nothing_elsewhere(attack: Attack, way: str, run: Callable[[Attack, Path], str]) -> None:
    attack.prepare(_ways(attack)[way])
    words = run(attack, attack.playbook(TASKS, strategy=BOUNDED))
    assert "victim" in words, words
    assert not attack.owned.exists(), words


def test_facts_that_our_own_tasks_set_are_kept_and_those_of_answers_are_no_variables(attack: Attack) -> None:
    attack.prepare({"changed": True, "ansible_facts": {"wanted": "evil", "getent_passwd": {"evil": ["x"]}}})
    looked: dict[str, Any] = {"loop": [1, 2], "register": "looked"}
    shown = (
        "{{ own }} {{ wanted | default('nothing') }} {{ ansible_facts.keys() | list }} {{ looked.results | length }}"
    )
    tasks = [
        {"name": "Set our own", "ansible.builtin.set_fact": {"own": "ours"}},
        {"name": "Look", "ansible.builtin.stat": {"path": "/"}, "delegate_to": "evil", **looked},
        {"name": "Show", "ansible.builtin.debug": {"msg": shown}, "when": "inventory_hostname == 'victim'"},
    ]
    assert "ours nothing [] 2" in attack.by_hand(attack.playbook(tasks, strategy=BOUNDED))


def test_facts_are_no_variables_where_the_library_runs_a_play() -> None:
    environment = ansible_environment({"PATH": os.environ["PATH"], "ANSIBLE_INJECT_FACT_VARS": "True"})
    assert environment["ANSIBLE_INJECT_FACT_VARS"] == "False"
