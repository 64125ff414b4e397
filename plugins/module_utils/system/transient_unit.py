"""A program that goes on by itself on this host: a transient unit of systemd, else a process of its own."""

from __future__ import annotations

import os
import subprocess

from .failure import HostSideError

__all__ = ["start_alone"]

_WITHIN = 60.0  # seconds
# A task is a thread too, and each call of Docker's own program has a dozen or two of them.
# A runner that is killed goes on where it was; one that fails again and again is left for a person.
_PROPERTIES = (
    "Restart=on-failure",
    "RestartSec=1",
    "StartLimitIntervalSec=300",
    "StartLimitBurst=5",
    "MemoryMax=512M",
    "TasksMax=512",
    "OOMScoreAdjust=-500",
    "UMask=0077",
    "Nice=0",
    "StandardOutput=journal",
)


def start_alone(unit: str, description: str, command: list[str], environment: dict[str, str]) -> None:
    """Start it, so that it outlives whoever asked for it. Raises ``HostSideError`` of kind ``state``."""
    if os.path.isdir("/run/systemd/system"):
        _start_unit(unit, description, command, environment)
    else:
        _start_process(command, environment)


def _start_unit(unit: str, description: str, command: list[str], environment: dict[str, str]) -> None:
    words = ["systemd-run", "--quiet", "--collect", f"--unit={unit}", f"--description={description}"]
    words += [f"--property={text}" for text in _PROPERTIES]
    words += [f"--setenv={name}={value}" for name, value in environment.items()]
    try:
        done = subprocess.run(
            [*words, "--", *command], capture_output=True, encoding="utf-8", timeout=_WITHIN, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise HostSideError(f"systemd does not start {unit} ({problem}).", kind="state") from problem
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or ["no reason was given"]
        raise HostSideError(f"systemd refused to start {unit}: {reason[0].rstrip('.')}.", kind="state")


def _start_process(command: list[str], environment: dict[str, str]) -> None:
    try:
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            close_fds=True,
            env={**os.environ, **environment},
        )
    except OSError as problem:
        raise HostSideError(f"{command[0]} could not be started ({problem.strerror}).", kind="state") from problem
