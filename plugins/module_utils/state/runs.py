"""Records of Runs on the host: what a Run set out to do, how far it came, and how each step is undone."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime, timezone
from typing import Any, Protocol

from ..system.failure import HostSideError
from .state import StateFolder

__all__ = ["RunRecord", "ended_runs", "failed_rollbacks", "moment", "unfinished_runs", "without_tokens"]

_KEPT = 50  # ended Runs
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
_NOT_PUT_BACK = "rollback failed"
_IN_WORK = ("pending", "running", "failed")


def moment(now: float) -> str:
    """A Unix time as ISO 8601 in UTC."""
    return datetime.fromtimestamp(round(now), timezone.utc).isoformat()


class Passage(Protocol):
    """What a change of a record has to pass: see ``fence.Fence``."""

    def passed(self) -> AbstractContextManager[None]:
        """A block in which nobody else can take the Run up; raises ``HostSideError`` where somebody has."""


class RunRecord:
    """``runs/<run_id>.json``. Every change is on the disk before the method returns.

    With a ``fence``, as ``lock.held_run`` makes it, nothing is written once somebody else has taken the Run up. A step
    notes that it begins and how each thing is undone before it is done, and that it is verified, so each act of it is
    compared before and after.
    """

    def __init__(self, folder: StateFolder, run_id: str, fence: Passage | None = None) -> None:
        if not _NAME.match(run_id):
            raise HostSideError(f"{run_id!r} is not the ID of a run.", kind="usage")
        self._folder = folder
        self._fence = fence
        self._file = f"runs/{run_id}.json"
        self.content: dict[str, Any] = folder.read(self._file) or {"format": 1, "run_id": run_id, "steps": {}}

    @property
    def exists(self) -> bool:
        """Whether the Run has begun on this host."""
        return "status" in self.content

    @property
    def why_it_is_over(self) -> str:
        """Why the Run does not run again on this host; empty where it is unfinished, or never began.

        One that is undone after its end is over as well: to finish it would be to carry it out anew.
        """
        if not self.exists or (self.content["status"] == "running" and not self.content.get("undoing")):
            return ""
        way = "is being rolled back" if self.content.get("undoing") else f"has ended ({self.content['status']})"
        return f"Run {self.content['run_id']} {way} here, so it does not run again."

    @property
    def done_at(self) -> float:
        """When the Run was done that is put back now, in Unix seconds; 0 where it never was."""
        done = self.content.get("done_at")
        return datetime.fromisoformat(done).timestamp() if done else 0.0

    def begin(self, about: dict[str, Any], now: float, *, undoes: bool = False) -> None:
        """Record that the Run works on this host; a Run that goes on keeps what it has recorded.

        ``about`` holds ``owner``, ``purpose``, ``operation``, ``plan_digest``, ``policy_digest`` and ``plan``. A Run
        that has ended never runs again, it is only undone; otherwise ``HostSideError`` of kind ``locked``.
        """
        if self.why_it_is_over:
            if not undoes:
                raise HostSideError(self.why_it_is_over, kind="locked")
            self.content["undoing"] = True
            self.content.setdefault("done_at", self.content.get("ended_at"))
        self.content.setdefault("started_at", moment(now))
        self.content.update({key: value for key, value in about.items() if value is not None})
        self.content["status"] = "running"
        self.content.pop("ended_at", None)
        self._save()

    def note_holder(self, holder: dict[str, Any]) -> None:
        """Record who carries the Run out from now on: ``epoch``, ``holder``, ``owner``, ``at``, and ``from`` whom."""
        holders = self.content.setdefault("holders", [])
        if not holders:
            holders.append(holder)
        elif holders[-1]["epoch"] != holder["epoch"]:
            holders.append({"from": holders[-1]["owner"], **holder})
        self.content["epoch"] = holder["epoch"]
        self._save()

    def refuse_superseded(self) -> None:
        """Raise ``HostSideError`` of kind ``fenced`` where somebody else has taken the Run up; before each act."""
        with self._passage():
            return

    def start_step(self, step_id: str, now: float) -> None:
        """Record that a step begins (again)."""
        step = self.content["steps"].setdefault(step_id, {"inverse": {}})
        step.update({"status": "running", "started_at": moment(now), "started": now, "message": ""})
        step["since_boot"] = time.clock_gettime(time.CLOCK_BOOTTIME)
        step["epoch"] = self.content.get("epoch", 0)
        step.pop("ended_at", None)
        self._save()

    def start_step_once(self, step_id: str, now: float) -> None:
        """Record that a step begins, where an earlier task of it has not recorded that."""
        if self.step(step_id).get("status") != "running":
            self.start_step(step_id, now)

    def began(self, step_id: str, now: float) -> float:
        """When a step began, in Unix seconds, for what has happened since; ``now`` for one that never did.

        Where somebody has set the clock since, that is the earlier of both: what was started before the clock was set
        forward has an earlier time than the clock would have had, and after it was set back everything has.
        """
        step = self.step(step_id)
        noted, since_boot = float(step.get("started", now)), time.clock_gettime(time.CLOCK_BOOTTIME)
        if not 0 <= step.get("since_boot", -1.0) <= since_boot:  # before a boot, or by version 0.1
            return noted
        return min(noted, now - (since_boot - float(step["since_boot"])))

    def step(self, step_id: str) -> dict[str, Any]:
        """The record of a step, empty when it never began."""
        step = self.content["steps"].get(step_id, {})
        return dict(step)

    def verified(self, step_id: str) -> bool:
        """Whether that step was done here and proved."""
        return bool(self.step(step_id).get("status") == "verified")

    def note_inverse(self, step_id: str, part: str, inverse: dict[str, Any]) -> None:
        """Record how something is undone, before it is done; what an earlier attempt recorded stays as it is."""
        noted = self.content["steps"][step_id]["inverse"].setdefault(part, {})
        for key, value in inverse.items():
            noted.setdefault(key, value)
        self._save()

    def note_left(self, step_id: str, part: str, left: dict[str, Any]) -> None:
        """Record what a step leaves where it is carried out: only what is still so is undone later."""
        self.content["steps"][step_id].setdefault("left", {}).setdefault(part, {}).update(left)
        self._save()

    def note_seen(self, step_id: str, state: dict[str, Any]) -> None:
        """Record what a step saw, for a later one to compare with."""
        self.content["steps"][step_id].setdefault("seen", {}).update(state)
        self._save()

    def end_step(self, step_id: str, status: str, now: float, message: str = "") -> None:
        """Record how a step ended: ``verified``, ``failed``, ``rolled back`` or ``rollback failed``."""
        step = self.content["steps"].setdefault(step_id, {"inverse": {}})
        step.update({"status": status, "ended_at": moment(now), "message": message})
        self._save()

    def note_differences(self, sentence: str, now: float) -> None:
        """Record that the Run was put back and the host is not as it was before."""
        last = max(self.content["steps"], key=lambda name: float(self.content["steps"][name].get("started", 0)))
        self.end_step(last, _NOT_PUT_BACK, now, sentence)

    @contextmanager
    def failure_noted(self, step_id: str) -> Iterator[None]:
        """Record the step as failed where the work inside raises ``HostSideError``, which goes on to the caller."""
        try:
            yield
        except HostSideError as failure:
            self.end_step(step_id, "failed", time.time(), failure.sentence)
            raise

    def end(self, now: float) -> str:
        """Record the end of the Run as its steps tell it, and return its status; one with work left stays running.

        A Run that never began a step has done nothing here, so nothing is kept of it. Where it was taken up it is kept
        all the same: an earlier holder who wakes up later must find that it is over.
        """
        if not self.content["steps"] and len(self.content.get("holders", ())) < 2:
            with self._passage():
                self._folder.remove(self._file)
            return "done"
        statuses = {step["status"] for step in self.content["steps"].values()}
        if statuses & set(_IN_WORK):
            return "running"
        order = (_NOT_PUT_BACK, "rolled back")
        self.content["status"] = next((status for status in order if status in statuses), "done")
        self.content["ended_at"] = moment(now)
        self.content.pop("undoing", None)
        self._save()
        _forget_old(self._folder)
        return str(self.content["status"])

    def _save(self) -> None:
        with self._passage():
            self._folder.write(self._file, self.content)

    def _passage(self) -> AbstractContextManager[None]:
        return self._fence.passed() if self._fence is not None else nullcontext()


def unfinished_runs(folder: StateFolder) -> list[dict[str, Any]]:
    """The records of Runs without an end, oldest first."""
    records = [folder.read(f"runs/{name}") for name in folder.names("runs")]
    unfinished = [record for record in records if record and record.get("status") == "running"]
    return sorted(unfinished, key=lambda record: str(record.get("started_at", "")))


def without_tokens(record: dict[str, Any]) -> dict[str, Any]:
    """The record of a Run as others are told of it: who carried it out, without what they showed for it."""
    holders = [{key: value for key, value in holder.items() if key != "holder"} for holder in record.get("holders", ())]
    return {**record, **({"holders": holders} if holders else {})}


def ended_runs(folder: StateFolder) -> dict[str, str]:
    """How the Runs that are kept here have ended, by ID."""
    records = [folder.read(f"runs/{name}") or {} for name in folder.names("runs")]
    return {
        str(record.get("run_id")): str(record["status"])
        for record in records
        if record.get("status") not in (None, "running")
    }


def failed_rollbacks(folder: StateFolder) -> list[dict[str, Any]]:
    """Runs that ended otherwise than the host was before, oldest first: what is not as before, by run.

    Such a Run is listed until another rollback of it finds nothing that differs.
    """
    records = [folder.read(f"runs/{name}") or {} for name in folder.names("runs")]
    ended = [record for record in records if record.get("status") == _NOT_PUT_BACK]
    ended.sort(key=lambda record: str(record.get("ended_at", "")))
    return [
        {
            "run_id": record.get("run_id"),
            "operation": record.get("operation"),
            "ended_at": record.get("ended_at"),
            "sentence": " ".join(
                str(step.get("message", "")) for step in record["steps"].values() if step["status"] == _NOT_PUT_BACK
            ),
        }
        for record in ended
    ]


def _forget_old(folder: StateFolder) -> None:
    names = folder.names("runs")
    if len(names) <= _KEPT:
        return
    records = {name: folder.read(f"runs/{name}") or {} for name in names}
    needed = (folder.read("emergency.json") or {}).get("run_id")  # it may have to be taken back
    ended = [name for name in names if records[name].get("status") != "running" and name != f"{needed}.json"]
    ended.sort(key=lambda name: str(records[name].get("ended_at", "")))
    for name in ended[: len(names) - _KEPT]:
        folder.remove(f"runs/{name}")
