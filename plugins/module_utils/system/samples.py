"""What the sampler has written, cut out and packed for the control machine."""

from __future__ import annotations

import base64
import json
import os
import time
import zlib
from typing import Any

__all__ = ["packed_since", "sampler_status"]

_UNIT = "/etc/systemd/system/selextract-sampler.service"
_DAY = 86_400
_EFFORT = 1  # of compressing: a tenth larger than the best, at a quarter of the time


def packed_since(folder: str, since: int) -> tuple[str | None, int | None]:
    """The sampler's lines whose bucket starts after ``since`` (Unix seconds), and the start of the newest one.

    The lines are joined as they are, compressed by zlib and written in base64; None when there are none. A line that a
    crash cut short is left out.
    """
    first_day = time.strftime("%Y-%m-%d", time.gmtime(max(0, since) - _DAY))
    kept: list[bytes] = []
    newest: int | None = None
    for name in _segments(folder):
        if name < first_day:
            continue
        with open(os.path.join(folder, name), "rb") as source:
            for line in source:
                at = _start_of(line)
                if at is not None and at > since:
                    kept.append(line)
                    newest = at if newest is None else max(newest, at)
    if not kept:
        return None, None
    return base64.b64encode(zlib.compress(b"".join(kept), _EFFORT)).decode("ascii"), newest


def sampler_status(folder: str) -> dict[str, Any]:
    """Whether the sampler is installed and alive, and how far apart its samples are."""
    status = _status(folder)
    newest = None
    for name in reversed(_segments(folder)):
        newest = _newest(os.path.join(folder, name))
        if newest is not None:
            break
    return {
        "installed": os.path.exists(_UNIT),
        "running": _alive(status.get("pid")),
        "interval": status.get("interval"),
        "bucket": status.get("bucket"),
        "last_sample_at": newest,
        "version": status.get("version"),
    }


def _segments(folder: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if name.endswith(".jsonl"))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _start_of(line: bytes) -> int | None:
    head, comma, _ = line[1:].partition(b",")
    whole = comma and line.startswith(b"[") and line.endswith(b"]\n") and head.isdigit()
    return int(head) if whole else None


def _newest(path: str) -> int | None:
    with open(path, "rb") as source:
        source.seek(0, os.SEEK_END)
        source.seek(max(0, source.tell() - 4096))
        starts = [_start_of(line) for line in source.read().splitlines(keepends=True)]
    return max((at for at in starts if at is not None), default=None)


def _status(folder: str) -> dict[str, Any]:
    try:
        with open(os.path.join(folder, "status.json"), encoding="utf-8") as source:
            return dict(json.load(source))
    except (OSError, ValueError):
        return {}


def _alive(pid: Any) -> bool:
    try:
        with open(f"/proc/{int(pid)}/cmdline", "rb") as source:
            return b"selextract_sampler" in source.read()
    except (OSError, TypeError, ValueError):
        return False
