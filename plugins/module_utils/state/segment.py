"""Segment: steps that follow each other on this host, as data; sent once and carried out here by the runner.

Beside it lie the events that the runner tells, who asked last, and whether it is to stop; each in a file of its own, so
that whoever follows it needs nothing but to read.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from ..system.failure import HostSideError
from ..system.waiting import waited_for
from .runs import RunRecord
from .state import StateFolder, write_whole

__all__ = ["FOLDER", "SegmentFiles", "forget_segments", "process_started", "steps_to_undo", "uptime"]

FOLDER = "segments"
_LONGEST_LINE = 20_000  # characters
_RESTARTED_WITHIN = 20.0  # seconds
_UNDONE_WITHIN = 600.0  # seconds, for a step that the Run's Plan does not tell of


def uptime() -> float:
    """Seconds since this host started, sleep included: a clock that nobody sets."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def process_started(pid: int) -> int | None:
    """When that process was started, in the kernel's own count; with its number this tells it from any other."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as source:
            return int(source.read().rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None


def forget_segments(folder: StateFolder) -> None:
    """Remove what is left of the segments of Runs that have ended, whose control machine could not do it."""
    for name in folder.names(FOLDER):
        run_id = name[: -len(".json")]
        if RunRecord(folder, run_id).content.get("status") != "running":
            SegmentFiles(folder, run_id).remove()


def steps_to_undo(record: RunRecord, wanted: Sequence[str] | None) -> list[dict[str, Any]]:
    """A rollback as steps of a segment, newest first: these, or all that began. Raises where the Run is not known."""
    begun = record.content["steps"]
    if wanted is None and not begun:
        raise HostSideError(f"This host knows no run {record.content['run_id']}.", kind="usage")
    newest_first = sorted(begun, key=lambda name: float(begun[name].get("started", 0)), reverse=True)
    planned = {str(step.get("id")): step for step in (record.content.get("plan") or {}).get("steps", ())}
    return [_step_to_undo(name, planned.get(name) or {}) for name in (newest_first if wanted is None else wanted)]


def _step_to_undo(name: str, planned: dict[str, Any]) -> dict[str, Any]:
    bound = sum(float(planned.get(key, 0)) for key in ("timeout_seconds", "rollback_seconds"))
    title = f"Put back: {planned.get('title', name)}"
    return {"id": name, "title": title, "timeout_seconds": bound or _UNDONE_WITHIN}


class SegmentFiles:
    """``segments/<run_id>.json`` and what lies beside it.

    The record has what was sent (``run_id``, ``steps``, ``unattended``, ``silence_seconds`` …) and what became of it:
    ``status`` (``running`` or ``ended``), ``results`` by step, ``stopped`` with the reason where it ended early. A
    rollback is one that ``undoes`` its steps, and has in ``undone`` what came of that.
    """

    def __init__(self, folder: StateFolder, run_id: str) -> None:
        self._folder = folder
        self.run_id = run_id
        self._name = f"{FOLDER}/{run_id}"

    def path(self, ending: str) -> str:
        """Where one of its files is."""
        return os.path.join(self._folder.path, f"{self._name}.{ending}")

    def read(self) -> dict[str, Any]:
        """The record, empty where there is none."""
        return self._folder.read(f"{self._name}.json") or {}

    def write(self, record: dict[str, Any]) -> None:
        """Replace the record."""
        self._folder.write(f"{self._name}.json", record)

    def begin(self, record: dict[str, Any]) -> None:
        """Write a segment down that is to be carried out; what an earlier one of the Run has left is gone then."""
        os.makedirs(os.path.join(self._folder.path, FOLDER), mode=0o700, exist_ok=True)
        for ending in ("events", "cancel"):
            with suppress(FileNotFoundError):
                os.unlink(self.path(ending))
        self.note_asked()
        self.write({**record, "format": 1, "status": "running", "results": {}})

    def remove(self) -> None:
        """Leave nothing of it; the record goes last, by which the rest is found again after a crash."""
        for ending in ("events", "cancel", "asked", "json"):
            with suppress(FileNotFoundError):
                os.unlink(self.path(ending))

    def note_asked(self, events: int = 0, *, end: bool = False) -> None:
        """Note that somebody follows it now, how many events are known to whoever does, and whether its ``end`` is."""
        asked = {"at": uptime(), "events": events, **({"end": True} if end else {})}
        write_whole(self.path("asked"), json.dumps(asked).encode(), mode=0o600)

    @property
    def end_is_known(self) -> bool:
        """Whether whoever follows it was told how it ended; nobody has to be told where there is none."""
        return not self.read() or bool(self._asked().get("end"))

    def known_events(self) -> int:
        """How many events are known to whoever follows it."""
        return int(self._asked().get("events", 0))

    def silent_for(self) -> float:
        """Seconds since anybody followed it; endless where that was before this host started."""
        silence = uptime() - float(self._asked().get("at", float("-inf")))
        return silence if silence >= 0 else float("inf")

    def _asked(self) -> dict[str, Any]:
        return self._folder.read(f"{self._name}.asked") or {}

    def ask_to_stop(self, reason: str, *, undo: bool) -> None:
        """Let the runner stop at its next safe point: the end of the step at hand, or with ``undo`` its beginning."""
        write_whole(self.path("cancel"), json.dumps({"reason": reason, "undo": undo}).encode(), mode=0o600)

    def asked_to_stop(self) -> dict[str, Any] | None:
        """The ``reason`` why it is to stop, and whether it is to ``undo`` the step at hand; None where nobody asked."""
        return self._folder.read(f"{self._name}.cancel")

    @property
    def left(self) -> bool:
        """Whether the Run has begun and a step of this was not done, so that whoever leads it goes on."""
        record, done = self.read(), RunRecord(self._folder, self.run_id)
        if record.get("undoes"):
            return "failure" in record.get("undone", {"failure": "not yet"})
        ended = {*(record.get("results") or {}), *(name for name in done.content["steps"] if done.verified(name))}
        return bool(done.content["steps"]) and any(step["id"] not in ended for step in record.get("steps", []))

    @property
    def to_be_put_back(self) -> bool:
        """Whether a step was not done and earlier ones of the Run stand, so that whoever leads it puts those back.

        Not past a point of no return, where what was done stays.
        """
        results, run = (self.read().get("results") or {}).values(), RunRecord(self._folder, self.run_id)
        stand = [name for name in run.content["steps"] if run.verified(name)]
        planned = (run.content.get("plan") or {}).get("steps") or []
        final = {step["id"] for step in planned if step.get("point_of_no_return")}
        return any(result["status"] != "verified" for result in results) and bool(stand) and not final & {*stand}

    def outcomes(self) -> dict[str, Any]:
        """What became of each step that has ended, by step; ``began_ago`` and ``ended_ago`` are in seconds."""
        now = time.time()
        return {
            step: {**result, **{f"{what}_ago": now - result[what] for what in ("began", "ended") if what in result}}
            for step, result in (self.read().get("results") or {}).items()
        }

    @property
    def under_way(self) -> bool:
        """Whether it has begun and not ended."""
        return self.read().get("status") == "running"

    def runner_lives(self) -> bool:
        """Whether the process that carries it out lives, or has brought it to its end.

        systemd starts one that was killed again after a second, so it is dead only when it stays away.
        """
        return waited_for(self._has_runner, _RESTARTED_WITHIN)

    def runner_is_gone(self) -> bool:
        """Whether the process that carried it out has left, and with it systemd's unit of that name."""
        return waited_for(lambda: not self._runner_works, _RESTARTED_WITHIN)

    def _has_runner(self) -> bool:
        return not self.under_way or self._runner_works

    @property
    def _runner_works(self) -> bool:
        runner = self.read().get("runner") or {}
        started = process_started(int(runner.get("pid", 0)))
        return started is not None and started == runner.get("started")

    def brought_to_rest(self, wait_seconds: float, *, undo: bool) -> tuple[bool, str]:
        """Let it stop at its next safe point and wait for that: whether it is there, and where it is, in a sentence.

        ``undo`` is as for ``ask_to_stop``. Where the runner is dead for good, nobody works on the segment: its step is
        done again, or undone, by whoever takes the Run up.
        """
        if not self.under_way:
            return True, self._where()
        self.ask_to_stop("It was cancelled." if undo else "It was asked to stop.", undo=undo)
        waited_for(lambda: not self.under_way or not self.runner_lives(), wait_seconds)
        if self.under_way and self.runner_lives():
            return False, "Its step at hand has not come to an end yet."
        return True, self._where()

    def _where(self) -> str:
        record = self.read()
        titles = {step["id"]: step["title"] for step in record.get("steps", [])}
        ends = [f"{titles[step]}: {result['status']}." for step, result in (record.get("results") or {}).items()]
        return " ".join(ends)

    def tell(self, event: str, now: float, **about: Any) -> None:
        """Append an event; a line is whole or missing."""
        line = json.dumps({"event": event, "at": now, **about})[:_LONGEST_LINE]
        handle = os.open(self.path("events"), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(handle, line.encode() + b"\n")
        finally:
            os.close(handle)

    def events(self, after: int = 0) -> list[dict[str, Any]]:
        """The events from that number on."""
        return list(self._events(after))

    def _events(self, after: int) -> Iterator[dict[str, Any]]:
        try:
            with open(self.path("events"), encoding="utf-8") as source:
                lines = source.read().splitlines()
        except FileNotFoundError:
            return
        for line in lines[after:]:
            try:
                yield json.loads(line)
            except ValueError as problem:
                raise HostSideError(f"{self.path('events')} cannot be read.", kind="state") from problem
