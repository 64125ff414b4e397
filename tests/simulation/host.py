"""A host in memory, and its folders on a file system in memory: what the program's code meets at its seams."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from plugins.module_utils.docker.cgroup import Reading
from plugins.module_utils.docker.program import Answer
from plugins.module_utils.postgres.wire import Login
from plugins.module_utils.system.failure import HostSideError
from selextract_infra.hosts.ansible_process import Caught
from tests.simulation.boundaries import Boundaries, BoundaryKind, FaultKind, LostAnswerError
from tests.simulation.clock import SimulatedClock
from tests.simulation.compose_program import ComposeRejectsError, SimulatedCompose
from tests.simulation.engine import RefusalError, SimulatedEngine
from tests.simulation.pgbouncer import Row, SimulatedWire
from tests.simulation.programs import SimulatedPrograms

__all__ = ["OneByOne", "SimulatedHost"]

_GET = "GET"


@dataclass
class SimulatedHost:
    """``root`` holds the state folder and the Project's folder. ``runner`` says whether a runner of segments lives."""

    root: Path
    clock: SimulatedClock = field(default_factory=SimulatedClock)
    boundaries: Boundaries = field(default_factory=Boundaries)
    runner: bool = False

    def __post_init__(self) -> None:
        self.engine = SimulatedEngine(self.clock, volumes_folder=self.root / "volumes")
        self.programs = SimulatedPrograms(self.engine)
        self.compose = SimulatedCompose(self.engine, inside=self._inside)
        self.boundaries.snapshot, self.boundaries.now = self.engine.remember, lambda: self.clock.now
        for folder in (self.state, self.project):
            folder.mkdir(parents=True)

    @property
    def state(self) -> Path:
        """Our state folder."""
        return self.root / "state"

    @property
    def project(self) -> Path:
        """The folder of the app's Compose files."""
        return self.root / "shop"

    def close(self) -> None:
        """Leave nothing."""
        shutil.rmtree(self.root)

    def _inside(self, name: str, effect: Callable[[], str]) -> str:
        try:
            return self.boundaries.come_to("inside", name, effect, effect)
        except LostAnswerError as lost:
            raise RefusalError(500, "the engine is busy") from lost

    # -- seams

    def ask_engine(self, method: str, path: str, body: bytes, timeout: float | None) -> tuple[int, bytes]:
        """One call of the engine's API. Raises what a socket raises."""
        inside = "/exec" in path
        asks = method == _GET or (inside and not self.programs.changes_inside(path))
        kind: BoundaryKind = "ask" if asks else "act"
        name = f"{method} {_path_without_ids(path)}"
        try:
            return self.boundaries.come_to(
                kind,
                name,
                lambda: self.engine.answer(method, path, body),
                lambda: self.engine.old_answer(method, path, body),
            )
        except LostAnswerError as lost:
            if lost.args[0] is FaultKind.FAILS:
                return 500, b'{"message": "the engine is busy"}'
            if lost.args[0] is FaultKind.HANGS:
                self.clock.sleep(timeout or 60.0)
                raise TimeoutError("timed out") from lost
            if lost.args[0] is FaultKind.GONE:
                raise ConnectionRefusedError("Connection refused") from lost
            raise ConnectionResetError("Connection reset by peer") from lost

    def call_compose(self, arguments: list[str], feed: str | None, timeout: float) -> tuple[int, str, str]:
        """One call of the Compose program: exit code, output, complaints. Raises what ``subprocess`` raises."""
        kind: BoundaryKind = "act" if self.compose.changes(arguments) else "ask"
        words = [word for word in arguments if word in ("config", "create", "up", "version", "--dry-run", "--hash")]

        def effect() -> tuple[int, str, str]:
            try:
                return (0, *self.compose.run(arguments, feed))
            except ComposeRejectsError as rejection:
                return 1, "", f"{rejection}\n"

        self.clock.sleep(0.1)
        try:
            return self.boundaries.come_to(kind, f"compose {' '.join(words)}", effect, effect)
        except LostAnswerError as lost:
            if lost.args[0] is FaultKind.HANGS:
                self.clock.sleep(timeout)
                raise subprocess.TimeoutExpired("docker-compose", timeout) from lost
            return 1, "", "Cannot connect to the Docker daemon. Is the docker daemon running?\n"

    def call_docker(self, arguments: Sequence[str], *, feed: bytes = b"", bound: float = 30.0) -> Answer:
        """One call of the ``docker`` program. Raises what the product's own call of it raises."""
        changes, name, effect = self.programs.called(list(arguments), feed)
        try:
            code, output, complaint = self.boundaries.come_to("act" if changes else "ask", name, effect, effect)
        except LostAnswerError as lost:
            if lost.args[0] is FaultKind.HANGS:
                self.clock.sleep(bound)
                raise HostSideError(f"docker {arguments[0]} did not end within {bound:.0f} s.", kind="docker") from lost
            code, output, complaint = 1, "", "error during connect: the Docker daemon does not answer"
        return Answer(code, output.encode(), complaint.encode())

    def ask_pooler(self, name: str, effect: Callable[[], list[Row]]) -> list[Row]:
        """One question on a connection to PgBouncer. Raises what ``Wire`` raises."""
        kind: BoundaryKind = "ask" if name.startswith("SHOW") or name == "query" else "act"
        try:
            return self.boundaries.come_to(kind, f"pgbouncer {name}", effect, effect)
        except LostAnswerError as lost:
            if lost.args[0] is FaultKind.HANGS:
                self.clock.sleep(10.0)
            raise HostSideError("No answer came in time.", kind="postgres") from lost

    def connect_to_pooler(self, address: Any, login: Login, **_more: Any) -> SimulatedWire:
        """In place of ``Wire``."""
        return SimulatedWire(self.programs.pgbouncer, self.ask_pooler, address, login)

    def connect_inside(self, _process: int, host: str, port: int, *, wanted: str, timeout: float) -> tuple[str, int]:
        """In place of ``connected_inside``."""
        present = sorted({address for one in self.engine.known_as(host) for address in self.engine.addresses(one)})
        if present != [wanted]:
            raise HostSideError(f"The app's network knows somebody else by the name {host} ({timeout}).", kind="gate")
        return wanted, port

    def reading_of(self, pid: int) -> SimulatedGroup | None:
        """What a container uses, by its first process."""
        container = self.engine.by_process(pid)
        return SimulatedGroup(self.engine.uses.get(self.engine.service_of(container), 0)) if container else None

    def complaint_of(self, url: str, _bound: float = 5.0) -> str | None:
        """Whether what listens there serves; the service is in the address."""
        service = url.split("//")[1].split("/")[0]
        well = [
            one
            for one in self.engine.containers.values()
            if self.engine.service_of(one) == service and self.engine.healthy(one)
        ]
        return None if well else f"{url} does not answer (Connection refused)"


@dataclass(frozen=True)
class SimulatedGroup:
    """The control group of a container."""

    memory: int

    def read(self) -> Reading:
        """What it uses now."""
        return Reading(cpu_seconds=1.0, memory=self.memory, page_cache=0, oom_kills=0)


class OneByOne:
    """A pool of threads in which nothing happens at the same time, so that boundaries have an order."""

    def __init__(self, *_unused: Any, **_more: Any) -> None:
        self._open = True

    def __enter__(self) -> OneByOne:
        return self

    def __exit__(self, *unused: object) -> None:
        self._open = False

    def shutdown(self, **_unused: Any) -> None:
        """There is nothing to end."""

    def map(self, work: Callable[..., Any], *values: Any) -> list[Any]:
        """As ``ThreadPoolExecutor.map``."""
        return [work(*each) for each in zip(*values, strict=True)]

    def submit(self, work: Callable[..., Any], *values: Any) -> Future[Any]:
        """As ``ThreadPoolExecutor.submit``; it is done already."""
        future: Future[Any] = Future()
        with Caught() as caught:
            future.set_result(work(*values))
        if caught.problem is not None:
            future.set_exception(caught.problem)
        return future


class SimulatedConnection:
    """In place of the connection to the engine's socket."""

    def __init__(self, host: SimulatedHost, timeout: float | None) -> None:
        self._host = host
        self._timeout = timeout
        self._asked: tuple[str, str, bytes] = ("", "", b"")

    def request(self, method: str, path: str, content: str | None, _headers: Mapping[str, str]) -> None:
        """As ``HTTPConnection.request``."""
        self._asked = (method, path, (content or "").encode())

    def getresponse(self) -> SimulatedResponse:
        """As ``HTTPConnection.getresponse``."""
        status, content = self._host.ask_engine(*self._asked, self._timeout)
        return SimulatedResponse(status, content)

    def close(self) -> None:
        """There is nothing to close."""


class SimulatedResponse(io.BytesIO):
    """An answer of the engine."""

    def __init__(self, status: int, content: bytes) -> None:
        super().__init__(content)
        self.status = status


class SimulatedProcess:
    """In place of a started Compose program."""

    def __init__(self, host: SimulatedHost, arguments: list[str]) -> None:
        self._host = host
        self._arguments = arguments
        self.returncode = 0
        self._killed = False

    def communicate(self, feed: str | None = None, timeout: float = 60.0) -> tuple[str, str]:
        """As ``Popen.communicate``."""
        if self._killed:
            return "", ""
        self.returncode, output, complaint = self._host.call_compose(self._arguments, feed, timeout)
        return output, complaint

    def kill(self) -> None:
        """As ``Popen.kill``."""
        self._killed = True


def _path_without_ids(path: str) -> str:
    words = path.split("?")[0].split("/")
    return "/".join(word if len(word) < 20 else "ID" for word in words)
