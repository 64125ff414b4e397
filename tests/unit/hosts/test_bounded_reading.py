"""A host that answers without an end is that host's problem: memory stays bounded, and the others go on.

Real ansible-playbook processes; what ``evil`` prints is printed below every module.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.process_memory import PeakMemory
from tests.unit.hosts.hostile_python import BOUNDED, Attack

MIB = 1 << 20
TASKS = [{"name": "Look", "ansible.builtin.ping": None}, {"name": "Look again", "ansible.builtin.ping": None}]

ENDLESS = {
    "out": "head -c 1G /dev/zero",
    "err": "head -c 1G /dev/zero >&2",
    "values": "printf '{\"a\":['; yes '[],[],[],[],[],[],[],[],[],[],[],[]' | tr -d '\\n' | head -c 1G",
    "lines": "yes | head -c 1G",
    "wide": "printf '{\"a\":\"\\\\ud83d\\\\ude00'; yes | tr -d '\\n' | head -c 40M; printf '\"}'",
}


@pytest.fixture
def attack(tmp_path: Path) -> Attack:
    return Attack(tmp_path)


@pytest.mark.parametrize(
    ("kind", "by_ssh"), [*((kind, False) for kind in sorted(ENDLESS)), ("out", True), ("err", True)]
)
def test_an_answer_without_an_end_is_its_hosts_problem_alone(attack: Attack, kind: str, by_ssh: bool) -> None:
    attack.prepare_program(f"#!/bin/sh\ncat >/dev/null\n{ENDLESS[kind]}\n", by_ssh=by_ssh)
    with PeakMemory() as memory:
        outcome = attack.outcome(attack.playbook(TASKS, strategy=BOUNDED))
    assert (outcome.hosts["evil"].status, outcome.hosts["victim"].status) == ("unreachable", "ok")
    assert outcome.hosts["evil"].message.startswith("it answered more than ")
    assert sorted(outcome.hosts["victim"].results) == ["Look", "Look again"]
    assert memory.growth < 350 * MIB


def test_an_answer_without_an_end_is_bounded_by_hand_too(attack: Attack) -> None:
    attack.prepare_program(f"#!/bin/sh\n{ENDLESS['out']}\n")
    with PeakMemory() as memory:
        words = attack.by_hand(attack.playbook(TASKS, strategy=BOUNDED))
    assert "answered more than 48 MiB to one question, so the rest was not read" in words
    assert memory.growth < 350 * MIB


@pytest.mark.parametrize("key", ["msg", "exception", "module_stderr", "answer"])
def test_the_longest_answer_that_is_read_takes_a_bounded_memory(attack: Attack, key: str) -> None:
    text = f"printf '{{\"failed\":true,\"{key}\":\"'; yes | tr -d '\\n' | head -c 47M; printf '\"}}'"
    attack.prepare_program(f"#!/bin/sh\n{text}\n")
    with PeakMemory() as memory:
        outcome = attack.outcome(attack.playbook(TASKS[:1], strategy=BOUNDED))
    assert (outcome.hosts["evil"].status, outcome.hosts["victim"].status) == ("failed", "ok")
    assert len(outcome.hosts["evil"].message) < 600
    assert memory.growth < 550 * MIB


def test_an_honest_answer_is_read_whole_whatever_the_size_of_its_pieces(attack: Attack) -> None:
    text = "printf '{\"changed\":false,\"caf\\\\u00e9\":\"'; yes | tr -d '\\n' | head -c 3M; printf '\"}'"
    attack.prepare_program(f"#!/bin/sh\ncat >/dev/null\n{text}\n")
    outcome = attack.outcome(attack.playbook(TASKS[:1], strategy=BOUNDED), collect=("Look",))
    assert outcome.status == "successful", outcome
    assert len(outcome.hosts["evil"].results["Look"]["café"]) == 3 * MIB


SILENT = {
    "nothing": "exec sleep 600",
    "drop by drop": "while :; do echo; sleep 0.2; done",
    "closed": "exec >&- 2>&- sleep 600",
}


@pytest.mark.parametrize(("kind", "by_ssh"), [("nothing", False), *((kind, True) for kind in sorted(SILENT))])
def test_a_host_that_never_answers_is_given_up_and_the_others_come_to_their_end(
    attack: Attack, kind: str, by_ssh: bool
) -> None:
    """Over ssh it takes nothing in either, so that even the question waits."""
    attack.prepare_program(f"#!/bin/sh\n{SILENT[kind]}\n", by_ssh=by_ssh)
    outcome = attack.outcome(attack.playbook(TASKS, strategy=BOUNDED), timeout=30.0, answer_seconds=2.0)
    assert outcome.status == "failed"
    assert (outcome.hosts["evil"].status, outcome.hosts["victim"].status) == ("unreachable", "ok")
    assert outcome.hosts["evil"].message == "it did not answer within 5 s, and is not waited for any longer"
    assert sorted(outcome.hosts["victim"].results) == ["Look", "Look again"]


def test_what_ansible_starts_here_cannot_take_all_memory(attack: Attack) -> None:
    attack.prepare({"changed": False})
    limits = {"name": "Look", "ansible.builtin.command": "cat /proc/self/limits", "changed_when": False}
    outcome = attack.outcome(attack.playbook([limits]), collect=("Look",))
    (line,) = (
        line for line in outcome.hosts["victim"].results["Look"]["stdout_lines"] if line.startswith("Max data size")
    )
    assert int(line.split()[3]) < 4 << 30
