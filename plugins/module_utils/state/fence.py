"""Only one holder acts: what each act on a host is compared with, and the epoch that tells one holder from the next.

A holder is one process of a control machine, or of the host itself; a random token stands for it. The token is in the
environment of each task, beside the ID of the work, so that no task and no option of a module has to repeat it. The
epoch is the number of the holder on this host: it grows with each holder, also of the same Run, and is never given out
twice, because it is on the disk before the lock that carries it and stays there when the lock is given back.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..system.failure import HostSideError
from .lease import renewal_is_due, with_lease
from .state import StateFolder

__all__ = [
    "FINISHES_VARIABLE",
    "HOLDER_VARIABLE",
    "LOCK",
    "Fence",
    "closed_to_its_holder",
    "epoch_of",
    "holder_of_this_work",
    "next_epoch",
    "superseded",
    "who",
]

LOCK = "lock.json"
HOLDER_VARIABLE = "SELEXTRACT_INFRA_HOLDER"
# Set by the runner of segments: whoever takes the Run up waits until the step at hand has ended, so it may go on.
FINISHES_VARIABLE = "SELEXTRACT_INFRA_FINISHES"
_EPOCH = "epoch.json"


def holder_of_this_work() -> str:
    """The token of whoever started this process; empty where nobody said, as in 0.1 and in a playbook of one's own."""
    return os.environ.get(HOLDER_VARIABLE, "")


def epoch_of(record: dict[str, Any] | None) -> int:
    """The epoch of a lock or of a Run; 0 for what version 0.1 wrote."""
    epoch = (record or {}).get("epoch", 0)
    return epoch if isinstance(epoch, int) else 0


def next_epoch(folder: StateFolder, current: dict[str, Any] | None) -> int:
    """Give out the next epoch, which is on the disk before this returns; called under the guard."""
    epoch = max(epoch_of(folder.read(_EPOCH)), epoch_of(current)) + 1
    folder.write(_EPOCH, {"format": 1, "epoch": epoch})
    return epoch


def closed_to_its_holder(folder: StateFolder, run_id: str) -> str:
    """Who is taking a Run up, in a sentence; empty where nobody is."""
    lock = folder.read(LOCK) or {}
    closing = lock.get("closing")
    if lock.get("run_id") != run_id or not closing:
        return ""
    return f"Run {run_id} is being taken up by {closing.get('owner')} since {closing.get('at')}."


def superseded(run: dict[str, Any], holder: str) -> dict[str, Any] | None:
    """Who took a Run up after that holder; None where it is the newest, or never had it."""
    holders = [entry for entry in run.get("holders", ()) if isinstance(entry, dict)]
    earlier = any(entry.get("holder") == holder for entry in holders[:-1])
    return holders[-1] if earlier and holders[-1].get("holder") != holder else None


def who(lock: dict[str, Any]) -> str:
    """Who has a lock, for what, since when and until when, for a person."""
    purpose, since = lock.get("purpose", "an unknown purpose"), lock.get("taken_at", "an unknown time")
    about = f" (project {lock['project']})" if lock.get("project") else ""
    return (
        f"{lock.get('owner', 'somebody')} for {purpose}{about} since {since} (run {lock.get('run_id')}),"
        f" at most until {lock.get('lease_until')}"
    )


@dataclass(frozen=True)
class Fence:
    """What an act shows: its Run, the token of its holder and, where it is known, the epoch."""

    folder: StateFolder
    run_id: str
    holder: str
    epoch: int | None = None
    clock: Callable[[], float] | None = None

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Nobody can take the Run up inside; before that, this holder was compared and its lease renewed.

        Raises ``HostSideError`` of kind ``fenced`` where somebody has taken the Run up since, ``locked`` where the lock
        is free or another Run's.
        """
        with self.folder.guarded():
            self._compare()
            yield

    def _compare(self) -> None:
        lock = self.folder.read(LOCK)
        later = superseded(self.folder.read(f"runs/{self.run_id}.json") or {}, self.holder)
        if later is not None:
            raise self._too_late(f"was taken up by {later.get('owner')} at {later.get('at')}")
        if lock is None:
            raise HostSideError(f"Run {self.run_id} has no lock on this host; it has to take it first.", kind="locked")
        if lock.get("run_id") != self.run_id:
            raise HostSideError(f"The host is locked by {who(lock)}.", kind="locked")
        if lock.get("holder", "") != self.holder or (self.epoch is not None and epoch_of(lock) != self.epoch):
            raise self._too_late(f"is carried out by {lock.get('owner')} since {lock.get('taken_at')}")
        closing = lock.get("closing")
        if closing and closing.get("holder") != self.holder and not os.environ.get(FINISHES_VARIABLE):
            raise self._too_late(f"is being taken up by {closing.get('owner')} since {closing.get('at')}")
        now = (self.clock or time.time)()
        if renewal_is_due(lock, now):
            self.folder.write(LOCK, with_lease(lock, float(lock["lease_seconds"]), now))

    def _too_late(self, what: str) -> HostSideError:
        return HostSideError(f"Run {self.run_id} {what}, so nothing more is changed from here.", kind="fenced")
