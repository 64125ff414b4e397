"""The lookup plugin gives playbooks the values that the library has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from selextract_infra.hosts.collection import collections_path

ANSIBLE = Path(sys.executable).with_name("ansible")


def looked_up(folder: Path, *paths: str) -> tuple[int, str]:
    """Exit code and output of an `ansible` that looks the paths up for a host of the inventory in the folder."""
    terms = ", ".join(repr(path) for path in paths)
    expression = f"{{{{ query('selextract.infra.policy', {terms}) | to_json }}}}"
    done = subprocess.run(
        [str(ANSIBLE), "all", "-i", str(folder / "hosts.yml"), "-m", "debug", "-a", f"msg={expression}"],
        env=os.environ | {"ANSIBLE_COLLECTIONS_PATH": str(collections_path()), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def values(output: str) -> Any:
    return json.loads(output[output.index("[") : output.rindex("]") + 1])


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    (tmp_path / "hosts.yml").write_text(
        "all:\n  hosts:\n    app1: {ansible_connection: local}\n  vars:\n    selextract_policy_file: ours.policy\n"
        "    selextract_policy:\n      host: {cpus: 2 cores}\n"
        "      emergency: {actions: {lifetime: {stated: 20 minutes}}}\n"
    )
    (tmp_path / "ours.policy").write_text("sizing: {headroom: 30%}\nhost: {cpus: 4 cores, memory: 4GB}\n")
    return tmp_path


def test_values_come_from_guide_file_and_mapping(inventory: Path) -> None:
    code, output = looked_up(
        inventory, "rightsizing.memory_margin", "sizing.headroom", "host.cpus", "host.memory",
        "emergency.actions.lifetime", "emergency.combination",
    )  # fmt: skip
    assert code == 0, output
    assert values(output) == [0.15, 0.3, 2.0, 4 * 1024**3, 1200.0, "any"]


def test_an_unknown_path_names_the_nearest(inventory: Path) -> None:
    code, output = looked_up(inventory, "sizing.headrom")
    assert code != 0
    assert "did you mean headroom" in output


def test_an_override_is_data_and_never_a_template(inventory: Path) -> None:
    (inventory / "ours.policy").write_text("application: {project: \"{{ lookup('pipe', 'touch pwned') }}\"}\n")
    code, output = looked_up(inventory, "application.project")
    assert code != 0
    assert "never templates" in output
    assert not (inventory / "pwned").exists()
