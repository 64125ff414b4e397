"""The seams: where host-side code touches the world, each replaced by the simulated host; nothing else is replaced."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any, TypeVar

from plugins.module_utils.compose import compose
from plugins.module_utils.docker import engine
from plugins.module_utils.docker.cgroup import find_control_group
from plugins.module_utils.docker.network_namespace import connected_inside
from plugins.module_utils.docker.program import docker
from plugins.module_utils.pgbouncer.pausing import arm_timer, disarm_timer
from plugins.module_utils.pgbouncer.processes import answering, leaving
from plugins.module_utils.postgres.psql import _owner
from plugins.module_utils.postgres.wire import Wire
from plugins.module_utils.state import options, registry, runner
from plugins.module_utils.state.fence import FINISHES_VARIABLE, HOLDER_VARIABLE
from plugins.module_utils.state.segment import process_started
from plugins.module_utils.state.state import StateFolder
from plugins.module_utils.system.certificate import self_made_certificate
from plugins.module_utils.system.facts import host_memory
from plugins.module_utils.system.failure import HostSideError, unwritten
from plugins.module_utils.system.leftover_processes import running, stop
from plugins.module_utils.system.probe import complaint_of
from plugins.module_utils.system.transient_unit import start_alone
from plugins.modules import host_lock, observe_host, segment, stop_work, undo
from tests.simulation.boundaries import (
    ProcessHungError,
    ProcessKilledError,
    RunnerKilledError,
)
from tests.simulation.files import SimulatedFiles
from tests.simulation.host import OneByOne, SimulatedConnection, SimulatedHost, SimulatedProcess

__all__ = ["MODULES", "carry_on", "in_place"]

MODULES: tuple[ModuleType, ...] = (host_lock, observe_host, segment, stop_work, undo)
"""The modules whose tasks the control machine sends."""

_Answer = TypeVar("_Answer")
_RESTARTS = 5  # as the unit says
_FREE = {"MemTotal": 8 * 2**30, "MemAvailable": 6 * 2**30, "SwapTotal": 0}
_GONE = (RunnerKilledError, ProcessKilledError, ProcessHungError)
assert registry.ACTS, "the acts are those of the product"


@contextmanager
def in_place(host: SimulatedHost) -> Iterator[None]:
    """Inside, the program's code meets this host, whose files are real ones below its root."""
    replaced: list[tuple[Any, str, Any]] = []

    def put(owner: Any, name: str, value: Any) -> None:
        replaced.append((owner, name, getattr(owner, name)))
        setattr(owner, name, value)

    for module in [one for name, one in list(sys.modules.items()) if name.startswith("plugins.module")]:
        for name, value in _by_original(host).items():
            for known, there in list(vars(module).items()):
                if there is name:
                    put(module, known, value)
    put(engine, "_SocketConnection", lambda _path, timeout: SimulatedConnection(host, timeout))
    put(compose, "subprocess", _programs(host))
    put(compose, "_program", lambda: ["docker-compose"])
    put(runner._Runner, "_apart", _apart_on(host))
    put(segment, "KeptProgram", _Program)
    files = SimulatedFiles(str(host.root), lambda: host.boundaries)
    for name, replacement in files.calls.items():
        put(os, name, replacement)
    put(tempfile, "mkstemp", files.make_temporary)
    defaults = {"state_folder": str(host.state), "docker_socket": "/simulated/docker.sock"}
    specs = {**options.STATE, **options.DOCKER}
    before = {name: specs[name]["default"] for name in defaults}
    environment = {name: os.environ.get(name) for name in (HOLDER_VARIABLE, FINISHES_VARIABLE)}
    for name, value in defaults.items():
        specs[name]["default"] = value
    try:
        yield
    finally:
        for owner, name, value in reversed(replaced):
            setattr(owner, name, value)
        for name, value in before.items():
            specs[name]["default"] = value
        _set_environment(environment)


def _by_original(host: SimulatedHost) -> dict[Any, Any]:
    """What stands in place of each thing that modules import by name."""
    return {
        time: host.clock,
        ThreadPoolExecutor: OneByOne,
        find_control_group: lambda pid, **_more: host.reading_of(pid),
        host_memory: lambda: dict(_FREE),
        complaint_of: host.complaint_of,
        process_started: lambda _pid: 1 if host.runner else None,
        start_alone: lambda _unit, _about, command, _environment: carry_on(host, command[-1]),
        running: lambda _marker: {},
        stop: lambda *_unused: ({}, {}),
        docker: host.call_docker,
        answering: host.programs.pgbouncer.answering,
        leaving: lambda *_unused: [],
        Wire: host.connect_to_pooler,
        connected_inside: host.connect_inside,
        _owner: lambda _pid: (999, 999),
        self_made_certificate: lambda _name: ("a certificate\n", "its key\n"),
        arm_timer: host.programs.pgbouncer.arm_timer,
        disarm_timer: host.programs.pgbouncer.disarm_timer,
    }


def carry_on(host: SimulatedHost, run_id: str | None = None) -> None:
    """Let the runner carry a segment, or at boot all of them, to its end; it is started again where it dies."""
    folder = StateFolder(str(host.state))
    environment = {name: os.environ.get(name) for name in (HOLDER_VARIABLE, FINISHES_VARIABLE)}
    try:
        for _ in range(_RESTARTS):
            host.runner = True
            try:
                if run_id is None:
                    runner.recover(folder)
                else:
                    runner.carry(folder, run_id)
            except (*_GONE, HostSideError, OSError):  # that it cannot write ends it too
                host.boundaries.live_again()
                host.clock.sleep(1.0)
            else:
                return
    finally:
        host.runner = False
        _set_environment(environment)


def _apart_on(host: SimulatedHost) -> Callable[..., dict[str, Any]]:
    def apart(_runner: object, work: Callable[[], dict[str, Any]], seconds: float, **_more: bool) -> dict[str, Any]:
        return _apart(host, work, seconds)

    return apart


def _apart(host: SimulatedHost, work: Callable[[], dict[str, Any]], seconds: float) -> dict[str, Any]:
    """What a step's own process comes to; it is none here, but dies and hangs like one.

    What the program does not expect goes out to the trial, where it counts as a violation.
    """
    began = host.clock.now
    try:
        answer = work()
        if host.clock.now > began + seconds:
            return runner._failed(f"It took longer than {seconds:.0f} s and was stopped.")
        return dict(json.loads(json.dumps(answer)))
    except HostSideError as failure:
        return {"failure": {"sentence": failure.sentence, **failure.result()}}
    except OSError as problem:
        return {"failure": {"sentence": unwritten(problem).sentence, **unwritten(problem).result()}}
    except ProcessKilledError:
        host.boundaries.live_again()
        return runner._failed("Its process was killed.")
    except ProcessHungError:
        host.boundaries.live_again()
        host.clock.now = max(host.clock.now, began + seconds)
        return runner._failed(f"It took longer than {seconds:.0f} s and was stopped.")


def _set_environment(values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


class _Program:
    """The program is on the host already."""

    present = True

    def __init__(self, *_unused: object) -> None:
        self.path = ""

    def command(self, *words: str) -> list[str]:
        """How it is called."""
        return list(words)


def _programs(host: SimulatedHost) -> SimpleNamespace:
    def run(words: list[str], **_more: Any) -> SimpleNamespace:
        code, output, complaint = host.call_compose(words[1:], None, 15.0)
        return SimpleNamespace(returncode=code, stdout=output, stderr=complaint)

    return SimpleNamespace(
        Popen=lambda words, **_more: SimulatedProcess(host, words[1:]),
        run=run,
        PIPE=subprocess.PIPE,
        DEVNULL=subprocess.DEVNULL,
        TimeoutExpired=subprocess.TimeoutExpired,
        SubprocessError=subprocess.SubprocessError,
    )
