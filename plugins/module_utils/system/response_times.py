"""How fast the services of this host answer: the same few requests before and after something was changed."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from typing import Any

from ..state.act import Act, Work
from ..state.lock import held_run
from ..state.options import STATE, STEP
from ..state.state import StateFolder
from .failure import HostSideError
from .probe import complaint_of

__all__ = ["LOAD_CHECK", "answer_times", "too_slow"]


def answer_times(urls: Iterable[str], requests: int) -> dict[str, float]:
    """By address, the 95th percentile of so many requests one after the other, in seconds.

    Raises ``HostSideError`` of kind ``gate`` when one fails.
    """
    return {url: _percentile([_timed(url) for _ in range(requests)]) for url in urls}


def too_slow(before: dict[str, float], now: dict[str, float], slower: float, target: float) -> str | None:
    """What is slower than ``slower`` times as before and than ``target`` seconds, in words; None where nothing is."""
    for url, seconds in sorted(now.items()):
        allowed = max(target, before.get(url, 0.0) * slower)
        if seconds > allowed:
            was = f", {_milliseconds(before[url])} before" if url in before else ""
            return f"{url} takes {_milliseconds(seconds)}{was}; {_milliseconds(allowed)} is the most"
    return None


def _timed(url: str) -> float:
    began = time.monotonic()
    complaint = complaint_of(url)
    if complaint:
        raise HostSideError(f"{complaint}.", kind="gate")
    return time.monotonic() - began


def _percentile(times: list[float]) -> float:
    return round(sorted(times)[math.ceil(0.95 * len(times)) - 1], 4)


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _compare(work: Work) -> dict[str, Any]:
    given = work.params
    if work.check_mode:
        return {"changed": False, "answers": {}, "before": {}}
    record = held_run(StateFolder(given["state_folder"]), given["run_id"])
    before = (record.step(given["before_step"]).get("seen") or {}).get("answers") or {}
    record.start_step_once(given["step_id"], time.time())
    with record.failure_noted(given["step_id"]):
        now = _measured(given, before)
    record.end_step(given["step_id"], "verified", time.time())
    return {"changed": False, "answers": now, "before": before}


def _measured(given: dict[str, Any], before: dict[str, float]) -> dict[str, float]:
    """How fast they answer now; asked twice before it counts as slow, because a busy moment is no regression."""
    for _ in range(2):
        now = answer_times(given["urls"], given["requests"])
        complaint = too_slow(before, now, given["slower"], given["target_seconds"])
        if complaint is None:
            return now
    raise HostSideError(f"After the upgrade {complaint}.", kind="gate")


LOAD_CHECK = Act(
    "load_check",
    {
        "urls": {"type": "list", "elements": "str", "default": []},
        "requests": {"type": "int", "required": True},
        "before_step": {"type": "str", "required": True},
        "slower": {"type": "float", "required": True},
        "target_seconds": {"type": "float", "required": True},
        **STEP,
        **STATE,
    },
    _compare,
)
