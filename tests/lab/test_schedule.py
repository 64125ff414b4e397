"""Disruptive plans in maintenance windows: refused outside, carried out once inside, ended between two steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from selextract_infra.errors import OutsideWindowError
from selextract_infra.flow.apply import apply
from selextract_infra.flow.context import Context
from selextract_infra.flow.planning import plan_operation
from selextract_infra.flow.registry import operation_named
from selextract_infra.flow.unfinished import resume
from selextract_infra.hosts.runner import TaskEvent
from selextract_infra.lab import Lab
from selextract_infra.model.run import Run, RunStatus
from selextract_infra.operations.rightsize.operation import RightsizeRequest
from tests.lab.program import Program, by_hand
from tests.lab.rightsizing import DEPLOYED, MIB, as_deployed, limits, policy_of, started

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

ASKED = 160 * MIB
GATE = "Check that the services answer"


def opening_in(minutes: float) -> Callable[[dict[str, Any]], None]:
    """A window of every day that opens in some minutes and is open for half an hour."""
    start = datetime.now(UTC) + timedelta(minutes=minutes)
    night = {"rrule": "FREQ=DAILY", "start": f"{start:%H:%M}", "duration": "30 minutes", "time_zone": "UTC"}

    def change(policy: dict[str, Any]) -> None:
        policy["windows"] = {"night": night}

    return change


@dataclass
class Site:
    """The app as deployed, with an inventory whose window is open and one whose window is closed."""

    lab: Lab
    open: Program
    closed: Program

    def frontend(self) -> int:
        """The memory limit of the frontend, in bytes."""
        return limits(self.lab, "frontend")[0][0]

    def context(self, clock: Callable[[], datetime], on_event: Callable[[TaskEvent], None]) -> Context:
        return Context(self.open.inventory, state=self.open.state, clock=clock, on_event=on_event)


@pytest.fixture
def site(lab: Lab, tmp_path: Path) -> Iterator[Site]:
    as_deployed(lab)
    state = tmp_path / "state"
    yield Site(
        lab,
        Program(policy_of(lab, tmp_path / "open", opening_in(-2)), state),
        Program(policy_of(lab, tmp_path / "closed", opening_in(600)), state),
    )
    lab.ssh("app1", "rm -f /var/lib/selextract-infra/preempt.json")


def test_a_plan_waits_for_its_window_and_is_carried_out_once(site: Site, tmp_path: Path) -> None:
    before, plan = started(site.lab), tmp_path / "plan.json"
    asked = ("rightsize", "--service", "frontend", "--memory", "160MiB", "--settle", "--out", plan)
    assert site.closed.run(*asked).code == 0

    refused = site.closed.run("apply", plan, "--yes")
    assert refused.code == 4, refused.words
    assert "No maintenance window is open; the next is night," in " ".join(refused.words.split())
    assert started(site.lab) == before

    queued = site.open.run("apply", plan, "--at-window", "night", "--format", "json")
    assert queued.code == 0, queued.words
    waiting = site.open.run("status", "--format", "json").data["waiting"]
    assert [entry["id"] for entry in waiting["queued"]] == [queued.data["id"]]
    assert waiting["open_now"]

    looks = [site.open.start("run-due", "--print-messages", "--format", "json") for _ in range(2)]
    said = [look.communicate(timeout=400) for look in looks]
    assert [look.returncode for look in looks] == [0, 0], said
    assert sum("Another run-due is at work" in err for _, err in said) <= 1
    assert site.frontend() == ASKED
    changed = {name for name, line in started(site.lab).items() if line != before[name]}
    assert len(changed) == 1, "only the frontend is recreated, and once"
    runs = [run for run in site.open.run("history", "--format", "json").data["runs"] if run["operation"] == "rightsize"]
    assert [run["status"] for run in runs] == ["done"]
    again = site.open.run("run-due", "--format", "json")
    assert (again.code, again.data) == (0, [])


def carried_out(site: Site, at_the_gate: Callable[[Context], None], clock: Callable[[], datetime]) -> Run:
    """Apply a plan of two steps, the second of which disturbs; ``at_the_gate`` happens at the end of the first."""
    done: list[str] = []

    def hear(event: TaskEvent) -> None:
        if event.kind == "task_done" and event.task == GATE and not done:
            done.append(event.host)
            at_the_gate(context)

    with site.context(clock, hear) as context:
        request = RightsizeRequest(service="frontend", memory=ASKED, settle=True)
        plan = plan_operation(context, operation_named("rightsize"), request)
        assert [step.disrupts for step in plan.steps] == [False, True]
        return apply(context, plan)


def test_a_window_that_closes_in_mid_run_leaves_everything_as_it_was(site: Site) -> None:
    before, late = started(site.lab), timedelta(0)

    def close(_: Context) -> None:
        nonlocal late
        late = timedelta(minutes=28)

    run = carried_out(site, close, lambda: datetime.now(UTC) + late)
    assert (run.status, run.exit_code) == (RunStatus.ROLLED_BACK, 4), run
    assert "There was no time left for: Recreate frontend on app1" in run.message
    assert site.frontend() == DEPLOYED["frontend"][0] * MIB
    assert started(site.lab) == before
    status = site.open.run("status", "--format", "json").data["hosts"][0]
    assert (status["lock"], status["interrupted"]) == (None, [])


def test_something_urgent_stops_a_run_between_two_steps_and_it_is_resumed_afterwards(site: Site) -> None:
    def ask(_: Context) -> None:
        asked = by_hand(site.open.inventory, "selextract.infra.preempt", "-e", "selextract_reason=P1")
        assert asked.code == 0, asked.words

    run = carried_out(site, ask, lambda: datetime.now(UTC))
    assert (run.status, run.exit_code) == (RunStatus.WAITING, 11), run
    assert site.frontend() == ASKED, "what is verified stays"
    status = site.open.run("status", "--format", "json").data["hosts"][0]
    assert status["lock"] is None
    assert status["interrupted"] == [run.id]
    assert status["preempt"]["reason"] == "P1"

    kept_off = site.open.run("resume", run.id)
    assert kept_off.code == 11, kept_off.words
    let_go = by_hand(site.open.inventory, "selextract.infra.preempt", "-e", "selextract_asked=false")
    assert let_go.code == 0, let_go.words
    with Context(site.closed.inventory, state=site.closed.state) as context, pytest.raises(OutsideWindowError):
        resume(context, run.id)
    resumed = site.open.run("resume", run.id)
    assert resumed.code == 0, resumed.words
    assert site.frontend() == ASKED
