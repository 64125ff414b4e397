"""The queue: what is due is carried out exactly once, what was missed is told, and nothing is caught up."""

from __future__ import annotations

import multiprocessing
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from selextract_infra.errors import LockedError, OutsideWindowError, RefusedError, SelextractError, UsageError
from selextract_infra.flow import schedule
from selextract_infra.flow.context import Context
from selextract_infra.flow.journal.journal import Journal
from selextract_infra.flow.queue import Queue, QueuedPlan, QueueStatus
from selextract_infra.flow.schedule import cancel_queued, queue_plan, run_due
from selextract_infra.hosts.inventory import Inventory, InventoryHost
from selextract_infra.model.plan import Plan, Step
from selextract_infra.model.run import Run, RunStatus
from selextract_infra.policy import Policy, load_policy

SATURDAY = datetime(2026, 1, 3, 12, tzinfo=UTC)
OPENS = datetime(2026, 1, 4, 2, tzinfo=UTC)
NIGHT = {
    "windows": {
        "sunday": {"rrule": "FREQ=WEEKLY;BYDAY=SU", "start": "02:00", "duration": "1h", "time_zone": "UTC"},
        "monday": {"rrule": "FREQ=WEEKLY;BYDAY=MO", "start": "02:00", "duration": "3h", "time_zone": "UTC"},
    }
}
PLAN = Plan(
    operation="rightsize", made_at=SATURDAY, made_by="a test", policy_digest="", observation_digest="",
    hosts=("app1",),
    steps=(
        Step(
            id="one", title="", playbook="", hosts=("app1",), values={}, verification="", rollback="", disrupts=True,
            estimate_seconds=1500, rollback_seconds=900, timeout_seconds=3000,
        ),
    ),
)  # fmt: skip


@dataclass
class Site:
    """A control machine whose fleet ends every Run as it is told to."""

    journal: Journal
    now: datetime = SATURDAY
    ending: RunStatus | SelextractError = RunStatus.DONE
    policy: Policy = field(default_factory=lambda: load_policy(NIGHT))
    inventory: Inventory = field(
        default_factory=lambda: Inventory(Path("/srv/inventory"), (InventoryHost("app1", "::1"),))
    )
    limit: None = None
    policy_files: tuple[Path, ...] = ()
    applied: list[datetime] = field(default_factory=list)
    told: list[QueuedPlan] = field(default_factory=list)
    begun: list[QueuedPlan] = field(default_factory=list)

    def clock(self) -> datetime:
        return self.now

    def carry_out(self, plan: Plan) -> Run:
        assert self.begun, "people are told before anything is done"
        self.applied.append(self.now)
        if isinstance(self.ending, SelextractError):
            raise self.ending
        return Run(
            id="r1", operation=plan.operation, plan_digest="", policy_digest="", owner="", purpose="", hosts=plan.hosts,
            started_at=self.now, status=self.ending, message="Done on app1.",
            exit_code=0 if self.ending is RunStatus.DONE else 6,
        )  # fmt: skip

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @property
    def context(self) -> Context:
        return cast("Context", self)

    @property
    def queue(self) -> Queue:
        return Queue(self.journal.folder)

    def look(self) -> tuple[QueuedPlan, ...]:
        changed = run_due(
            self.journal,
            self.clock,
            lambda _: self.context,
            retry_after=300,
            begins=self.begun.append,
            ended=self.told.append,
        )
        assert changed is not None
        return changed


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(schedule, "load_plan", lambda path, _policy: Plan.model_validate_json(path.read_bytes()))
    monkeypatch.setattr(schedule, "apply", lambda site, plan, **_more: site.carry_out(plan))
    with Journal(tmp_path) as journal:
        yield Site(journal)


def test_a_plan_is_queued_for_the_next_opening_with_enough_time(site: Site) -> None:
    entry = queue_plan(site.context, PLAN, "sunday")
    assert entry.opening.starts_at == OPENS
    assert site.queue.entries() == (entry,)
    site.now = OPENS + timedelta(minutes=20)
    assert queue_plan(site.context, PLAN, "sunday").opening.starts_at == OPENS
    site.now = OPENS + timedelta(minutes=21)
    assert queue_plan(site.context, PLAN, "sunday").opening.starts_at == OPENS + timedelta(days=7)


def test_what_fits_into_no_opening_is_not_queued(site: Site) -> None:
    long = PLAN.model_copy(update={"steps": (PLAN.steps[0].model_copy(update={"estimate_seconds": 3000.0}),)})
    with pytest.raises(OutsideWindowError, match="sunday is never that long"):
        queue_plan(site.context, long, "sunday")
    assert queue_plan(site.context, long, "monday").opening.windows == ("monday",)
    with pytest.raises(UsageError, match="There is no maintenance window 'friday'"):
        queue_plan(site.context, PLAN, "friday")
    with pytest.raises(UsageError, match="nothing to do"):
        queue_plan(site.context, PLAN.model_copy(update={"steps": ()}), "sunday")


def test_only_its_owner_reads_what_is_queued(site: Site) -> None:
    queue_plan(site.context, PLAN, "sunday")
    files = [path for path in site.queue.folder.iterdir() if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE(site.queue.folder.stat().st_mode) == 0o700


def test_a_plan_is_carried_out_once_when_its_window_opens(site: Site) -> None:
    queue_plan(site.context, PLAN, "sunday")
    assert site.look() == ()
    site.now = OPENS
    (done,) = site.look()
    assert (done.status, done.run, done.exit_code) == (QueueStatus.DONE, "r1", 0)
    site.now += timedelta(minutes=1)
    assert site.look() == ()
    assert (site.applied, site.told) == ([OPENS], [done])


def test_a_missed_window_is_told_once_and_never_caught_up(site: Site) -> None:
    queue_plan(site.context, PLAN, "sunday")
    site.now = OPENS + timedelta(hours=1)
    (missed,) = site.look()
    assert (missed.status, missed.exit_code) == (QueueStatus.MISSED, 4)
    assert "rightsize on app1 was not carried out in sunday, Sun 2026-01-04 02:00" in missed.message
    site.now = OPENS + timedelta(days=7)
    assert site.look() == ()
    assert (site.applied, site.told) == ([], [missed])
    assert site.journal.events(1)[0]["kind"] == "queued plan missed"


def test_a_refusal_is_recorded_and_not_repeated(site: Site) -> None:
    queue_plan(site.context, PLAN, "sunday")
    site.now, site.ending = OPENS, RefusedError("The host would be full.", rule="X-09")
    (refused,) = site.look()
    assert (refused.status, refused.exit_code, refused.message) == (QueueStatus.REFUSED, 3, "The host would be full.")
    site.now += timedelta(minutes=10)
    assert site.look() == ()


def test_a_run_that_was_rolled_back_has_failed(site: Site) -> None:
    queue_plan(site.context, PLAN, "sunday")
    site.now, site.ending = OPENS, RunStatus.ROLLED_BACK
    assert [(one.status, one.exit_code) for one in site.look()] == [(QueueStatus.FAILED, 6)]


def test_a_locked_host_is_tried_again_while_the_window_is_open(site: Site) -> None:
    queue_plan(site.context, PLAN, "sunday")
    site.now, site.ending = OPENS, LockedError("app1 is locked by me.")
    assert site.look() == ()
    site.now += timedelta(minutes=1)
    assert site.look() == ()
    assert len(site.applied) == 1
    site.now += timedelta(minutes=4)
    assert site.look() == ()
    assert len(site.applied) == 2
    assert len(site.begun) == 1, "that it begins is told once"
    site.now = OPENS + timedelta(hours=1)
    (missed,) = site.look()
    assert "Last time it was tried: app1 is locked by me." in missed.message


def test_what_ended_without_a_word_is_not_begun_again(site: Site) -> None:
    entry = queue_plan(site.context, PLAN, "sunday")
    site.queue.write(entry.model_copy(update={"status": QueueStatus.RUNNING}))
    site.now = OPENS + timedelta(minutes=2)
    assert [one.status for one in site.look()] == [QueueStatus.INTERRUPTED]
    assert site.look() == ()
    assert site.applied == []


def test_an_inventory_that_is_gone_is_a_refusal_with_its_sentence(site: Site) -> None:
    queue_plan(site.context, PLAN, "sunday")
    site.now = OPENS

    def gone(_: QueuedPlan) -> Context:
        raise UsageError("There is no inventory at /srv/inventory.")

    changed = run_due(site.journal, site.clock, gone, retry_after=300, begins=site.begun.append, ended=site.told.append)
    assert changed is not None
    assert [(one.status, one.message) for one in changed] == [
        (QueueStatus.REFUSED, "There is no inventory at /srv/inventory.")
    ]


def test_a_cancelled_plan_is_not_carried_out(site: Site) -> None:
    entry = queue_plan(site.context, PLAN, "sunday")
    cancel_queued(site.journal, entry.id[:12], site.now)
    site.now = OPENS
    assert site.look() == ()
    with pytest.raises(UsageError, match="does not wait any more: it is cancelled"):
        cancel_queued(site.journal, entry.id, site.now)
    with pytest.raises(UsageError, match="There is no queued plan x; queued: none"):
        cancel_queued(site.journal, "x", site.now)


def test_while_one_looks_another_leaves_everything_to_it(site: Site) -> None:
    queue_plan(site.context, PLAN, "sunday")
    site.now = OPENS
    with site.queue.held() as ours:
        assert ours
        assert (
            run_due(
                site.journal,
                site.clock,
                lambda _: site.context,
                retry_after=1,
                begins=site.begun.append,
                ended=site.told.append,
            )
            is None
        )
        with pytest.raises(LockedError):
            cancel_queued(site.journal, "2026", site.now)
    assert site.applied == []


def look_in_a_process(state: Path, begin: Any, applied: Any) -> None:
    with Journal(state) as journal:
        site = Site(journal, now=OPENS)
        begin.wait()
        run_due(
            journal, site.clock, lambda _: site.context, retry_after=1, begins=site.begun.append, ended=site.told.append
        )
        applied.put(len(site.applied))


def test_processes_that_look_at_the_same_time_carry_out_each_plan_once(site: Site) -> None:
    for _ in range(3):
        queue_plan(site.context, PLAN, "sunday")
    fork = multiprocessing.get_context("fork")
    begin, applied = fork.Barrier(4), fork.Queue()
    looks = [fork.Process(target=look_in_a_process, args=(site.journal.folder, begin, applied)) for _ in range(4)]
    for look in looks:
        look.start()
    times = [applied.get(timeout=60) for _ in looks]
    for look in looks:
        look.join()
    assert sum(times) == 3
    assert {one.status for one in site.queue.entries()} == {QueueStatus.DONE}
