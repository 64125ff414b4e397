"""The lock of a host: who works on it, for what, until when, and as the how manieth holder."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..system.failure import HostSideError
from .fence import LOCK, Fence, epoch_of, holder_of_this_work, next_epoch, superseded, who
from .lease import lease_left, with_lease
from .preemption import asked, goes_first
from .run_projects import projects_of_run
from .runs import RunRecord, moment, unfinished_runs
from .state import StateFolder

__all__ = [
    "Claim",
    "ClaimVerdict",
    "begun_step",
    "claim_of",
    "claimed",
    "close_to_others",
    "free",
    "held_run",
    "hold",
    "judge",
    "lock_seen",
]

_UNDO = ("undo", "restore")  # the second is what version 0.1 calls it
_NAMED = ("run_id", "owner", "purpose", "taken_at", "lease_until", "epoch")


@dataclass(frozen=True)
class Claim:
    """Who wants the lock; ``lease_seconds`` is how long the next step may take.

    ``holder`` is the token of the process that will act, ``identity`` says which process that is. A Run that another
    holder has is taken up only when that one's lease is over, when ``dead_epoch`` is its epoch (its process is known to
    be gone), or where ``take_over`` says why it is to be done all the same.
    """

    run_id: str
    owner: str
    purpose: str
    operation: str
    lease_seconds: float
    holder: str = ""
    identity: dict[str, Any] = field(default_factory=dict)
    dead_epoch: int | None = None
    take_over: str = ""
    project: str = ""
    """The Compose project that its Plan is about; empty for what is about the host."""


@dataclass(frozen=True)
class ClaimVerdict:
    """Whether the lock is ours, and whose it is or was.

    ``holder`` is the record of who has it (``unfinished`` names a Run that has to be resumed or rolled back first,
    ``preempted`` says for what else the host was asked, ``refused`` why the claim's own Run may not go on).
    ``took_over`` is the record of the holder that was replaced: of an expired lock, or of the same Run.
    """

    acquired: bool
    holder: dict[str, Any] | None
    took_over: dict[str, Any] | None = None

    def result(self) -> dict[str, Any]:
        """What a module returns of it."""
        return {
            "changed": False,
            "acquired": self.acquired,
            "holder": self.holder,
            "taken_over": self.took_over is not None,
            "epoch": epoch_of(self.holder),
            "sentence": self.sentence,
        }

    @property
    def sentence(self) -> str:
        """Why it was not acquired, for a person; empty when it was."""
        if self.acquired or self.holder is None:
            return ""
        holder = self.holder
        if holder.get("preempted"):
            urgent = holder["preempted"]
            return (
                f"The host is asked for by {urgent.get('owner')} since {urgent.get('since')}, at most until"
                f" {urgent.get('until')}: {urgent.get('operation')}, {urgent.get('reason')}."
            )
        if holder.get("refused"):
            return str(holder["refused"])
        if holder.get("unfinished"):
            return (
                f"Run {holder['unfinished']} of {holder.get('owner', 'somebody')} for"
                f" {holder.get('purpose', 'an unknown purpose')} is unfinished here;"
                f" selextract-infra resume {holder['unfinished']}, or rollback {holder['unfinished']}."
            )
        return f"The host is locked by {who(holder)}."


def judge(folder: StateFolder, claim: Claim, now: float) -> ClaimVerdict:
    """What ``hold`` would answer now; changes nothing. An acquired verdict has the epoch of what was before."""
    current, request = folder.read(LOCK), asked(folder, now)
    ours = current is not None and current.get("run_id") == claim.run_id
    if current is not None and not ours and lease_left(current, now) > 0:
        return ClaimVerdict(False, current)
    refusal = _refusal(folder, claim, current if ours else None, now)
    if refusal:
        return ClaimVerdict(False, {**(current or {}), "refused": refusal})
    putting_back = ours and claim.operation in _UNDO  # between its steps is no safe point
    if request is not None and not putting_back and not goes_first(request, claim.operation):
        return ClaimVerdict(False, {**(current or {}), "preempted": request})
    if current is not None and ours and current.get("holder", "") == claim.holder:
        renewed = {**current, "owner": claim.owner, "identity": claim.identity}
        return ClaimVerdict(True, with_lease(renewed, claim.lease_seconds, now))
    others = [record for record in unfinished_runs(folder) if record["run_id"] != claim.run_id]
    if not ours and others and request is None and not _takes_back(folder, claim):
        run = others[0]
        known = {key: run.get(key) for key in ("run_id", "owner", "purpose", "operation")}
        return ClaimVerdict(False, {**known, "taken_at": run.get("started_at"), "unfinished": run["run_id"]})
    return ClaimVerdict(True, _record(claim, now, current), _named(current))


def _refusal(folder: StateFolder, claim: Claim, current: dict[str, Any] | None, now: float) -> str:
    """Why the Run of the claim may not go on from there, empty where it may; ``current`` is the lock it has."""
    record = RunRecord(folder, claim.run_id)
    if record.why_it_is_over and not _undoes(folder, claim):
        return record.why_it_is_over
    if current is not None and superseded(record.content, claim.holder) is None:
        closing = current.get("closing")
        if closing.get("holder") == claim.holder if closing else _may_take_up(current, claim, now):
            return ""
    return _overtaken(folder, claim.run_id, claim.holder, current)


def _may_take_up(current: dict[str, Any], claim: Claim, now: float) -> bool:
    dead = claim.dead_epoch is not None and claim.dead_epoch == epoch_of(current)
    return dead or bool(claim.take_over) or lease_left(current, now) <= 0


def close_to_others(folder: StateFolder, claim: Claim, now: float, *, check: bool = False) -> ClaimVerdict:
    """Let nobody but this holder begin another act of a Run, so that what is under way there can come to its end.

    It is the first half of taking a Run up; the second is ``hold``, once nothing is under way any more. Where the Run
    has no lock there is nothing to close.
    """
    with folder.guarded():
        current = folder.read(LOCK)
        if current is None or (current.get("run_id") != claim.run_id and lease_left(current, now) <= 0):
            return ClaimVerdict(True, current)
        if current.get("run_id") != claim.run_id:
            return ClaimVerdict(False, current)
        if current.get("holder", "") == claim.holder and not current.get("closing"):
            return ClaimVerdict(True, current)
        if not _may_take_up(current, claim, now):
            return ClaimVerdict(
                False, {**current, "refused": f"Run {claim.run_id} is being carried out by {who(current)}."}
            )
        closing = {"holder": claim.holder, "owner": claim.owner, "reason": claim.take_over, "at": moment(now)}
        closed = {**current, "closing": closing}
        if not check:
            folder.write(LOCK, closed)
        return ClaimVerdict(True, closed, _named(current))


def hold(folder: StateFolder, claim: Claim, now: float) -> ClaimVerdict:
    """Take the lock, or extend the lease of our own.

    An expired lease that no unfinished Run stands behind is taken over, and the new record says from whom. Each new
    holder has the next epoch, which is on the disk before the lock. Where the host is asked for, our own lock is given
    back; our Run is unfinished then.
    """
    with folder.guarded():
        verdict = judge(folder, claim, now)
        lock = verdict.holder or {}
        if lock.get("preempted") and _is_held_by(lock, claim):
            folder.remove(LOCK)
        if not verdict.acquired:
            return verdict
        current, record = folder.read(LOCK), RunRecord(folder, claim.run_id)
        if current is not None and _is_held_by(current, claim):
            folder.write(LOCK, lock)
            return verdict
        lock = {**lock, "epoch": next_epoch(folder, max((current, record.content), key=epoch_of))}
        folder.write(LOCK, lock)
        if record.exists:
            record.note_holder(_entry(lock))
        return ClaimVerdict(True, lock, verdict.took_over)


def claimed(folder: StateFolder, given: dict[str, Any], now: float, *, check: bool = False) -> ClaimVerdict:
    """Take the lock for the Run that a module's options tell of, and begin that Run here; ``check`` only judges."""
    claim = claim_of(given)
    record = RunRecord(folder, claim.run_id)
    if check:
        return judge(folder, claim, now)
    folder.prepare()
    verdict = hold(folder, claim, now)
    if verdict.acquired and given["run"] is not None:
        about = {"owner": claim.owner, "purpose": claim.purpose, "operation": claim.operation}
        undoes = _undoes(folder, claim)
        record = RunRecord(folder, claim.run_id, Fence(folder, claim.run_id, claim.holder))
        record.begin({**about, **given["run"], "took_over": verdict.took_over}, now, undoes=undoes)
        record.note_holder(_entry(verdict.holder or {}))
    return verdict


def claim_of(given: dict[str, Any]) -> Claim:
    """The claim that a module's options tell of; its holder is who started the module."""
    names = ("run_id", "owner", "purpose", "operation", "lease_seconds", "identity")
    more = {name: given[name] for name in ("dead_epoch", "take_over") if given.get(name) is not None}
    project = min(projects_of_run(given["run"] or {}), default="")
    return Claim(holder=holder_of_this_work(), project=project, **{name: given[name] for name in names}, **more)


def held_run(folder: StateFolder, run_id: str, *, holder: str | None = None, epoch: int | None = None) -> RunRecord:
    """The record of a Run that has begun here and holds the lock: whoever changes something asks for it first.

    ``holder`` is by default who started this process; ``epoch`` is compared too where it is known. What the record
    writes later is compared again. Raises ``HostSideError`` of kind ``locked`` when the lock is free or another Run's,
    ``fenced`` when somebody else has taken the Run up.
    """
    fence = Fence(folder, run_id, holder_of_this_work() if holder is None else holder, epoch)
    record = RunRecord(folder, run_id, fence)
    record.refuse_superseded()
    if not record.exists:
        raise HostSideError(f"Run {run_id} has no lock on this host; it has to take it first.", kind="locked")
    return record


def begun_step(given: Mapping[str, Any]) -> RunRecord:
    """The record of the Run of an act with these options, in which its step has begun; raises as ``held_run``."""
    record = held_run(StateFolder(given["state_folder"]), given["run_id"])
    record.start_step_once(given["step_id"], time.time())
    return record


def free(folder: StateFolder, run_id: str | None, *, holder: str | None = None, check: bool = False) -> ClaimVerdict:
    """Give back the lock of ``run_id``; None gives back anybody's that no unfinished Run stands behind.

    ``acquired`` of the answer is False when somebody else holds it, or an unfinished Run; then it stays.
    """
    token = holder_of_this_work() if holder is None else holder
    with folder.guarded():
        current = folder.read(LOCK)
        if run_id is not None:
            refusal = _overtaken(folder, run_id, token, current)
            if refusal:
                return ClaimVerdict(False, {**(current or {}), "refused": refusal})
        if current is None:
            return ClaimVerdict(True, None)
        if run_id is not None and current.get("run_id") != run_id:
            return ClaimVerdict(False, current)
        if run_id is None and any(run["run_id"] == current.get("run_id") for run in unfinished_runs(folder)):
            return ClaimVerdict(False, {**current, "unfinished": current.get("run_id")})
        if not check:
            folder.remove(LOCK)
        return ClaimVerdict(True, current)


def lock_seen(folder: StateFolder, now: float) -> dict[str, Any] | None:
    """The lock as others are told of it: without the token, and with ``lease_left``, which the host's clock decides."""
    lock = folder.read(LOCK)
    if lock is None:
        return None
    closing = {key: value for key, value in (lock.get("closing") or {}).items() if key != "holder"}
    shown = {key: value for key, value in lock.items() if key not in ("holder", "closing")}
    left = lease_left(lock, now)
    return {**shown, "epoch": epoch_of(lock), "lease_left": min(left, 1e9), **({"closing": closing} if closing else {})}


def _overtaken(folder: StateFolder, run_id: str, token: str, lock: dict[str, Any] | None) -> str:
    """Who carries the Run out in place of that holder, for a person; empty where nobody does.

    Whoever was overtaken must not call done, or put back, what others have ended.
    """
    later = superseded(RunRecord(folder, run_id).content, token)
    if later is not None:
        return f"Run {run_id} was taken up by {later.get('owner')} at {later.get('at')}."
    if lock is None or lock.get("run_id") != run_id:
        return ""
    closing = lock.get("closing") or {}
    if closing.get("holder", token) != token:
        return f"Run {run_id} is being taken up by {closing.get('owner')} since {closing.get('at')}."
    return "" if lock.get("holder", "") == token else f"Run {run_id} is being carried out by {who(lock)}."


def _is_held_by(lock: dict[str, Any], claim: Claim) -> bool:
    return lock.get("run_id") == claim.run_id and lock.get("holder", "") == claim.holder


def _undoes(folder: StateFolder, claim: Claim) -> bool:
    """Whether the claim is for putting back what the Run did, which a Run that has ended allows."""
    return claim.operation in _UNDO or _takes_back(folder, claim)


def _entry(lock: dict[str, Any]) -> dict[str, Any]:
    """The new holder as its Run's record keeps it."""
    before = lock.get("took_over") or {}
    taken = {"from": before.get("owner")} if before.get("run_id") == lock.get("run_id") else {}
    reason = {"reason": lock["reason"]} if lock.get("reason") else {}
    known = {"epoch": epoch_of(lock), "holder": lock.get("holder", ""), "owner": lock.get("owner")}
    return {**known, "at": lock.get("taken_at"), **taken, **reason}


def _takes_back(folder: StateFolder, claim: Claim) -> bool:
    """Whether it is the Run of the emergency that is on: it ends whatever it found unfinished when it began."""
    emergency = folder.read("emergency.json") or {}
    return emergency.get("run_id") == claim.run_id and emergency.get("status") in ("active", "refused")


def _named(lock: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if lock is None else {key: lock.get(key) for key in _NAMED}


def _record(claim: Claim, now: float, replaced: dict[str, Any] | None) -> dict[str, Any]:
    record: dict[str, Any] = {
        "format": 1,
        "run_id": claim.run_id,
        "owner": claim.owner,
        "purpose": claim.purpose,
        "operation": claim.operation,
        **({"project": claim.project} if claim.project else {}),
        "taken_at": moment(now),
        "epoch": epoch_of(replaced),
        "holder": claim.holder,
        "identity": claim.identity,
    }
    if replaced is not None:
        closing = replaced.get("closing") or {}
        record["took_over"] = _named(replaced)
        if closing.get("reason"):
            record["reason"] = closing["reason"]
    return with_lease(record, claim.lease_seconds, now)
