"""The lock of a host: who works on it, for what, until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..system.failure import HostSideError
from .preemption import asked, goes_first
from .runs import RunRecord, moment, unfinished_runs
from .state import StateFolder

__all__ = ["Claim", "Verdict", "claimed", "free", "held_run", "hold", "judge", "renew"]

_FILE = "lock.json"
_RESTORE = "restore"
_LEAST_LEASE = 60.0  # seconds


@dataclass(frozen=True)
class Claim:
    """Who wants the lock; ``lease_seconds`` is how long the next step may take."""

    run_id: str
    owner: str
    purpose: str
    operation: str
    lease_seconds: float


@dataclass(frozen=True)
class Verdict:
    """Whether the lock is ours, and whose it is or was.

    ``holder`` is the record of who has it (``unfinished`` names a Run that has to be resumed or rolled back first,
    ``preempted`` says for what else the host was asked).
    ``took_over`` is the record of an expired lock that was replaced.
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
        who = f"{holder.get('owner', 'somebody')} for {holder.get('purpose', 'an unknown purpose')}"
        if holder.get("unfinished"):
            return (
                f"Run {holder['unfinished']} of {who} is unfinished here;"
                f" selextract-infra resume {holder['unfinished']}, or rollback {holder['unfinished']}."
            )
        return (
            f"The host is locked by {who} since {holder.get('taken_at', 'an unknown time')}"
            f" (run {holder.get('run_id')}), at most until {holder.get('lease_until')}."
        )


def judge(folder: StateFolder, claim: Claim, now: float) -> Verdict:
    """What ``hold`` would answer now; changes nothing."""
    current, request = folder.read(_FILE), asked(folder, now)
    ours = current is not None and current.get("run_id") == claim.run_id
    if current is not None and not ours and not _expired(current, now):
        return Verdict(False, current)
    putting_back = ours and claim.operation == _RESTORE  # between its steps is no safe point
    if request is not None and not putting_back and not goes_first(request, claim.operation):
        return Verdict(False, {**(current or {}), "preempted": request})
    if current is not None and ours:  # another process may have taken the Run up
        return Verdict(True, {**current, "owner": claim.owner, "lease_until": moment(now + claim.lease_seconds)})
    others = [record for record in unfinished_runs(folder) if record["run_id"] != claim.run_id]
    if others and request is None and not _takes_back(folder, claim):
        run = others[0]
        known = {key: run.get(key) for key in ("run_id", "owner", "purpose", "operation")}
        return Verdict(False, {**known, "taken_at": run.get("started_at"), "unfinished": run["run_id"]})
    return Verdict(True, _record(claim, now, current), current)


def hold(folder: StateFolder, claim: Claim, now: float) -> Verdict:
    """Take the lock, or extend the lease of our own.

    An expired lease that no unfinished Run stands behind is taken over, and the new record says from whom. Where the
    host is asked for, our own lock is given back; our Run is unfinished then.
    """
    with folder.guarded():
        verdict = judge(folder, claim, now)
        holder = verdict.holder or {}
        if holder.get("preempted") and holder.get("run_id") == claim.run_id:
            folder.remove(_FILE)
        if verdict.acquired and verdict.holder is not None:
            folder.write(_FILE, verdict.holder)
    return verdict


def claimed(folder: StateFolder, given: dict[str, Any], now: float, *, check: bool = False) -> Verdict:
    """Take the lock for the Run that a module's options tell of, and begin that Run here; ``check`` only judges."""
    claim = Claim(given["run_id"], given["owner"], given["purpose"], given["operation"], given["lease_seconds"])
    record = RunRecord(folder, claim.run_id)
    if check:
        return judge(folder, claim, now)
    folder.prepare()
    verdict = hold(folder, claim, now)
    if verdict.acquired and given["run"] is not None:
        about = {"owner": claim.owner, "purpose": claim.purpose, "operation": claim.operation}
        record.begin({**about, **given["run"], "took_over": verdict.took_over}, now)
    return verdict


def held_run(folder: StateFolder, run_id: str) -> RunRecord:
    """The record of a Run that has begun here and holds the lock: whoever changes something asks for it first.

    Raises ``HostSideError`` of kind ``locked`` when the lock is free or somebody else's.
    """
    current, record = folder.read(_FILE), RunRecord(folder, run_id)
    if current is None or not record.exists:
        raise HostSideError(f"Run {run_id} has no lock on this host; it has to take it first.", kind="locked")
    if current.get("run_id") != run_id:
        raise HostSideError(Verdict(False, current).sentence, kind="locked")
    return record


def renew(folder: StateFolder, run_id: str, now: float) -> None:
    """Extend the lease of a Run that works here, by as much as it took; nothing where the lock is not its own."""
    with folder.guarded():
        current = folder.read(_FILE)
        if current is not None and current.get("run_id") == run_id:
            until = moment(now + float(current.get("lease_seconds", _LEAST_LEASE)))
            folder.write(_FILE, {**current, "lease_until": max(until, str(current.get("lease_until")))})


def free(folder: StateFolder, run_id: str | None, *, check: bool = False) -> Verdict:
    """Give back the lock of ``run_id``; None gives back anybody's that no unfinished Run stands behind.

    ``acquired`` of the answer is False when somebody else holds it, or an unfinished Run; then it stays.
    """
    with folder.guarded():
        current = folder.read(_FILE)
        if current is None:
            return Verdict(True, None)
        if run_id is not None and current.get("run_id") != run_id:
            return Verdict(False, current)
        if run_id is None and any(run["run_id"] == current.get("run_id") for run in unfinished_runs(folder)):
            return Verdict(False, {**current, "unfinished": current.get("run_id")})
        if not check:
            folder.remove(_FILE)
        return Verdict(True, current)


def _takes_back(folder: StateFolder, claim: Claim) -> bool:
    """Whether it is the Run of the emergency that is on: it ends whatever it found unfinished when it began."""
    emergency = folder.read("emergency.json") or {}
    return emergency.get("run_id") == claim.run_id and emergency.get("status") in ("active", "refused")


def _record(claim: Claim, now: float, replaced: dict[str, Any] | None) -> dict[str, Any]:
    record: dict[str, Any] = {
        "format": 1,
        "run_id": claim.run_id,
        "owner": claim.owner,
        "purpose": claim.purpose,
        "operation": claim.operation,
        "taken_at": moment(now),
        "lease_seconds": claim.lease_seconds,
        "lease_until": moment(now + claim.lease_seconds),
    }
    if replaced is not None:
        record["took_over"] = {
            key: replaced.get(key) for key in ("run_id", "owner", "purpose", "taken_at", "lease_until")
        }
    return record


def _expired(record: dict[str, Any], now: float) -> bool:
    try:
        return datetime.fromisoformat(str(record["lease_until"])).timestamp() <= now
    except (KeyError, ValueError):
        return False
