"""Two hosts on this machine, of which one gives a crafted answer to whatever it is asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from selextract_infra.hosts.collection import search_path
from selextract_infra.hosts.environment import ansible_program
from selextract_infra.hosts.runner import PlaybookOutcome, PlaybookRun, run_playbook

BOUNDED = "selextract.infra.bounded"


def script(path: Path, text: str) -> str:
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


class Attack:
    """Two hosts, of which ``evil`` answers what it likes; ``owned`` is there once it ran something elsewhere."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.owned = folder / "owned"
        run = f"#!/bin/sh\ntouch {self.owned}\nprintf '{{}}'\n"
        self.program = script(folder / "program", run)
        self.inventory = folder / "hosts.yml"

    def prepare(self, answer: dict[str, Any]) -> None:
        """Evil answers every module with this."""
        self.prepare_program(f"#!/bin/sh\ncat <<'ANSWER'\n{json.dumps(answer)}\nANSWER\n")

    def prepare_program(self, text: str, *, by_ssh: bool = False) -> None:
        """Evil answers with what this program prints: it is its Python, or what ssh to it shows."""
        evil = script(self.folder / "evil", text)
        here = {"ansible_connection": "local", "ansible_become": False}
        reached = {"ansible_connection": "ssh", "ansible_ssh_executable": evil} if by_ssh else here
        hosts = {
            "evil": {**reached, "ansible_python_interpreter": evil},
            "victim": {**here, "ansible_python_interpreter": sys.executable},
        }
        self.inventory.write_text(yaml.safe_dump({"all": {"hosts": hosts}}))

    def playbook(self, tasks: list[dict[str, Any]], **keywords: Any) -> Path:
        play = {"name": "A play", "hosts": "all", "gather_facts": False, "tasks": tasks, **keywords}
        path = self.folder / "play.yml"
        path.write_text(yaml.safe_dump([play]))
        return path

    def by_hand(self, playbook: Path | str) -> str:
        """As a person without any settings of ours runs it."""
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": search_path(None) or "", "ANSIBLE_INJECT_FACT_VARS": "True",
        }  # fmt: skip
        done = subprocess.run(
            [ansible_program("ansible-playbook"), "-i", str(self.inventory), str(playbook)],
            env=environment, cwd=self.folder, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        return done.stdout + done.stderr

    def by_the_library(self, playbook: Path | str) -> str:
        return f"{self.outcome(playbook)}"

    def outcome(self, playbook: Path | str, **keywords: Any) -> PlaybookOutcome:
        run = PlaybookRun(str(playbook), self.inventory, ("evil", "victim"), **{"timeout": 100.0, **keywords})
        return run_playbook(run)
