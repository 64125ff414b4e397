"""PAUSE and RESUME. A pause ends by itself: a timer of the host ends it even where we are killed."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..docker.engine import Engine
from ..state.act import Act, Work, by_state
from ..state.options import DOCKER, STATE
from ..state.state import StateFolder
from ..system.failure import HostSideError
from ..system.waiting import waited_for
from .pooler import Pooler
from .processes import Process

__all__ = ["PGBOUNCER_PAUSE", "transactions_held_back"]

_BOUND = 15.0  # seconds for systemd
_GRACE = 5.0  # seconds for a RESUME to be in force


@contextmanager
def transactions_held_back(folder: StateFolder, socket_path: str, project: str) -> Iterator[None]:
    """Pause the PgBouncer of a project while the work inside is done; it goes on whatever comes of that.

    Nothing is done where there is none. Raises ``HostSideError`` before the work where a transaction stays open.
    """
    options = {"project": project, "docker_socket": socket_path, "state_folder": folder.path}
    PGBOUNCER_PAUSE.do(PGBOUNCER_PAUSE.work({**options, "state": "paused"}))
    try:
        yield
    finally:
        PGBOUNCER_PAUSE.do(PGBOUNCER_PAUSE.work({**options, "state": "resumed"}))


def _pause(work: Work) -> dict[str, Any]:
    given = work.params
    with _running(given) as (pooler, port, container):
        if pooler is None:
            return {"changed": False, "pooled": False}
        processes = _processes(pooler, port)
        changed = not all(process.paused for process in processes)
        if not work.check_mode:
            if pooler.leaving(port):
                raise HostSideError(
                    "An older process of PgBouncer still serves its last clients and cannot be paused.",
                    kind="refused",
                    rule="LB-08",
                )
            arm_timer(_timer(pooler), container, given["longest_seconds"])
            try:
                paused_for(processes, given["bound_seconds"])
            except HostSideError:
                disarm_timer(_timer(pooler))
                raise
    return {"changed": changed, "pooled": True}


def _resume(work: Work) -> dict[str, Any]:
    with _running(work.params) as (pooler, port, _):
        if pooler is None:
            return {"changed": False, "pooled": False}
        processes = _processes(pooler, port)
        changed = any(process.paused for process in processes)
        if not work.check_mode:
            resume(processes)
            disarm_timer(_timer(pooler))
    return {"changed": changed, "pooled": True}


@contextmanager
def _running(given: dict[str, Any]) -> Iterator[tuple[Pooler | None, int, str]]:
    """The PgBouncer of the project with its port and the name of its container, None where none runs."""
    folder = StateFolder(given["state_folder"])
    with Engine(given["docker_socket"]) as engine:
        pooler = Pooler(engine, given["docker_socket"], folder, given["project"], given["bound_seconds"])
        record = pooler.place.record()
        container = pooler.container if record else None
        if record is None or container is None or not container.running:
            yield None, 0, ""
        else:
            yield pooler, record["port"], container.name


def _processes(pooler: Pooler, port: int) -> list[Process]:
    processes = pooler.processes(port)
    if not processes:
        raise HostSideError("PgBouncer runs and its console does not answer, so it was not touched.", kind="gate")
    return processes


def _timer(pooler: Pooler) -> str:
    return f"{pooler.place.name}-resume"


def paused_for(processes: list[Process], bound: float) -> None:
    """Pause all, waiting ``bound`` seconds at most until no transaction is open; else resume all and raise.

    Raises ``HostSideError`` of kind ``gate`` that names who held it up.
    """
    give_up = time.monotonic() + bound
    for process in processes:
        try:
            if not process.paused:
                process.rows("PAUSE", timeout=max(0.1, give_up - time.monotonic()))
        except HostSideError as failure:
            holding = ", ".join([words for process in processes for words in process.holding()][:3])
            resume(processes)
            raise HostSideError(
                f"PgBouncer could not be paused within {bound:.0f} s ({failure.sentence.rstrip('.')});"
                f" it goes on. Open transactions: {holding or 'none any more'}.",
                kind="gate",
            ) from failure


def resume(processes: list[Process]) -> bool:
    """End the pause of all; whether one was in force. Raises ``HostSideError`` where a process stays paused."""
    ended = False
    for process in processes:
        if process.paused:
            process.rows("RESUME")
            ended = True
    if not waited_for(lambda: not any(process.paused for process in processes), _GRACE):
        raise HostSideError("PgBouncer stays paused after RESUME.", kind="gate")
    return ended


def arm_timer(unit: str, container: str, seconds: float) -> None:
    """Let systemd tell the container's processes, in ``seconds``, to end every pause; whatever becomes of us.

    Not by ``docker kill``, which would keep the container from coming back with the engine: see ``Engine.signal``.
    """
    disarm_timer(unit)
    _systemd(
        "systemd-run", "--quiet", "--collect", f"--unit={unit}", f"--on-active={seconds:g}s",
        "--timer-property=AccuracySec=100ms", "--description=End a pause of PgBouncer",
        "docker", "exec", container, "sh", "-c", "kill -USR2 1",
    )  # fmt: skip


def disarm_timer(unit: str) -> None:
    """Take the timer away; none there is fine."""
    for command in ("stop", "reset-failed"):
        subprocess.run(
            ["systemctl", command, f"{unit}.timer", f"{unit}.service"],
            capture_output=True, timeout=_BOUND, check=False,
        )  # fmt: skip


def _systemd(*words: str) -> None:
    try:
        subprocess.run(words, capture_output=True, timeout=_BOUND, check=True)
    except (OSError, subprocess.SubprocessError) as problem:
        raise HostSideError(
            "The timer that ends the pause cannot be set, so nothing was paused.", kind="state"
        ) from problem


PGBOUNCER_PAUSE = Act(
    "pgbouncer_pause",
    {
        "project": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["paused", "resumed"], "required": True},
        "bound_seconds": {"type": "float", "default": 5},
        "longest_seconds": {"type": "float", "default": 25},
        **DOCKER,
        **STATE,
    },
    by_state(paused=_pause, resumed=_resume),
)
