"""Doctor against a real host, reached well and in every wrong way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from selextract_infra.lab import Lab
from tests.lab.program import ROOT, Answer, environment
from tests.lab.reaching import BLACK_HOLE, dropping, new_key, ssh_arguments, written
from tests.lab.rightsizing import policy_of

pytestmark = pytest.mark.lab

SEPARATE = " -o ControlPath=none"


def doctor(inventory: Path, *words: str, **more: str) -> Answer:
    done = subprocess.run(
        [sys.executable, "-m", "selextract_infra.cli", "doctor", "-i", str(inventory), *words],
        capture_output=True, text=True, timeout=120, check=False, cwd=ROOT, env={**environment(), **more},
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return Answer(done.returncode, done.stdout, done.stderr)


def checks(answer: Answer, host: str) -> dict[str, dict[str, Any]]:
    """The checks of one host by name."""
    (found,) = [one for one in answer.data["hosts"] if one["name"] == host]
    return {check["name"]: check for check in found["checks"]}


def problems(answer: Answer, host: str) -> dict[str, str]:
    return {name: check["sentence"] for name, check in checks(answer, host).items() if check["status"] == "problem"}


@pytest.fixture(scope="module")
def ill(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Answer, float]]:
    """One look at hosts each of which has something else wrong, and how long it took."""
    folder = tmp_path_factory.mktemp("ill")
    address = lab.state().host("app1").address
    other = new_key(folder / "other").with_suffix(".pub").read_text().rsplit(" ", 1)[0]
    (folder / "changed").write_text(f"{address} {other}\n")
    (folder / "empty").touch()
    readable = folder / "readable"
    readable.write_bytes(lab.state().key.read_bytes())
    readable.chmod(0o644)
    inventory = written(
        lab,
        folder / "hosts.json",
        {
            "well": {},
            "changed": {"ansible_ssh_common_args": ssh_arguments(folder / "changed") + SEPARATE},
            "unknown": {"ansible_ssh_common_args": ssh_arguments(folder / "empty") + SEPARATE},
            "wrongkey": {"ansible_ssh_private_key_file": str(folder / "other")},
            "openkey": {"ansible_ssh_private_key_file": str(readable)},
            "refused": {"ansible_port": 9},
            "gone": {"ansible_port": BLACK_HOLE},
            "nameless": {"ansible_host": "no-such-host.invalid"},
            "nopassword": {"ansible_user": "ops"},
            "wrongpassword": {"ansible_user": "ops", "ansible_become_password": "wrong"},
            "nopython": {"ansible_python_interpreter": "/usr/bin/python9"},
            "unchecked": {
                "ansible_ssh_common_args": f"-F /dev/null -o StrictHostKeyChecking=no -o LogLevel=ERROR{SEPARATE}"
                " -o UserKnownHostsFile=/dev/null"
            },
        },
    )
    with dropping(lab, BLACK_HOLE):
        started = time.monotonic()
        answer = doctor(inventory, "--format", "json")
        yield answer, time.monotonic() - started


def test_all_hosts_are_looked_at_in_about_the_time_of_the_slowest(ill: tuple[Answer, float]) -> None:
    answer, seconds = ill
    assert answer.code == 8, answer.words
    assert [host["name"] for host in answer.data["hosts"] if "well" in host["name"]] == ["well"]
    assert seconds < 30, "the one that swallows everything is given up after 10 s"


def test_a_host_beside_ill_ones_is_found_well(ill: tuple[Answer, float]) -> None:
    assert problems(ill[0], "well") == {}
    assert checks(ill[0], "well")["docker"]["status"] == "ok"
    assert checks(ill[0], "well")["clock"]["status"] == "ok"


@pytest.mark.parametrize(
    ("host", "check", "words"),
    [
        ("changed", "host key", "it is not the one in known_hosts: it shows SHA256:"),
        ("unknown", "host key", "it is not known here: it shows SHA256:"),
        ("wrongkey", "login", "no key offered here is accepted for that user"),
        ("openkey", "login", "the private key file is readable by others, so ssh ignores it"),
        ("refused", "port", "nothing listens on its SSH port"),
        ("gone", "port", "it does not answer"),
        ("nameless", "port", "the name no-such-host.invalid cannot be resolved"),
        ("nopassword", "root", "becoming root asks for a password and none was given"),
        ("wrongpassword", "root", "the password for becoming root is wrong"),
        ("nopython", "python", "Python is not at /usr/bin/python9"),
    ],
)
def test_each_illness_is_one_sentence_with_a_remedy(
    ill: tuple[Answer, float], host: str, check: str, words: str
) -> None:
    assert list(problems(ill[0], host)) == [check]
    assert words in problems(ill[0], host)[check]
    assert checks(ill[0], host)[check]["remedy"]


def test_keys_that_are_not_checked_are_a_warning(ill: tuple[Answer, float]) -> None:
    assert checks(ill[0], "unchecked")["host key"]["status"] == "warning"


def test_a_healthy_host_is_a_table_and_exit_0(lab: Lab) -> None:
    answer = doctor(lab.state().inventory)
    assert answer.code == 0, answer.words
    assert "1 host can be worked on" in answer.out
    assert max(len(line) for line in answer.out.splitlines()) <= 80


def test_a_control_socket_whose_path_is_too_long_for_every_run_is_a_problem(lab: Lab, tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 25)
    answer = doctor(lab.state().inventory, "--format", "json", ANSIBLE_SSH_CONTROL_PATH_DIR=str(folder))
    assert answer.code == 8, answer.words
    assert problems(answer, "app1") == {"login": "the path of ssh's control socket on this machine is too long"}
    assert "ANSIBLE_SSH_CONTROL_PATH_DIR" in checks(answer, "app1")["login"]["remedy"]


@pytest.fixture
def sockets() -> Iterator[dict[str, str]]:
    """A folder for control sockets whose path is short enough, wherever pytest has its own folders."""
    with TemporaryDirectory(prefix="s") as folder:
        yield {"ANSIBLE_SSH_CONTROL_PATH_DIR": folder}


def test_a_login_that_no_longer_works_is_not_hidden_by_a_connection_that_is_still_open(
    lab: Lab, tmp_path: Path, sockets: dict[str, str]
) -> None:
    inventory = written(lab, tmp_path / "hosts.json", {"app1": {}}, shared=True)
    assert doctor(inventory, **sockets).code == 0
    console = lab.host("app1")
    console.execute("mv", "/root/.ssh/authorized_keys", "/root/.ssh/authorized_keys.away")
    try:
        answer = doctor(inventory, "--format", "json", **sockets)
    finally:
        console.execute("mv", "/root/.ssh/authorized_keys.away", "/root/.ssh/authorized_keys")
    assert list(problems(answer, "app1")) == ["login"]


def test_a_state_folder_that_cannot_be_written_is_a_problem(lab: Lab, tmp_path: Path) -> None:
    console = lab.host("app1")
    console.execute("mkdir", "-p", "/var/lib/selextract-infra")
    console.execute("mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", "/var/lib/selextract-infra")
    try:
        answer = doctor(written(lab, tmp_path / "hosts.json", {"app1": {}}), "--format", "json")
    finally:
        console.execute("umount", "/var/lib/selextract-infra")
    assert answer.code == 8
    assert "No space left" in problems(answer, "app1")["state folder"]


def test_an_engine_that_is_stopped_is_a_problem(lab: Lab, tmp_path: Path) -> None:
    console = lab.host("app1")
    console.execute("mv", "/run/docker.sock", "/run/docker.sock.away")
    try:
        answer = doctor(written(lab, tmp_path / "hosts.json", {"app1": {}}), "--format", "json")
    finally:
        console.execute("mv", "/run/docker.sock.away", "/run/docker.sock")
    assert answer.code == 8
    assert "docker" in problems(answer, "app1")
    assert checks(answer, "app1")["docker"]["remedy"]


@pytest.fixture
def agent(lab: Lab) -> Iterator[dict[str, str]]:
    """An SSH agent that holds the lab's key."""
    said = subprocess.run(["ssh-agent", "-s"], capture_output=True, text=True, timeout=10, check=True).stdout
    found = dict(part.split("=", 1) for part in said.replace("\n", ";").split(";") if part.startswith("SSH_"))
    try:
        subprocess.run(["ssh-add", "-q", str(lab.state().key)], env={**os.environ, **found}, timeout=10, check=True)
        yield {"SSH_AUTH_SOCK": found["SSH_AUTH_SOCK"]}
    finally:
        os.kill(int(found["SSH_AGENT_PID"]), 15)


def test_unattended_a_key_that_only_the_agent_holds_does_not_count(
    lab: Lab, tmp_path: Path, agent: dict[str, str]
) -> None:
    locked = new_key(tmp_path / "locked", passphrase="secret")
    arguments = ssh_arguments(lab.state().known_hosts).replace(" -o IdentitiesOnly=yes", "") + SEPARATE
    by_agent = {"ansible_ssh_private_key_file": str(locked), "ansible_ssh_common_args": arguments}
    inventory = written(lab, tmp_path / "hosts.json", {"app1": by_agent})
    assert doctor(inventory, **agent).code == 0
    answer = doctor(inventory, "--unattended", "--format", "json", **agent)
    assert answer.code == 8
    assert "login" in problems(answer, "app1")
    assert "passphrase" in checks(answer, "app1")["login"]["remedy"]


def test_unattended_a_password_counts_only_as_a_credential(lab: Lab, tmp_path: Path) -> None:
    inventory = written(lab, tmp_path / "hosts.json", {"app1": {"ansible_user": "ops"}})
    exported = {"SELEXTRACT_BECOME_PASSWORD": lab.state().ops_password}
    assert doctor(inventory, **exported).code == 0
    answer = doctor(inventory, "--unattended", "--format", "json", **exported)
    assert answer.code == 8
    assert "NOPASSWD" in checks(answer, "app1")["root"]["remedy"]
    (tmp_path / "become-password").write_text(lab.state().ops_password)
    assert doctor(inventory, "--unattended", CREDENTIALS_DIRECTORY=str(tmp_path)).code == 0


def test_no_secret_is_ever_shown(lab: Lab, tmp_path: Path) -> None:
    password = lab.state().ops_password
    inventory = written(lab, tmp_path / "hosts.json", {"app1": {"ansible_user": "ops"}})
    answer = doctor(inventory, "--format", "json", SELEXTRACT_BECOME_PASSWORD=password)
    assert answer.code == 0, answer.words
    assert password not in answer.words
    assert json.loads(answer.out)["healthy"] is True


def test_unattended_a_credential_that_would_be_missing_at_night_is_found_by_day(lab: Lab, tmp_path: Path) -> None:
    def change(policy: dict[str, Any]) -> None:
        policy["schedule"] = {"credentials": ["SELEXTRACT_SLACK_URL"]}

    inventory = policy_of(lab, tmp_path / "inventory", change)
    exported = {"SELEXTRACT_SLACK_URL": "slack://a/b/c"}
    assert doctor(inventory, **exported).code == 0
    answer = doctor(inventory, "--unattended", "--format", "json", **exported)
    assert answer.code == 8, answer.words
    (check,) = [one for one in answer.data["machine"] if one["name"] == "credential SELEXTRACT_SLACK_URL"]
    assert check["status"] == "problem"
    assert "missing at night" in check["sentence"]
    assert all(not problems(answer, host["name"]) for host in answer.data["hosts"])
