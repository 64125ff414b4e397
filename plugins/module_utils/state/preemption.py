"""Something more urgent asks for the host: whoever works there stops at the next safe point and gives the lock back.

A request ends by itself, so that a control machine that died with one keeps nobody from the host for good.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .runs import moment
from .state import StateFolder

__all__ = ["ask", "asked", "goes_first", "take_back"]

_FILE = "preempt.json"


def ask(folder: StateFolder, *, operation: str, owner: str, reason: str, seconds: float, now: float) -> dict[str, Any]:
    """Ask for the host for an operation, for at most some seconds; asking again only makes it longer."""
    current = asked(folder, now) or {}
    request = {
        "format": 1,
        "operation": operation,
        "owner": owner,
        "reason": reason,
        "since": current.get("since", moment(now)),
        "until": moment(now + seconds),
    }
    folder.write(_FILE, request)
    return request


def asked(folder: StateFolder, now: float) -> dict[str, Any] | None:
    """The request that stands, or None."""
    request = folder.read(_FILE)
    return request if request is not None and _stands(request, now) else None


def goes_first(request: dict[str, Any], operation: str) -> bool:
    """Whether an operation is the one for which the host was asked."""
    return operation == str(request.get("operation")) or operation.startswith(f"{request.get('operation')} ")


def take_back(folder: StateFolder) -> None:
    """Remove the request; the Run that stopped for it may go on."""
    folder.remove(_FILE)


def _stands(request: dict[str, Any], now: float) -> bool:
    try:
        return datetime.fromisoformat(str(request["until"])).timestamp() > now
    except (KeyError, ValueError):
        return False
