"""Who applies what: the owner as others see it, IDs of Runs, and what a Run claims the hosts for."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
from datetime import UTC, datetime
from typing import Any

from selextract_infra.hosts.holder import identity_of, new_holder

__all__ = ["claim", "new_run_id", "owner", "watcher"]


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
