"""The runner of segments: carries steps out on this host, also when nobody asks any more.

Each step runs in a process of its own, so that one that hangs or is killed can be undone. A step ends verified, or it
is undone; so between steps the host is at a safe point. There the runner stops where it was asked to, and where nobody
has asked for a while and the Run is attended.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any

from ..docker.image_stream import OFFER, give_image
from ..system.failure import HostSideError, unwritten
from .act import Work
from .emergency_end import end_by_itself
from .fence import FINISHES_VARIABLE, HOLDER_VARIABLE, closed_to_its_holder
from .host_note import note_before
from .lock import held_run
from .migration import migrate, refuse_old_emergency
from .preemption import asked, goes_first
from .registry import ACTS
from .runs import RunRecord
from .segment import FOLDER, SegmentFiles, process_started
from .state import StateFolder
from .time_to_live import END
from .undo import conclude_rollback, found_before_rollback, undo_alone, undo_steps

__all__ = ["carry", "check", "main"]

_RENEWED_EVERY = 20.0  # seconds
_LOOK = 0.2  # seconds
_COMPARED_WITHIN = 120.0  # seconds; a look at eight containers takes 0.1
_NOT_HELD = ("locked", "fenced")  # kinds of failure: somebody else carries the Run out, so nothing is undone here
_PARENT_DEATH_SIGNAL = 1  # of prctl(2)
_LARGEST_ANSWER = 1_000_000  # bytes
_SHOWN = ("changed", "notes", "not_proved", "sentence", "containers", "handed_over")


class _Runner:
    def __init__(self, folder: StateFolder, run_id: str) -> None:
        self._folder = folder
        self._run_id = run_id
        self._files = SegmentFiles(folder, run_id)
        self._segment = self._files.read()
        self._socket = str(self._segment.get("docker_socket"))
        # Whoever sent it is the holder, also where it goes on after a crash or a boot.
        os.environ[HOLDER_VARIABLE] = str(self._segment.get("holder", ""))

    def run(self) -> None:
        """From the first step that has no result to the end, or to where it stops."""
        if self._segment.get("status") != "running":
            return
        self._segment["runner"] = {"pid": os.getpid(), "started": process_started(os.getpid())}
        self._save()
        if self._segment.get("undoes"):
            self._put_back()
        else:
            self._carry_steps()
        self._segment["status"] = "ended"
        self._save()
        self._files.tell("segment ends", time.time(), stopped=self._segment.get("stopped", ""))

    def _carry_steps(self) -> None:
        for step in self._segment["steps"]:
            if step["id"] in self._segment["results"]:
                continue
            reason = "" if self._begun(step) else self._why_to_stop(step)
            if reason:
                self._segment["stopped"] = reason
                break
            if self._ended(step, self._carry_step) != "verified":
                break

    def _put_back(self) -> None:
        """Undo the steps one after the other, and then compare: a rollback that has begun needs nobody to ask for it.

        A step that cannot be put back does not keep the others from it.
        """
        if "begun" not in self._segment:
            self._segment["begun"] = self._apart(self._found, _COMPARED_WITHIN)
            self._save()
        for step in self._segment["steps"]:
            if step["id"] in self._segment["results"]:
                continue
            reason = self._why_to_end()
            if reason:
                self._segment["stopped"] = reason
                return
            if self._ended(step, self._undo_step) == "failed":
                return
        self._segment["undone"] = self._apart(self._conclude, _COMPARED_WITHIN)

    def _ended(self, step: dict[str, Any], carried: Callable[[dict[str, Any]], dict[str, Any]]) -> str:
        """The status with which a step has ended, which is on the disk then."""
        began = time.time()
        result = {**carried(step), "began": began, "ended": time.time()}
        self._segment["results"][step["id"]] = result
        self._save()
        self._files.tell("step ends", time.time(), step=step["id"], status=result["status"])
        return str(result["status"])

    def _save(self) -> None:
        self._files.write(self._segment)

    def _begun(self, step: dict[str, Any]) -> bool:
        """Whether an earlier runner of this segment was ended in the middle of it: only its end is a safe point."""
        return RunRecord(self._folder, self._run_id).step(step["id"]).get("status") == "running"

    def _why_to_end(self) -> str:
        """Why nothing more is begun for this holder, in a sentence; empty where it may go on."""
        wanted = self._files.asked_to_stop()
        return str(wanted["reason"]) if wanted is not None else closed_to_its_holder(self._folder, self._run_id)

    def _why_to_stop(self, step: dict[str, Any]) -> str:
        ended = self._why_to_end()
        if ended:
            return ended
        if self._segment["results"] and self._asked_for():  # before the first step the lock was taken, which asks too
            return self._asked_for()
        if time.time() > step.get("begins_by", float("inf")):
            return f"It is too late to begin: {step['title']}."
        silent, allowed = self._files.silent_for(), float(self._segment["silence_seconds"])
        if silent > allowed and not self._segment["unattended"]:
            return f"Nobody has asked for it for more than {allowed:.0f} s."
        return ""

    def _asked_for(self) -> str:
        """What more urgent asks for the host, in a sentence; empty where nothing does."""
        request = asked(self._folder, time.time())
        operation = str(RunRecord(self._folder, self._run_id).content.get("operation", ""))
        if request is None or goes_first(request, operation):
            return ""
        return f"The host is asked for by {request.get('owner')}: {request.get('operation')}, {request.get('reason')}."

    def _carry_step(self, step: dict[str, Any]) -> dict[str, Any]:
        """Do it; where that fails, undo it. What became of it, in the words of a Run's record."""
        self._files.tell("step begins", time.time(), step=step["id"], title=step["title"])
        answer = self._apart(lambda: self._do(step), float(step["timeout_seconds"]), can_be_stopped=True)
        if "failure" not in answer:
            return {"status": "verified", "message": answer.get("message", ""), **answer}
        failure = answer["failure"]
        if failure.get("kind") in _NOT_HELD:
            return {"status": "failed", "message": failure["sentence"], **failure}
        self._files.tell("undoing", time.time(), step=step["id"], sentence=failure["sentence"])
        undone = self._apart(lambda: self._undo(step), float(step["rollback_seconds"]))
        if undone.get("failure", {}).get("kind") in _NOT_HELD:
            return {"status": "failed", "message": undone["failure"]["sentence"], **undone["failure"]}
        if "failure" in undone:
            undone = {"restored": False, "sentence": f"It could not be put back: {undone['failure']['sentence']}"}
        as_before = undone["restored"] and not undone.get("differences")
        return {
            **undone,
            "status": "rolled back" if as_before else "rollback failed",
            "message": f"{failure['sentence']} {undone['sentence']}",
            **{key: failure[key] for key in ("kind", "rule") if key in failure},
        }

    def _undo_step(self, step: dict[str, Any]) -> dict[str, Any]:
        """Undo one step of a rollback; what became of it, in the words of a Run's record."""
        self._files.tell("step begins", time.time(), step=step["id"], title=step["title"])
        answer = self._apart(lambda: self._undo_alone(step), float(step["timeout_seconds"]))
        failure = answer.get("failure", {})
        if failure.get("kind") in _NOT_HELD:
            return {"status": "failed", "message": failure["sentence"], **failure}
        if failure:
            answer = {"failures": [failure["sentence"]]}
        status = "rollback failed" if answer["failures"] else "rolled back"
        return {
            **answer,
            "status": status,
            "message": " ".join(answer["failures"]),
            "changed": bool(answer.get("done")),
        }

    def _found(self) -> dict[str, Any]:
        return found_before_rollback(self._folder, held_run(self._folder, self._run_id), self._socket)

    def _undo_alone(self, step: dict[str, Any]) -> dict[str, Any]:
        return undo_alone(self._folder, held_run(self._folder, self._run_id), step["id"], self._socket)

    def _conclude(self) -> dict[str, Any]:
        record, segment = held_run(self._folder, self._run_id), self._segment
        return conclude_rollback(self._folder, record, segment["results"], segment["begun"], self._socket)

    def _do(self, step: dict[str, Any]) -> dict[str, Any]:
        results, changed = [], False
        record = held_run(self._folder, self._run_id)
        refuse_old_emergency(self._folder, self._run_id)
        migrate(self._folder)
        note_before(self._folder, self._run_id, self._socket)
        record.start_step_once(step["id"], time.time())
        for act in step["acts"]:
            self._files.tell("act", time.time(), step=step["id"], act=act["name"], title=act.get("title", ""))
            result = _done(act, self._segment, step["id"])
            changed = changed or bool(result.get("changed"))
            results.append({"act": act["name"], **{key: result[key] for key in _SHOWN if key in result}})
        message = next((str(result["sentence"]) for result in reversed(results) if result.get("sentence")), "")
        record = held_run(self._folder, self._run_id)
        if not step.get("goes_on") and not record.verified(step["id"]):
            record.end_step(step["id"], "verified", time.time(), message)
        return {"acts": results, "changed": changed, "message": message}

    def _undo(self, step: dict[str, Any]) -> dict[str, Any]:
        record = held_run(self._folder, self._run_id)
        return undo_steps(self._folder, record, [step["id"]], self._socket)

    def _apart(
        self, work: Callable[[], dict[str, Any]], seconds: float, *, can_be_stopped: bool = False
    ) -> dict[str, Any]:
        """What the work answers, done in a process of its own for at most so many seconds."""
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(reading)
            _answer(work, writing)
        os.close(writing)
        try:
            answer = self._heard(reading, seconds, can_be_stopped=can_be_stopped)
        except HostSideError as failure:
            return {"failure": {"sentence": failure.sentence, **failure.result()}}
        finally:
            os.close(reading)
            _end(child)
        if isinstance(answer, str):
            return _failed(answer)
        if not answer:
            return _failed("Its process was killed.")
        decoded: dict[str, Any] = json.loads(answer)
        return decoded

    def _heard(self, reading: int, seconds: float, *, can_be_stopped: bool) -> bytes | str:
        """All that is written there until it is closed, or why it is not waited for. Renews the lease meanwhile."""
        end, renewed = time.monotonic() + seconds, time.monotonic()
        parts: list[bytes] = []
        while True:
            ready, _, _ = select.select([reading], [], [], _LOOK)
            if ready:
                part = os.read(reading, 65536)
                if not part or sum(map(len, parts)) > _LARGEST_ANSWER:
                    return b"".join(parts)
                parts.append(part)
            now = time.monotonic()
            if now > end:
                return f"It took longer than {seconds:.0f} s and was stopped."
            wanted = self._files.asked_to_stop() if can_be_stopped else None
            if wanted is not None and wanted["undo"]:
                return str(wanted["reason"])
            if now > renewed + _RENEWED_EVERY:
                renewed = now
                held_run(self._folder, self._run_id)  # renews the lease where that is due


class _WorkOutcome:
    """What came of the work inside, whatever that was; a fault of the program is printed for the host's log."""

    def __init__(self) -> None:
        self.content: dict[str, Any] = {}

    def __enter__(self) -> _WorkOutcome:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, where: TracebackType | None
    ) -> bool:
        failure = unwritten(problem) if isinstance(problem, OSError) else problem
        if isinstance(failure, HostSideError):
            self.content = {"failure": {"sentence": failure.sentence, **failure.result()}}
        elif problem is not None:
            traceback.print_exception(kind, problem, where)
            self.content = _failed(f"The program failed ({type(problem).__name__}: {problem}).")
        return True


def _answer(work: Callable[[], dict[str, Any]], writing: int) -> None:
    """In the child: do the work in a process group of its own, write what came of it, and end. Does not return."""
    with _WorkOutcome() as answer:
        os.setsid()
        _die_with_the_runner()
        answer.content = work()
    try:
        with os.fdopen(writing, "wb") as target:
            target.write(json.dumps(answer.content).encode())
    finally:
        os._exit(0)


def _die_with_the_runner() -> None:
    """Without systemd nobody else ends the child of a runner that was killed, and two would work then."""
    ctypes.CDLL(None, use_errno=True).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() == 1:
        os._exit(1)


def _end(child: int) -> None:
    """Kill what the child has left running and wait for it."""
    with suppress(ProcessLookupError, PermissionError):  # it has ended, or has no group yet and ends by itself
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)


def _failed(sentence: str) -> dict[str, Any]:
    return {"failure": {"sentence": sentence, "kind": "gate"}}


def _done(act: dict[str, Any], segment: dict[str, Any], step_id: str, *, check: bool = False) -> dict[str, Any]:
    known = ACTS.get(act["name"])
    if known is None:
        raise HostSideError(f"This version does not know the act {act['name']}.", kind="usage")
    about = {"run_id": segment["run_id"], "step_id": step_id, "program": segment.get("program")}
    needed = {key: value for key, value in about.items() if key in known.options}
    work: Work = known.work({**act["values"], **needed}, check=check)
    return known.do(work)


def carry(folder: StateFolder, run_id: str) -> None:
    """Carry the segment of a Run out that lies on this host."""
    os.environ[FINISHES_VARIABLE] = "1"
    os.environ[HOLDER_VARIABLE] = str(SegmentFiles(folder, run_id).read().get("holder", ""))
    _Runner(folder, run_id).run()


def check(segment: dict[str, Any]) -> dict[str, Any]:
    """What each act of it would change, or what a rollback would put back; nothing is touched."""
    if segment.get("undoes"):
        folder, steps = StateFolder(segment["state_folder"]), [step["id"] for step in segment["steps"]]
        return undo_steps(folder, RunRecord(folder, segment["run_id"]), steps, segment["docker_socket"], check=True)
    diffs: list[Any] = []
    changed = False
    for step in segment["steps"]:
        for act in step["acts"]:
            result = _done(act, segment, step["id"], check=True)
            changed = changed or bool(result.get("changed"))
            diff = result.get("diff") or []
            diffs += diff if isinstance(diff, list) else [diff]
    return {"changed": changed, "diff": diffs}


def recover(folder: StateFolder) -> None:
    """After this host started: bring each segment that was being carried out to its next safe point."""
    for name in folder.names(FOLDER):
        carry(folder, name[: -len(".json")])


def main() -> None:
    """``carry FOLDER RUN``; ``recover``, ``end-emergency`` or ``give-image`` of a folder; ``check`` with a segment."""
    command, *words = sys.argv[1:]
    if command == "check":
        try:
            answer = check(json.load(sys.stdin))
        except HostSideError as failure:
            answer = {"failure": {"sentence": failure.sentence, **failure.result()}}
        json.dump(answer, sys.stdout)
    elif command == "carry":
        carry(StateFolder(words[0]), words[1])
    elif command == END:
        end_by_itself(StateFolder(words[0]))
    elif command == OFFER:
        give_image(StateFolder(words[0]))
    else:
        recover(StateFolder(words[0]))
