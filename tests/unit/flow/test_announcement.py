"""People hear that an upgrade begins and how it ended; whoever cannot be told stops nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from selextract_infra.flow import executor
from selextract_infra.flow.announcement import announce_end
from selextract_infra.flow.context import Context
from selextract_infra.flow.executor import RunExecutor
from selextract_infra.flow.machine.messages import UndoSteps
from selextract_infra.flow.machine.state import carrying_out
from selextract_infra.hosts.step_results import Execution, Segment
from selextract_infra.model.plan import Plan, Step
from selextract_infra.model.run import Run, RunStatus, StepResult, StepStatus
from selextract_infra.model.upgrade import PHASES, Abilities, Mode
from selextract_infra.operations.upgrade import hardware
from tests.unit.operations.upgrade.planned import upgrade_of_host
from tests.unit.seen import AT, container, host
from tests.unit.waiting import until

pytestmark = pytest.mark.usefixtures("notifying")

ROBOT = Abilities(name="docker", modes=dict.fromkeys(PHASES, (Mode.LIVE, Mode.REBOOT)))


@pytest.fixture
def told() -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """The port of a web server on this machine, and what it is sent."""
    heard: list[dict[str, Any]] = []

    class Desk(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Desk) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], heard
        server.shutdown()


@pytest.fixture(autouse=True)
def hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosts on which the first two steps succeed; in the third the program is stopped."""

    def execute(_hands: Any, _run: Run, _plan: Plan, step: Step, names: tuple[str, ...], **_: Any) -> Execution:
        if step.id not in ("preflight", "freeze"):
            raise KeyboardInterrupt
        return Execution(tuple(StepResult(step=step.id, host=name, status=StepStatus.VERIFIED) for name in names))

    def execute_segment(_hands: Any, run: Run, plan: Plan, segment: Segment) -> Execution:
        """The host ends each step that succeeds; the next request is stopped."""
        steps = [step for step in segment.steps if step.id in ("preflight", "freeze")] or segment.steps[:1]
        return Execution(sum((execute(None, run, plan, step, segment.hosts).results for step in steps), ()))

    monkeypatch.setattr(executor, "execute", execute)
    monkeypatch.setattr(executor, "execute_segment", execute_segment)
    monkeypatch.setattr(hardware, "execute", execute)


def context_with(tmp_path: Path, port: int, **more: Any) -> Context:
    channels = {"webhook": f"json://127.0.0.1:{port}"}
    rules = {"emergency": {"notifications": {"channels": channels}}, "schedule": {"patience": "2s"}}
    inventory = tmp_path / "hosts.yml"
    group = {"hosts": {"app1": {"ansible_host": "192.0.2.7"}}, "vars": {"selextract_policy": rules}}
    inventory.write_text(json.dumps({"all": group}))
    return Context(inventory, state=tmp_path / "state", clock=lambda: AT, **more)


def upgrade_in(context: Context, mode: Mode = Mode.LIVE) -> tuple[Plan, Run]:
    there = host([container("api", health="healthy")])
    plan = upgrade_of_host(there, "memory", context.policy, provider=ROBOT, mode=mode)
    run = Run(
        id="r1", operation="upgrade", plan_digest=plan.digest, policy_digest=plan.policy_digest, owner="me@here",
        purpose="upgrade app1", hosts=("app1",), started_at=AT,
    )  # fmt: skip
    return plan, run


def begun(context: Context, plan: Plan, run: Run) -> tuple[StepResult, ...]:
    """Preflight and freeze, as they end."""
    with pytest.raises(KeyboardInterrupt):
        executor.RunExecutor(context).run(carrying_out(plan, run))
    recorded = context.journal.run(run.id)
    assert recorded is not None
    return recorded.results


def test_people_hear_that_it_begins_once_it_can_work_and_how_it_ended(
    tmp_path: Path, told: tuple[int, list[dict[str, Any]]]
) -> None:
    port, heard = told
    with context_with(tmp_path, port) as context:
        plan, run = upgrade_in(context)
        run = run.model_copy(update={"results": begun(context, plan, run)})
        assert [message["title"] for message in heard] == ["P3 Upgrade of app1 begins"]
        assert "the application stays up" in heard[0]["message"]
        ended = announce_end(context, run.model_copy(update={"status": RunStatus.ROLLED_BACK, "message": "No."}), plan)
        assert ended.message == "No."
        assert heard[1]["title"] == "P3 Upgrade of app1: rolled back"


def test_the_downtime_is_told_as_it_was(tmp_path: Path, told: tuple[int, list[dict[str, Any]]]) -> None:
    port, heard = told
    times = {"freeze": (0, 1), "drain": (1, 20), "stop": (20, 25), "hardware": (25, 60), "start": (60, 73)}
    results = tuple(
        StepResult(
            step=name, host="app1", status=StepStatus.VERIFIED,
            started_at=AT + timedelta(seconds=begin), ended_at=AT + timedelta(seconds=end),
        )
        for name, (begin, end) in times.items()
    )  # fmt: skip
    with context_with(tmp_path, port) as context:
        plan, run = upgrade_in(context, Mode.REBOOT)
        done = {"results": results, "status": RunStatus.DONE, "message": "Done on app1."}
        ended = announce_end(context, run.model_copy(update=done), plan)
        assert ended.message == "Done on app1. The application was down for 72 s."
        assert ended.message in heard[0]["message"]


def test_whoever_cannot_be_told_stops_nothing(tmp_path: Path, told: tuple[int, list[dict[str, Any]]]) -> None:
    with context_with(tmp_path, 1) as context:
        plan, run = upgrade_in(context)
        assert [result.status for result in begun(context, plan, run)] == [StepStatus.VERIFIED] * 2
        events = [event["kind"] for event in context.journal.events(10)]
        assert {"announcement", "notified", "not notified"} <= set(events)


def test_messages_that_are_only_printed_are_not_sent(tmp_path: Path, told: tuple[int, list[dict[str, Any]]]) -> None:
    said: list[str] = []
    port, heard = told
    with context_with(tmp_path, port, on_message=said.append) as context:
        begun(context, *upgrade_in(context))
    assert heard == []
    assert any("Upgrade of app1 begins" in line for line in said)


def test_what_was_not_announced_ends_in_silence(tmp_path: Path, told: tuple[int, list[dict[str, Any]]]) -> None:
    port, heard = told
    with context_with(tmp_path, port) as context:
        plan, run = upgrade_in(context)
        assert announce_end(context, run, plan) is run
    assert heard == []


@pytest.mark.parametrize("unattended", [True, False])
def test_what_nobody_watches_is_told_before_it_is_put_back(
    tmp_path: Path, told: tuple[int, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch, unattended: bool
) -> None:
    port, heard = told
    at_undo: list[int] = []

    def put_back(*_: Any, **__: Any) -> Execution:
        if unattended:
            until(lambda: heard)
        at_undo.append(len(heard))
        return Execution(())

    monkeypatch.setattr(executor, "put_back", put_back)
    with context_with(tmp_path, port, unattended=unattended) as context:
        plan = Plan(
            operation="scale",
            made_at=AT,
            made_by="",
            policy_digest="",
            observation_digest="",
            hosts=("app1",),
            steps=(),
        )
        run = Run(
            id="r1", operation="scale", plan_digest="", policy_digest="", owner="me", purpose="", hosts=("app1",),
            started_at=AT, status=RunStatus.RUNNING,
        )  # fmt: skip
        state = carrying_out(plan, run)
        RunExecutor(context)._answer(state, UndoSteps(steps=(), hosts=("app1",)))
    assert at_undo == [1 if unattended else 0]
    assert [said["title"] for said in heard] == ["P2 scale on app1 is put back"] * unattended
