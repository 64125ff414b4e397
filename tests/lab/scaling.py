"""The lab as scaling tests need it: the balancer on, as many instances as deployed, a client that counts."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import pytest

from selextract_infra.lab import Lab
from tests.lab.program import Program, wait_for

CROWDED = ("--override", "X-09")
"""The lab's two cores carry more CPU limits than a real host should have."""


def instances(lab: Lab, service: str) -> list[str]:
    """The running containers of a service, by name."""
    shown = lab.ssh(
        "app1", f"docker ps --filter label=com.docker.compose.service={service} --format '{{{{.Names}}}}'"
    ).stdout
    return sorted(shown.split())


_LOOK = """
import csv, socket
with socket.socket(socket.AF_UNIX) as admin:
    admin.connect("/var/lib/selextract-infra/projects/selextract/balancer/run/admin.sock")
    admin.sendall(b"show stat\\n")
    rows = csv.DictReader(admin.makefile())
    print(*(row["svname"] for row in rows if row["# pxname"] == "api" and row["status"].startswith("UP")))
"""


def serving(lab: Lab) -> list[str]:
    """The instances that the balancer sends requests to."""
    seen = lab.ssh("app1", f"python3 -c '{_LOOK}'")
    return sorted(set(seen.stdout.split()) - {"BACKEND"})


def scaled(program: Program, *words: str) -> Any:
    """Apply ``scale`` with these words; the Run as JSON."""
    answer = program.run("scale", *words, *CROWDED, "--apply", "--yes", "--format", "json", timeout=900)
    assert answer.code == 0, answer.words
    return answer.data


class Client:
    """One keep-alive client that asks for a route over and over; ``statuses`` counts the answers, 0 is none."""

    def __init__(self, lab: Lab, path: str, headers: dict[str, str] | None = None) -> None:
        self.statuses: Counter[int] = Counter()
        self.bodies: Counter[bytes] = Counter()
        self._url, self._path, self._headers = urlsplit(lab.state().url), path, headers or {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(120)

    def wait_for(self, answers: int, *, status: int | None = None, bound: float = 300) -> None:
        """Wait for so many answers more, of that status where one is given."""

        def count() -> int:
            return self.statuses.total() if status is None else self.statuses[status]

        before = count()
        wait_for(lambda: count() >= before + answers, bound=bound, what=f"{answers} answers of {self._path}")

    def _run(self) -> None:
        connection = HTTPConnection(self._url.hostname or "", self._url.port, timeout=30)
        while not self._stop.wait(0.01):
            try:
                connection.request("GET", self._path, headers=self._headers)
                answer = connection.getresponse()
                self.bodies[answer.read()] += 1
                self.statuses[answer.status] += 1
            except (OSError, HTTPException):
                connection.close()
                self.statuses[0] += 1
        connection.close()


@pytest.fixture(scope="module")
def balanced(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The program on a lab with the balancer before two API instances, and two workers; it is off again afterwards."""
    program = Program(lab.state().inventory, tmp_path_factory.mktemp("scaling"))
    answer = program.run("balancer", "on", "--apply", "--yes", "--now", "test", "--format", "json")
    assert answer.code == 0, answer.words
    yield program
    for service in ("api", "worker"):
        if len(instances(lab, service)) != 2:
            scaled(program, f"{service}=2")
    off = program.run("balancer", "off", "--apply", "--yes", "--now", "test", "--format", "json")
    assert off.code == 0, off.words


def switched(lab: Lab, switch: str, *, on: bool) -> None:
    """Turn a switch of Nginx by its file, as the module does."""
    path = f"/opt/selextract/nginx.d/selextract.{switch}.on"
    done = lab.ssh("app1", f"touch {path}" if on else f"rm -f {path}")
    assert done.returncode == 0, done.stderr


def traffic(program: Program) -> dict[str, Any]:
    """What the balancer's own log says of the traffic."""
    seen = program.run("balancer", "status", "--format", "json")
    assert seen.code == 0, seen.words
    found: dict[str, Any] = seen.data["app1"]
    return found
