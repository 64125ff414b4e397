"""Several holders, crashes and a clock that jumps, in any order: never do two of them act in one epoch."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from plugins.module_utils.state.fence import Fence
from plugins.module_utils.state.lease import lease_left
from plugins.module_utils.state.lock import Claim, close_to_others, free, hold
from plugins.module_utils.state.runs import RunRecord
from plugins.module_utils.state.state import StateFolder
from plugins.module_utils.system.failure import HostSideError

YEAR = 365 * 86_400.0
# Three processes for one Run and one for another. One that crashed, or sleeps, is one that does nothing for a while.
HOLDERS = {"ann": "run-a", "bob": "run-a", "cat": "run-a", "dan": "run-b"}
ANYBODY = st.sampled_from([*HOLDERS])


class Holders(RuleBasedStateMachine):
    """An act lasts from its comparison before it begins to that of its end; others do anything meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.path = tempfile.mkdtemp()
        self.folder = StateFolder(self.path)
        self.folder.prepare()
        self.now = 1_700_000_000.0
        self.highest = 0
        self.acting: dict[int, str] = {}  # by epoch, who has acted in it
        self.newest_act = 0
        self.begun: dict[str, RunRecord] = {}  # acts under way
        self.ended: set[str] = set()

    def teardown(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    @rule(who=ANYBODY, lease=st.sampled_from([60.0, 600.0, 0.0, -5.0]), restores=st.booleans())
    def claims(self, who: str, lease: float, restores: bool) -> None:
        run, before = HOLDERS[who], self.folder.read("lock.json") or {}
        others = before.get("holder") not in (None, who) and lease_left(before, self.now) > 0
        closed = (before.get("closing") or {}).get("holder") == who
        verdict = hold(self.folder, self.claim(who, lease, restores=restores), self.now)
        if not verdict.acquired:
            return
        assert closed or not others, "a lease that holds keeps others out"
        assert restores or run not in self.ended, "a run that has ended never runs again"
        record = RunRecord(self.folder, run, self.fence(who))
        record.begin({"owner": who}, self.now, undoes=restores)
        record.note_holder({"epoch": verdict.result()["epoch"], "holder": who, "owner": who, "at": "now"})
        self.ended.discard(run)
        self.begins_an_act(who)

    @rule(who=ANYBODY, reason=st.sampled_from(["", "it hangs"]))
    def takes_up(self, who: str, reason: str) -> None:
        self.closes_to_others(who, reason, knows_dead=not reason)
        self.claims(who, 60.0, restores=False)

    @rule(who=ANYBODY, reason=st.sampled_from(["", "it hangs"]), knows_dead=st.booleans())
    def closes_to_others(self, who: str, reason: str, knows_dead: bool) -> None:
        dead = (self.folder.read("lock.json") or {}).get("epoch") if knows_dead else None
        close_to_others(self.folder, self.claim(who, 60, take_over=reason, dead_epoch=dead), self.now)

    @rule(who=ANYBODY)
    def begins_an_act(self, who: str) -> None:
        record = RunRecord(self.folder, HOLDERS[who], self.fence(who))
        if not self.refused(lambda: record.start_step("step", self.now)):
            self.accepted(who)
            self.begun[who] = record

    @rule(who=ANYBODY, verified=st.booleans())
    def ends_an_act(self, who: str, verified: bool) -> None:
        record, status = self.begun.pop(who, None), "verified" if verified else "failed"
        if record is not None and not self.refused(lambda: record.end_step("step", status, self.now)):
            self.accepted(who)

    @rule(who=ANYBODY)
    def ends_its_run(self, who: str) -> None:
        record = RunRecord(self.folder, HOLDERS[who], self.fence(who))
        if not record.exists or self.refused(lambda: record.end(self.now)):
            return
        kept = RunRecord(self.folder, HOLDERS[who])
        if kept.exists and kept.content["status"] != "running":
            self.ended.add(HOLDERS[who])
        free(self.folder, HOLDERS[who], holder=who)

    @rule(who=ANYBODY)
    def finishes(self, who: str) -> None:
        self.begins_an_act(who)
        self.ends_an_act(who, verified=True)
        self.ends_its_run(who)

    @rule(jump=st.sampled_from([10.0, 100.0, 700.0, -30.0, YEAR, -YEAR, -1_600_000_000.0]))
    def clock_goes_on_or_jumps(self, jump: float) -> None:
        self.now = max(0.0, self.now + jump)

    @invariant()
    def epoch_never_falls(self) -> None:
        given_out = (self.folder.read("epoch.json") or {}).get("epoch", 0)
        assert given_out >= self.highest
        assert (self.folder.read("lock.json") or {}).get("epoch", 0) <= given_out
        self.highest = given_out

    def accepted(self, who: str) -> None:
        """An act was accepted: it is the only holder's of that epoch, and no act of an older epoch follows."""
        lock = self.folder.read("lock.json") or {}
        assert lock["holder"] == who
        assert (lock.get("closing") or {}).get("holder", who) == who, "it is being taken up"
        assert lock["epoch"] >= self.newest_act
        assert self.acting.setdefault(lock["epoch"], who) == who
        self.newest_act = lock["epoch"]

    @staticmethod
    def refused(act: Callable[[], object]) -> bool:
        """Whether an act was refused because somebody else has the lock, and for no other reason."""
        kind = ""
        try:
            act()
        except HostSideError as refusal:
            kind = refusal.kind
        assert kind in ("", "fenced", "locked")
        return bool(kind)

    @staticmethod
    def claim(who: str, lease: float, *, restores: bool = False, **grounds: Any) -> Claim:
        operation = "restore" if restores else "rightsize"
        return Claim(HOLDERS[who], who, "a test", operation, lease, holder=who, **grounds)

    def fence(self, who: str) -> Fence:
        return Fence(self.folder, HOLDERS[who], who, clock=lambda: self.now)


Holders.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestHolders = Holders.TestCase
