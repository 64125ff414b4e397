"""Bad input gets one clear sentence and its exit code, and no host is touched."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from selextract_infra.lab import Lab
from tests.lab.program import Answer, Program
from tests.lab.rightsizing import policy_of

pytestmark = pytest.mark.lab


@pytest.fixture
def program(lab: Lab, tmp_path: Path) -> Program:
    return Program(lab.state().inventory, tmp_path / "state")


def one_sentence(answer: Answer, code: int, *parts: str) -> None:
    assert answer.code == code, answer.words
    complaint = [line for line in answer.err.splitlines() if line.startswith("error: ")]
    assert len(complaint) == 1, answer.words
    assert "Traceback" not in answer.words
    for part in parts:
        assert part in answer.err, answer.err


def touched(lab: Lab) -> str:
    """What on the host would show that somebody was there."""
    shown = lab.ssh("app1", "ls -l --time-style=full-iso /var/lib/selextract-infra/runs /opt/selextract 2>/dev/null")
    return shown.stdout


def test_a_missing_inventory(tmp_path: Path) -> None:
    answer = Program(tmp_path / "nowhere", tmp_path / "state").run("rightsize")
    one_sentence(answer, 2, f"There is no inventory at {tmp_path / 'nowhere'}.")


def test_a_pattern_that_matches_no_host(program: Program) -> None:
    one_sentence(program.run("rightsize", "--limit", "web*"), 2, "matches 'web*'")


def test_a_policy_file_that_is_no_yaml_names_file_and_line(program: Program, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    broken.write_text("rightsizing:\n  window: 7 days\n   bucket: [1 minute\n")
    one_sentence(program.run("rightsize", "--policy", broken), 2, "broken.yml:3")


def test_an_unknown_key_of_the_policy_names_the_nearest(program: Program, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text("rightsizing:\n  windw: 7 days\n")
    one_sentence(program.run("rightsize", "--policy", wrong), 2, "wrong.yml:2", "window")


def test_an_unknown_unit_names_the_accepted_forms(lab: Lab, program: Program) -> None:
    before = touched(lab)
    answer = program.run("rightsize", "--service", "api", "--memory", "2 gigs", "--apply", "--yes")
    one_sentence(answer, 2, "2 gigs", "1.5GB")
    assert touched(lab) == before


def test_a_negative_limit(lab: Lab, program: Program) -> None:
    before = touched(lab)
    one_sentence(program.run("rightsize", "--service", "api", "--memory=-1GB", "--apply", "--yes"), 2, "below zero")
    assert touched(lab) == before


def test_a_limit_above_the_host_has_no_override(lab: Lab, program: Program) -> None:
    before = touched(lab)
    answer = program.run("rightsize", "--service", "api", "--memory", "8GB", "--override", "LIM-H2", "--apply", "--yes")
    assert answer.code in (2, 3), answer.words
    one_sentence(answer, answer.code, "LIM-H2", "override")
    assert touched(lab) == before


def test_an_unknown_service_names_the_nearest(program: Program) -> None:
    one_sentence(program.run("rightsize", "--service", "ap"), 2, "did you mean api?")


def test_a_changed_host_key_is_not_trusted(lab: Lab, tmp_path: Path) -> None:
    folder = tmp_path / "inventory"
    shutil.copytree(lab.state().inventory, folder)
    known = tmp_path / "known_hosts"
    address = lab.state().host("app1").address
    other = "AAAAC3NzaC1lZDI1NTE5AAAAIJ0NfkOZ0L4bXyV8z4v6yX1XyWqKk7n3n1l1b7c0w3pA"
    known.write_text(f"{address} ssh-ed25519 {other}\n")
    hosts = folder / "hosts.yml"
    text = hosts.read_text().replace(str(lab.state().known_hosts), str(known))
    content = yaml.safe_load(text)
    for host in content["all"]["hosts"].values():  # an open connection would be used again, without a look at the key
        host["ansible_ssh_extra_args"] = "-o ControlPath=none"
    hosts.write_text(yaml.safe_dump(content))
    answer = Program(folder, tmp_path / "state").run("observe")
    assert answer.code == 8, answer.words
    assert "host key" in answer.words.lower()
    assert "Traceback" not in answer.words


def test_a_wrong_become_password(lab: Lab, tmp_path: Path) -> None:
    folder = tmp_path / "inventory"
    shutil.copytree(lab.state().inventory, folder)
    hosts = folder / "hosts.yml"
    content: dict[str, Any] = yaml.safe_load(hosts.read_text())
    common = content["all"].setdefault("vars", {})
    common |= {"ansible_user": "ops", "ansible_become": True, "ansible_become_password": "not this one"}
    for host in content["all"]["hosts"].values():
        host.pop("ansible_user", None)
    hosts.write_text(yaml.safe_dump(content))
    answer = Program(folder, tmp_path / "state").run("observe")
    assert answer.code == 8, answer.words
    assert "password" in answer.words.lower()
    assert "not this one" not in answer.words


def _project(lab: Lab, folder: Path, name: str, compose: str) -> Path:
    """An inventory whose policy maps another small Compose project that is started on the host."""
    lab.ssh("app1", f"mkdir -p /opt/{name} && cat > /opt/{name}/compose.yml <<'END'\n{compose}\nEND\n")
    up = lab.ssh("app1", f"cd /opt/{name} && docker compose up -d 2>&1", timeout=120)
    assert up.returncode == 0, up.stdout

    def change(policy: dict[str, Any]) -> None:
        policy["application"]["project"] = name
        policy["application"]["directory"] = f"/opt/{name}"
        policy["application"]["services"] = {"web": {"role": "api"}}

    return policy_of(lab, folder, change)


def _remove(lab: Lab, name: str) -> None:
    own = f"--filter label=com.docker.compose.project={name}"  # Compose refuses files that contradict each other
    gone = lab.ssh(
        "app1",
        f"docker ps -aq {own} | xargs -r docker rm -f; docker network ls -q {own} | xargs -r docker network rm;"
        f' rm -rf /opt/{name}; test -z "$(docker ps -aq {own})"',
        timeout=120,
    )
    assert gone.returncode == 0, gone.stdout + gone.stderr


def test_an_app_that_mixes_limit_forms_is_named(lab: Lab, tmp_path: Path) -> None:
    good = "services:\n  web: {image: selextract/stack:lab, command: [sleep, infinity], init: true, mem_limit: 64m}"
    try:
        inventory = _project(lab, tmp_path / "inventory", "mixed", good)
        lab.ssh("app1", "printf 'services: {web: {deploy: {resources: {limits: {memory: 96m}}}}}' "
                "> /opt/mixed/compose.override.yml")  # fmt: skip
        answer = Program(inventory, tmp_path / "state").run("rightsize")
        assert answer.code in (0, 3, 8), answer.words
        assert "mixed" in answer.words or "mem_limit" in answer.words
        assert "Traceback" not in answer.words
    finally:
        _remove(lab, "mixed")


def test_an_app_that_maps_nothing_is_told_what_to_write(lab: Lab, tmp_path: Path) -> None:
    def change(policy: dict[str, Any]) -> None:
        policy["application"] = {}

    answer = Program(policy_of(lab, tmp_path / "inventory", change), tmp_path / "state").run("rightsize")
    assert "application" in answer.words
    assert "Traceback" not in answer.words
