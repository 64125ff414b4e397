"""The control machine is the managed host itself: the program runs on ``app1`` and works on ``app1``, without ssh."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from selextract_infra.lab import Lab
from selextract_infra.lab.host import Host
from tests.lab.program import ROOT

pytestmark = pytest.mark.lab

INVENTORY = "/root/self/hosts.yml"
NOT_NEEDED = (
    "*/.git", "*/.*_cache", "*/__pycache__", "*/mypy*", "*mypyc*", "*/matplotlib*", "*/fontTools", "*/ansible_test",
    "*/ansiblelint", "*/pip", "*/site-packages/PIL", "*/pillow*",
)  # fmt: skip


def carried(host: Host) -> None:
    """This checkout with its virtual environment and its Python, at the same places on the host."""
    python, stdlib = Path(sys.executable).resolve(), Path(sysconfig.get_path("stdlib"))
    environment = Path(sys.prefix)
    packages = [path for path in Path(sysconfig.get_path("purelib")).iterdir() if path.name != "ansible_collections"]
    library = stdlib.parent / str(sysconfig.get_config_var("INSTSONAME"))
    wanted = [
        python, *([library] if library.is_file() else []), stdlib,
        ROOT / "selextract_infra", ROOT / "playbooks", ROOT / "plugins", ROOT / "roles", ROOT / "pyproject.toml",
        *(ROOT / name for name in ("galaxy.yml", "meta", "ansible.cfg") if (ROOT / name).exists()),
        environment / "bin", environment / "pyvenv.cfg", *packages,
    ]  # fmt: skip
    own = [f"--exclude={stdlib}/{name}" for name in ("site-packages", "test", "idlelib", "dist-packages")]
    excluded = [*own, *(f"--exclude={pattern}" for pattern in NOT_NEEDED)]
    archive = subprocess.run(
        ["tar", "--create", "--absolute-names", *excluded, *map(str, wanted)],
        stdout=subprocess.PIPE, check=True, timeout=120,
    ).stdout  # fmt: skip
    host.execute("rm", "-rf", *(str(ROOT / name) for name in ("selextract_infra", "playbooks", "plugins", "roles")))
    host.execute("tar", "--extract", "--absolute-names", "--skip-old-files", feed=archive, timeout=180)


class Itself:
    """The program as it runs on the host."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def say(self, *words: str) -> str:
        """What a command prints; it must end well."""
        command = [sys.executable, "-m", "selextract_infra.cli", *words, "-i", INVENTORY]
        environment = ["env", "-C", "/root", "HOME=/root", "PATH=/usr/bin:/bin:/usr/sbin:/sbin"]
        return self.host.execute(*environment, *command, timeout=180)

    def run(self, *words: str) -> Any:
        """The JSON answer of a command."""
        return json.loads(self.say(*words, "--format", "json"))

    def logins(self) -> int:
        """How often anybody has logged in by ssh."""
        found = self.host.execute("sh", "-c", "journalctl --quiet --unit ssh --grep 'Accepted publickey' | wc -l")
        return int(found)


@pytest.fixture(scope="module")
def itself(lab: Lab) -> Itself:
    state, host = lab.state(), lab.host("app1")
    carried(host)
    policy = (state.inventory / "group_vars" / "all" / "policy.yml").read_bytes()
    hosts = {"all": {"hosts": {"app1": {"ansible_host": state.host("app1").address, "ansible_user": "root"}}}}
    host.execute("mkdir", "-p", "/root/self/group_vars")
    host.execute("cp", "/dev/stdin", INVENTORY, feed=json.dumps(hosts).encode())
    host.execute("cp", "/dev/stdin", "/root/self/group_vars/all.yml", feed=policy)
    return Itself(host)


def test_doctor_finds_out_that_the_host_is_this_very_machine(itself: Itself) -> None:
    before = itself.logins()
    (found,) = itself.run("doctor")["hosts"]
    assert found["connection"] == "local"
    assert {check["name"]: check["status"] for check in found["checks"]}["login"] == "ok"
    assert [check for check in found["checks"] if check["status"] == "problem"] == []
    assert itself.logins() == before


def test_the_host_observes_itself_without_a_key_to_itself(itself: Itself) -> None:
    before = itself.logins()
    (seen,) = itself.run("observe")["hosts"]
    assert seen["facts"]["machine_id"] == itself.host.execute("cat", "/etc/machine-id").strip()
    assert {container["service"] for container in seen["containers"]} >= {"api", "postgres", "nginx"}
    assert itself.logins() == before


def test_the_host_works_on_itself(itself: Itself) -> None:
    before = itself.logins()
    itself.say("freeze", "--reason", "testing")
    assert json.loads(itself.host.execute("cat", "/var/lib/selextract-infra/freeze.json"))["reason"] == "testing"
    itself.say("unfreeze")
    assert itself.logins() == before


def test_it_needs_no_sudo_to_be_root_when_it_is_root(itself: Itself) -> None:
    itself.host.execute("mv", "/usr/bin/sudo", "/usr/bin/sudo.away")
    try:
        (seen,) = itself.run("observe")["hosts"]
    finally:
        itself.host.execute("mv", "/usr/bin/sudo.away", "/usr/bin/sudo")
    assert seen["problem"] is None
