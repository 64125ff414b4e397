"""Modules of the collection, called one at a time on a real host, beside a small app of another team."""

from __future__ import annotations

import json
import secrets
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from selextract_infra.hosts.collection import search_path
from selextract_infra.lab import Lab
from tests.lab.program import ROOT, environment

__all__ = ["Shop", "shop", "shop_goes"]

MIB = 2**20
ANSIBLE = str(Path(sys.executable).parent / "ansible")
DIRECTORY = "/srv/shop"
COMPOSE = """\
services:
  web:
    image: selextract/stack:lab
    command: sleep infinity
    init: true
    mem_limit: 64m
    memswap_limit: 64m
    cpus: 0.3
    scale: 2
  jobs:
    image: selextract/stack:lab
    command: sleep infinity
    init: true
    deploy: {resources: {limits: {memory: 64m, cpus: "0.3"}}}
  free:
    image: selextract/stack:lab
    command: sleep infinity
    init: true
    environment: {PASSWORD: not-for-anybody}
"""


@dataclass
class Shop:
    """The Compose project ``shop`` on the lab's host, and a Run that works on it."""

    lab: Lab
    run_id: str = field(default_factory=lambda: f"test-{secrets.token_hex(4)}")

    def module(self, module: str, /, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """Call a module on the host; ``failed`` and ``msg`` are in the answer when it fails."""
        done = self._called(module, options, *(["--check"] if check else []))
        _, found, answer = done.stdout.partition("=> ")
        assert found, done.stdout + done.stderr
        return {"failed": done.returncode != 0, **json.loads(answer)}

    def words(self, module: str, /, **options: Any) -> str:
        """Everything that is shown of a module in check mode, with its differences and as much as Ansible tells."""
        done = self._called(module, options, "--check", "--diff", "-vvv")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def _called(self, module: str, options: Mapping[str, Any], *more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ANSIBLE, "-i", str(self.lab.state().inventory), "app1", "-b", "-m", f"selextract.infra.{module}",
             "-a", json.dumps(options), *more],
            capture_output=True, text=True, timeout=120, check=False, cwd="/",
            env={**environment(), "ANSIBLE_COLLECTIONS_PATH": search_path(None, ROOT) or ""},
        )  # fmt: skip

    def step(self, module: str, /, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """Call a module that belongs to the step ``one`` of the Run."""
        return self.module(module, check=check, run_id=self.run_id, step_id="one", **options)

    def limit(self, services: Mapping[str, Any], *, check: bool = False) -> dict[str, Any]:
        """Set limits in place."""
        return self.step("container_limits", check=check, project="shop", services=services, shrink_margin=0.1)

    def capacity(self, services: Mapping[str, Any], *, check: bool = False) -> dict[str, Any]:
        """Write the capacity file."""
        return self.step("capacity_file", check=check, project="shop", directory=DIRECTORY, services=services)

    def begin(self, operation: str = "by hand") -> None:
        """Take the lock and begin the Run, or with ``restore`` to put back what it did."""
        claim: dict[str, Any] = {"owner": "tester", "purpose": "testing", "operation": operation, "run": {}}
        assert self.module("host_lock", run_id=self.run_id, **claim)["acquired"]

    def shell(self, command: str, *, check: bool = True) -> str:
        """What a command on the host prints."""
        done = self.lab.ssh("app1", command, timeout=120)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def put(self, name: str, content: str | bytes) -> None:
        """Write a file into the project's folder."""
        data = content if isinstance(content, bytes) else content.encode()
        path = shlex.quote(f"{DIRECTORY}/{name}")
        write = "import sys; open(sys.argv[1], 'wb').write(bytes.fromhex(sys.argv[2]))"
        self.shell(f"mkdir -p $(dirname {path}) && python3 -c \"{write}\" {path} '{data.hex()}'")

    def read(self, name: str) -> str:
        """A file of the project's folder, empty where there is none."""
        command = f"python3 -c \"print(open('{DIRECTORY}/{name}', 'rb').read().hex())\" 2>/dev/null || true"
        return bytes.fromhex(self.shell(command).strip()).decode("utf-8", "surrogateescape")

    def inspect(self, container: str, template: str) -> str:
        """A field of a container as Docker holds it."""
        return self.shell(f"docker inspect -f '{template}' {container}").strip()

    def limits(self, container: str) -> tuple[int, int, float]:
        """Memory and swap limit in bytes and CPUs of a container."""
        shown = self.inspect(container, "{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.NanoCpus}}")
        memory, swap, cpus = shown.split()
        return int(memory), int(swap), int(cpus) / 1e9


def _fresh(lab: Lab) -> None:
    """The project as its team deployed it, in the time it takes to compare when it is that already."""
    done = lab.ssh(
        "app1",
        f"mkdir -p {DIRECTORY} && cd {DIRECTORY} && find . -mindepth 1 -not -name compose.yml -delete;"
        " rm -rf /var/lib/selextract-infra/lock.json /var/lib/selextract-infra/projects/shop;"
        " docker rm -f shop-quota shop-free-1 >/dev/null 2>&1; docker inspect shop-web-1 shop-web-2 >/dev/null ||"
        " docker ps -aq --filter label=com.docker.compose.project=shop | xargs -r docker rm -f;"
        f" echo {COMPOSE.encode().hex()} | python3 -c"
        ' \'import sys; open("compose.yml", "wb").write(bytes.fromhex(input()))\' &&'
        " docker compose up -d --quiet-pull 2>&1 &&"
        " docker update --memory 64m --memory-swap 64m --cpus 0.3 shop-web-1 shop-web-2 shop-jobs-1",
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def shop(lab: Lab) -> Iterator[Shop]:
    """The project, freshly started; what a Run left is taken away again."""
    _fresh(lab)
    one = Shop(lab)
    yield one
    one.shell(f"rm -f /var/lib/selextract-infra/runs/{one.run_id}.json /var/lib/selextract-infra/lock.json")


@pytest.fixture(scope="module", autouse=True)
def shop_goes(lab: Lab) -> Iterator[None]:
    """Nothing of the project stays on the lab's host."""
    yield
    lab.ssh(
        "app1",
        "docker ps -aq --filter label=com.docker.compose.project=shop | xargs -r docker rm -f;"
        f" docker network rm shop_default; rm -rf {DIRECTORY} /var/lib/selextract-infra/projects/shop",
        timeout=120,
    )
