"""The end of an emergency: everything is taken back exactly as it was, by a person or by the host in time."""

from __future__ import annotations

import secrets
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from ..compose.our_file import our_file
from ..docker.containers import Container, find_containers
from ..docker.engine import Engine
from ..docker.limits import ContainerLimits, refuse_shrinking
from ..system.failure import HostSideError
from ..system.leftover_processes import stop
from ..system.paths import DOCKER_SOCKET
from .act import Act, Work
from .emergency import Emergency, values_now
from .fence import LOCK, epoch_of
from .lock import Claim, close_to_others, free, held_run, hold
from .options import DOCKER, STATE
from .runs import RunRecord, moment
from .segment import SegmentFiles
from .state import StateFolder
from .time_to_live import disarm
from .undo import undo_step
from .undoing import Undoing

__all__ = ["EMERGENCY_END", "Ending", "end_by_itself", "end_overdue", "take_back"]

_NONE = "No emergency is on, so nothing had to be put back."
_WHO = "time to live"
_BOUND = 900.0  # seconds that putting back may take
_GRACE = 5.0
_SAFE_POINT = 120.0
_NONE = "No emergency is on, so nothing had to be put back."


@dataclass
class Ending:
    """What became of taking it back: ``ended``, or the ``sentence`` that says why not; ``refused`` names a rule."""

    ended: bool
    sentence: str
    refused: str = ""
    done: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def take_back(
    emergency: Emergency,
    record: RunRecord,
    socket_path: str,
    by: str,
    *,
    now: float,
    force: bool = False,
    check: bool = False,
) -> Ending:
    """Put back everything that the emergency changed, exactly; ``record`` is that of its Run, whose lock is held.

    Nothing is touched where somebody has changed a value since (``force`` does it all the same), or where a container
    uses more memory now than it may have afterwards. Twice is harmless.
    """
    if not emergency.open:
        return Ending(True, _NONE)
    content = emergency.content
    with Engine(socket_path) as engine:
        containers = find_containers(engine, socket_path)
    reason = None if force else _changed_by_hand(content, containers)
    if reason is not None:
        if not check:
            emergency.note(status="refused", message=reason, refused_at=moment(now))
        return Ending(False, reason, refused="changed by hand")
    _refuse_starving(record, str(content.get("step_id")), containers)
    undoing = Undoing(emergency.folder, socket_path, check)
    undo_step(undoing, record, str(content.get("step_id")))
    if undoing.failures:
        sentence = " ".join(["Not everything could be put back:", *undoing.failures])
        if not check:
            emergency.note(message=sentence)
        return Ending(False, sentence, done=undoing.done, notes=undoing.notes)
    if not check:
        record.end(now)
        emergency.note(status="reverted", reverted_at=moment(now), reverted_by=by, message=" ".join(undoing.notes))
    return Ending(True, "Everything is as it was before.", done=undoing.done, notes=undoing.notes)


def _changed_by_hand(content: dict[str, Any], containers: list[Container]) -> str | None:
    """What is not as the emergency left it, in one sentence; None where it never came to its end, or nothing is."""
    was = content.get("set")
    if not was:
        return None
    now = values_now(str(content["project"]), str(content["directory"]), list(was["counts"]), containers)
    changed = [
        f"{service} has {now['counts'][service]} instances, not {count}"
        for service, count in sorted(was["counts"].items())
        if now["counts"][service] != count
    ]
    changed += [
        f"{service} has {'; '.join(now['limits'][service])}, not {'; '.join(limits)}"
        for service, limits in sorted(was["limits"].items())
        if now["limits"][service] and now["limits"][service] != limits
    ]
    changed += [our_file(str(content["directory"]))] if now["file"] != was["file"] else []
    changed += ["COMPOSE_FILE in .env"] if now["entry"] != was["entry"] else []
    if not changed:
        return None
    return f"Changed by hand since the emergency began, so nothing was put back: {', '.join(changed)}."


def _refuse_starving(record: RunRecord, step_id: str, containers: list[Container]) -> None:
    """Raise ``HostSideError`` where a container uses more memory than the limit it would get back."""
    before = (record.step(step_id).get("inverse") or {}).get("containers") or {}
    for container in containers:
        noted = before.get(container.id)
        if noted is not None:
            refuse_shrinking(container, ContainerLimits(noted["memory"], noted["swap"], noted["cpus"]), 0.0)


def end_by_itself(folder: StateFolder) -> None:
    """Called by the timer: take the emergency back where its time is over; otherwise say nothing."""
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
    if not _is_at_rest(folder, emergency.run_id):
        return f"What run {emergency.run_id} has left running does not stop. It is tried again in a minute."
    verdict = hold(folder, claim, now)
    if not verdict.acquired:
        return f"{verdict.sentence} It is tried again in a minute."
    try:
        record = held_run(folder, emergency.run_id, holder=claim.holder, epoch=epoch_of(verdict.holder))
        ending = take_back(Emergency(folder), record, socket_path, _WHO, now=now)
        if ending.ended:
            SegmentFiles(folder, emergency.run_id).remove()  # nobody goes on with it at the next start of this host
        return ending.sentence
    finally:
        free(folder, emergency.run_id, holder=claim.holder)


def _is_at_rest(folder: StateFolder, run_id: str) -> bool:
    """Stop what a control machine that died may have left here, and what a host that went down left half done."""
    safe, _ = SegmentFiles(folder, run_id).brought_to_rest(_SAFE_POINT, undo=True)
    return safe and not stop(run_id, _GRACE)[1]


def _claim(folder: StateFolder, run_id: str) -> Claim:
    """The claim of this process. systemd runs one of it at a time, so an earlier one that has the lock is gone."""
    lock = folder.read(LOCK) or {}
    dead = epoch_of(lock) if lock.get("owner") == _WHO else None
    token = secrets.token_hex(16)
    return Claim(run_id, _WHO, "take the emergency back", "emergency", _BOUND, holder=token, dead_epoch=dead)


def _end(work: Work) -> dict[str, Any]:
    given = work.params
    emergency = Emergency(StateFolder(given["state_folder"]))
    if given["project"] not in (None, emergency.content.get("project")):
        return {"changed": False, "ended": True, "refused": "", "sentence": _NONE, "done": []}
    if given["run_id"] is None:
        emergency.refuse_another("")
    open_here = emergency.run_id == given["run_id"] and emergency.open
    if not open_here:
        ending = Ending(True, _NONE)
    elif given["keep"]:
        ending = _only_ended(work, emergency)
    else:
        ending = _taken_back(work, emergency)
    if not work.check_mode and not emergency.waits:
        disarm()
    return {
        "changed": open_here and ending.ended,
        "ended": ending.ended,
        "refused": ending.refused,
        "sentence": " ".join([ending.sentence, *ending.notes]),
        "done": ending.done,
    }


def _taken_back(work: Work, emergency: Emergency) -> Ending:
    given = work.params
    folder, run_id, check = emergency.folder, given["run_id"], work.check_mode
    record = RunRecord(folder, run_id) if check else held_run(folder, run_id)
    return take_back(
        emergency, record, given["docker_socket"], given["by"], now=time.time(), force=given["force"], check=check
    )


def _only_ended(work: Work, emergency: Emergency) -> Ending:
    if not work.check_mode:
        emergency.note(status="kept", reverted_at=moment(time.time()), reverted_by=work.params["by"])
    return Ending(True, "The values stay as they are.")


EMERGENCY_END = Act(
    "emergency_end",
    {
        "by": {"type": "str", "default": "somebody unknown"},
        "force": {"type": "bool", "default": False},
        "project": {"type": "str"},
        "keep": {"type": "bool", "default": False},
        "run_id": {"type": "str"},
        **DOCKER,
        **STATE,
    },
    _end,
)
