"""Several holders, crashes and a clock that jumps, in any order: never do two of them act in one epoch."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from plugins.module_utils.state.fence import Fence
from plugins.module_utils.state.lease import lease_left
from plugins.module_utils.state.lock import Claim, close_to_others, free, hold
from plugins.module_utils.state.runs import RunRecord
from plugins.module_utils.state.state import StateFolder
from plugins.module_utils.system.failure import HostSideError

RUNS = ("run-a", "run-b")
YEAR = 365 * 86_400.0


class Holders(RuleBasedStateMachine):
    """``act`` is one act of a holder, from its comparison before to that of "verified" after it."""

    holders = Bundle("holders")
    acts = Bundle("acts")

    @initialize()
    def begin(self) -> None:
        self.path = tempfile.mkdtemp()
        self.folder = StateFolder(self.path)
        self.folder.prepare()
        self.now = 1_700_000_000.0
        self.count = 0
        self.highest = 0
        self.acting: dict[int, str] = {}  # by epoch, who has acted in it
        self.newest_act = 0
        self.ended: set[str] = set()

    def teardown(self) -> None:
        shutil.rmtree(getattr(self, "path", ""), ignore_errors=True)

    @rule(target=holders, run=st.sampled_from(RUNS))
    def process_starts(self, run: str) -> tuple[str, str]:
        self.count += 1
        return f"holder-{self.count}", run

    def claim(self, holder: tuple[str, str], lease: float, *, restores: bool = False, **grounds: object) -> Claim:
        token, run = holder
        operation = "restore" if restores else "rightsize"
        more = {name: value for name, value in grounds.items() if value is not None}
        return Claim(run, token, "a test", operation, lease, holder=token, **more)  # type: ignore[arg-type]

    @rule(holder=holders, lease=st.floats(-10, 1000), restores=st.booleans())
    def claims(self, holder: tuple[str, str], lease: float, restores: bool) -> None:
        token, run = holder
        before = self.folder.read("lock.json") or {}
        held_by_other = before.get("holder") != token and before.get("run_id") == run
        closed_for = (before.get("closing") or {}).get("holder") == token
        left = lease_left(before, self.now) if before else 0.0
        verdict = hold(self.folder, self.claim(holder, lease, restores=restores), self.now)
        if not verdict.acquired:
            return
        assert not (held_by_other and left > 0 and not closed_for), "a lease that holds keeps others out"
        assert restores or run not in self.ended, "a run that has ended never runs again"
        record = RunRecord(self.folder, run, self.fence(holder))
        record.begin({"owner": token}, self.now, undoes=restores)
        record.note_holder({"epoch": verdict.result()["epoch"], "holder": token, "owner": token, "at": "now"})
        self.ended.discard(run)

    @rule(holder=holders, reason=st.sampled_from(["", "it hangs"]), knows_dead=st.booleans())
    def closes_to_others(self, holder: tuple[str, str], reason: str, knows_dead: bool) -> None:
        lock = self.folder.read("lock.json") or {}
        dead = lock.get("epoch") if knows_dead else None
        close_to_others(self.folder, self.claim(holder, 60, take_over=reason, dead_epoch=dead), self.now)

    @rule(target=acts, holder=holders)
    def begins_an_act(self, holder: tuple[str, str]) -> tuple[tuple[str, str], RunRecord | None]:
        record = RunRecord(self.folder, holder[1], self.fence(holder))
        if self.refused(lambda: record.start_step("step", self.now)):
            return holder, None
        self.acted(holder)
        return holder, record

    @rule(act=consumes(acts), verified=st.booleans())
    def ends_an_act(self, act: tuple[tuple[str, str], RunRecord | None], verified: bool) -> None:
        holder, record = act
        if record is None:
            return
        if not self.refused(lambda: record.end_step("step", "verified" if verified else "failed", self.now)):
            self.acted(holder)

    @rule(holder=holders)
    def ends_its_run(self, holder: tuple[str, str]) -> None:
        record = RunRecord(self.folder, holder[1], self.fence(holder))
        if record.exists and not self.refused(lambda: record.end(self.now)):
            kept = RunRecord(self.folder, holder[1])
            if kept.exists and kept.content["status"] != "running":
                self.ended.add(holder[1])
            free(self.folder, holder[1], holder=holder[0])

    @rule(jump=st.one_of(st.floats(0, 2000), st.sampled_from([-YEAR, YEAR, -30.0, -1_600_000_000.0])))
    def clock_goes_on_or_jumps(self, jump: float) -> None:
        self.now = max(0.0, self.now + jump)

    @invariant()
    def epoch_never_falls(self) -> None:
        if not hasattr(self, "folder"):
            return
        now = (self.folder.read("epoch.json") or {}).get("epoch", 0)
        assert now >= self.highest
        assert (self.folder.read("lock.json") or {}).get("epoch", 0) <= now
        self.highest = now

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

    def fence(self, holder: tuple[str, str]) -> Fence:
        return Fence(self.folder, holder[1], holder[0], clock=lambda: self.now)

    def acted(self, holder: tuple[str, str]) -> None:
        """An act was accepted: it is the only holder's of that epoch, and no act of an older epoch follows."""
        lock = self.folder.read("lock.json") or {}
        assert lock["holder"] == holder[0]
        assert lock["epoch"] >= self.newest_act
        assert self.acting.setdefault(lock["epoch"], holder[0]) == holder[0]
        self.newest_act = lock["epoch"]


Holders.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestHolders = Holders.TestCase
