"""The end of an emergency by itself: a timer on the host that needs no control machine and outlives a reboot (X-17).

The program is this collection's own code, copied to the host by the emergency itself, so that what was noted is put
back by the code that noted it.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from datetime import datetime, timezone

from ..system.failure import HostSideError
from ..system.leftover_processes import stop
from ..system.paths import DOCKER_SOCKET, STATE_FOLDER
from ..system.program import archive, write_program
from ..system.systemctl import systemctl
from .emergency import Emergency, take_back
from .fence import LOCK, epoch_of
from .lock import Claim, close_to_others, free, held_run, hold
from .state import StateFolder, sync_folder

__all__ = ["PROGRAM", "TIMER", "arm", "disarm", "install", "main"]

PROGRAM = "emergency.pyz"
_PACKAGE = "selextract_emergency"
TIMER = "selextract-emergency.timer"
_SERVICE = "selextract-emergency.service"
_UNITS = "/etc/systemd/system"
_WHO = "time to live"
_BOUND = 900.0  # seconds that putting back may take
_GRACE = 5.0

_SERVICE_TEXT = """\
# Written by selextract-infra: takes an emergency back when its time is over.
[Unit]
Description=End of an emergency (selextract-infra)
Wants=docker.service
After=docker.service

[Service]
Type=oneshot
ExecStart={python} -B -s {program}
TimeoutStartSec={bound}
UMask=0077
NoNewPrivileges=yes
PrivateTmp=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectClock=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
"""
# The second line tries again each minute where the first time did not succeed.
_TIMER_TEXT = """\
# Written by selextract-infra: when an emergency ends by itself.
[Unit]
Description=Time to live of an emergency (selextract-infra)

[Timer]
OnCalendar={at:%Y-%m-%d %H:%M:%S} UTC
OnCalendar=minutely
Persistent=true
AccuracySec=1s

[Install]
WantedBy=timers.target
"""


def install(folder: StateFolder) -> str:
    """Copy this code into the state folder, as one file that Python runs; returns its path."""
    path = os.path.join(folder.path, PROGRAM)
    try:
        write_program(path, archive(_PACKAGE, "state.time_to_live"))
    except OSError as problem:
        raise _unwritable(path, problem) from problem
    return path


def arm(folder: StateFolder, expires_at: float, units: str = _UNITS) -> None:
    """Let systemd end the emergency at that Unix time, also after a reboot; every minute anew until it succeeds."""
    program = install(folder)
    at = datetime.fromtimestamp(round(expires_at), timezone.utc)
    python = sys.executable or "/usr/bin/python3"
    service = _SERVICE_TEXT.format(python=python, program=program, bound=int(_BOUND))
    known = os.path.exists(os.path.join(units, TIMER))
    try:
        write_program(os.path.join(units, _SERVICE), service.encode())
        write_program(os.path.join(units, TIMER), _TIMER_TEXT.format(at=at).encode())
    except OSError as problem:
        raise _unwritable(units, problem) from problem
    if known:  # enabling reads new units anyway, and only those
        systemctl("daemon-reload")
    systemctl("enable", "--now", TIMER)


def disarm(units: str = _UNITS, *, entirely: bool = True) -> None:
    """Take the timer away; none there is fine. The service takes itself away with ``entirely`` only: it still runs."""
    if os.path.exists(os.path.join(units, TIMER)):
        systemctl("disable", "--now", TIMER)
    present = [name for name in (TIMER, _SERVICE) if os.path.exists(os.path.join(units, name))]
    leaving = [name for name in present if entirely or name == TIMER]
    for name in leaving:
        os.unlink(os.path.join(units, name))
    if leaving:
        sync_folder(units)
        systemctl("daemon-reload")


def main() -> None:
    """Called by the timer: take the emergency back where its time is over; otherwise say nothing."""
    folder = StateFolder(STATE_FOLDER)
    try:
        sentence = end_overdue(folder, DOCKER_SOCKET, time.time())
    except HostSideError as failure:
        Emergency(folder).note(message=failure.sentence)
        sentence = f"{failure.sentence} It is tried again in a minute."
    if sentence:
        sys.stderr.write(sentence + "\n")
    if not Emergency(folder).waits:
        disarm(entirely=False)


def end_overdue(folder: StateFolder, socket_path: str, now: float) -> str:
    """End the emergency whose time is over; returns what happened in a sentence, empty where it is not due."""
    emergency = Emergency(folder)
    if not emergency.waits or now < float(emergency.content["expires_at"]):
        return ""
    claim = _claim(folder, emergency.run_id)
    closed = close_to_others(folder, claim, now)
    if not closed.acquired:
        own = (closed.holder or {}).get("run_id") == emergency.run_id
        at_work = f"Run {emergency.run_id} is still at work. " if own else ""
        return f"{at_work}{closed.sentence} It is tried again in a minute."
    _, left = stop(emergency.run_id, _GRACE)  # a control machine that died may have left its work running here
    if left:
        return f"What run {emergency.run_id} has left running does not stop. It is tried again in a minute."
    verdict = hold(folder, claim, now)
    if not verdict.acquired:
        return f"{verdict.sentence} It is tried again in a minute."
    try:
        record = held_run(folder, emergency.run_id, holder=claim.holder, epoch=epoch_of(verdict.holder))
        return take_back(Emergency(folder), record, socket_path, _WHO, now=now).sentence
    finally:
        free(folder, emergency.run_id, holder=claim.holder)


def _claim(folder: StateFolder, run_id: str) -> Claim:
    """The claim of this process. systemd runs one of it at a time, so an earlier one that has the lock is gone."""
    lock = folder.read(LOCK) or {}
    dead = epoch_of(lock) if lock.get("owner") == _WHO else None
    token = secrets.token_hex(16)
    return Claim(run_id, _WHO, "take the emergency back", "emergency", _BOUND, holder=token, dead_epoch=dead)


def _unwritable(path: str, problem: OSError) -> HostSideError:
    reason = problem.strerror or problem
    return HostSideError(f"{path} cannot be written ({reason}), so nothing was touched.", kind="state")
