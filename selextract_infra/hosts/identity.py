"""Who applies what: the owner as others see it, IDs of Runs, what a Run claims hosts for, and who holds their locks.

The holder of a lock is a random token that each act shows, and a process. That one is known by the machine-id, the boot
and its ID with its start time, never by a host name: two machines may have the same, and then one would look for the
other's process among its own. Where the system has no ``/proc``, as on macOS, nothing is known of a process; a lock of
such a machine holds until its lease is over.
"""

from __future__ import annotations

import getpass
import os
import secrets
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["HOLDER_VARIABLE", "claim", "has_ended", "identity_of", "new_holder", "new_run_id", "owner", "watcher"]

HOLDER_VARIABLE = "SELEXTRACT_INFRA_HOLDER"
_MACHINE_ID = Path("/etc/machine-id")
_PROC = Path("/proc")
_START_TIME = 19  # index of ``starttime`` among the fields of ``stat`` that come after the program's name


def new_holder() -> str:
    """A token that nobody else has."""
    return secrets.token_hex(16)


def identity_of(process: int | None = None, *, proc: Path = _PROC) -> dict[str, Any]:
    """Which process that is, by default this one; empty where the system does not tell."""
    pid = process or os.getpid()
    started = _started(pid, proc)
    if started is None:
        return {}
    return {"machine_id": _line(_MACHINE_ID), "boot_id": _boot_id(proc), "pid": pid, "pid_started": started}


def has_ended(identity: Mapping[str, Any], *, on_this_machine: bool = False) -> bool:
    """Whether that process is known to be gone.

    Another boot of the same machine proves it only ``on_this_machine``, that is where the lock is this very machine's
    own: a copied virtual machine may have the machine-id of its original, which goes on.
    """
    own = identity_of()
    if not own or not own["machine_id"] or identity.get("machine_id") != own["machine_id"]:
        return False
    if identity.get("boot_id") != own["boot_id"]:
        return on_this_machine
    pid = identity.get("pid")
    return isinstance(pid, int) and _started(pid, _PROC) != identity.get("pid_started")


def _boot_id(proc: Path) -> str:
    """The boot, and within it the start of this set of processes.

    Containers share the kernel's boot-id with their machine, and often a machine-id with each other, while their
    process IDs are their own. The start of the first process, and the number of its namespace, tell them apart.
    """
    try:
        namespace = str((proc / "self/ns/pid").readlink())
    except OSError:
        namespace = ""
    return f"{_line(proc / 'sys/kernel/random/boot_id')} {namespace} {_started(1, proc) or ''}"


def _started(pid: int, proc: Path) -> int | None:
    """When a process began, in ticks since the boot; None where there is none, or it has ended."""
    try:
        fields = (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in ("Z", "X") else int(fields[_START_TIME])


def _line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def owner(process: int | None = None) -> str:
    """``user@machine (process)``: what another operator reads when the host is locked; by default this process."""
    return f"{_user()}@{socket.gethostname()} (process {process or os.getpid()})"


def watcher() -> str:
    """``watch of user@machine``: who makes the Plans of the autoscaler, the same after each restart."""
    return f"watch of {_user()}@{socket.gethostname()}"


def new_run_id(now: datetime) -> str:
    """An ID that sorts by time and is unique among control machines, such as ``20260301T020000-9f3ac1``."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def claim(
    run_id: str,
    operation: str,
    purpose: str,
    *,
    step: str,
    lease: float,
    policy_digest: str,
    plan_digest: str = "",
    by: str | None = None,
    holder: str = "",
    last: bool = True,
) -> dict[str, Any]:
    """What the first play of every playbook takes the lock with: who works for what, for at most ``lease`` seconds.

    ``by`` is the owner, by default this process. ``holder`` is the token that each act on the hosts shows, by default
    one of its own. ``last`` lets the playbook end the Run on the hosts.
    """
    return {
        "id": run_id,
        "owner": by or owner(),
        "holder": holder or new_holder(),
        "identity": identity_of(),
        "purpose": purpose,
        "operation": operation,
        "plan_digest": plan_digest,
        "policy_digest": policy_digest,
        "lease_seconds": lease,
        "step": step,
        "last": last,
    }


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user ID without a name, as in a container
        return f"uid {os.getuid()}"
