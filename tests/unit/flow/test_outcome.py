"""How a Run ends follows from the last result of each host; over several hosts the worst wins."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from selextract_infra.flow.outcome import concluded
from selextract_infra.model.run import Run, RunStatus, StepResult, StepStatus

NOW = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)


def _run(*results: tuple[str, str, StepStatus]) -> Run:
    return Run(
        id="20260301T020000-abc123",
        operation="rightsize",
        plan_digest="p",
        policy_digest="q",
        owner="ops@here (process 1)",
        purpose="test",
        hosts=("app1", "db2"),
        started_at=NOW,
        results=tuple(
            StepResult(step=step, host=host, status=status, message="" if status is StepStatus.VERIFIED else "No room.")
            for host, step, status in results
        ),
    )


@pytest.mark.parametrize(
    ("statuses", "code", "ended"),
    [
        ([StepStatus.VERIFIED, StepStatus.VERIFIED], 0, RunStatus.DONE),
        ([StepStatus.VERIFIED, StepStatus.UNREACHABLE], 8, RunStatus.PARTLY_DONE),
        ([StepStatus.UNREACHABLE, StepStatus.UNREACHABLE], 8, RunStatus.INTERRUPTED),
        ([StepStatus.VERIFIED, StepStatus.ROLLED_BACK], 6, RunStatus.PARTLY_DONE),
        ([StepStatus.ROLLED_BACK, StepStatus.ROLLED_BACK], 6, RunStatus.ROLLED_BACK),
        ([StepStatus.UNREACHABLE, StepStatus.ROLLED_BACK], 6, RunStatus.INTERRUPTED),
        ([StepStatus.ROLLED_BACK, StepStatus.ROLLBACK_FAILED], 7, RunStatus.ROLLBACK_FAILED),
        ([StepStatus.UNREACHABLE, StepStatus.ROLLBACK_FAILED], 7, RunStatus.ROLLBACK_FAILED),
        ([StepStatus.NOT_BEGUN, StepStatus.NOT_BEGUN], 8, RunStatus.REFUSED),
        ([StepStatus.VERIFIED, StepStatus.NOT_BEGUN], 8, RunStatus.PARTLY_DONE),
        ([StepStatus.VERIFIED, StepStatus.CANCELLED], 130, RunStatus.CANCELLED),
    ],
)
def test_the_worst_host_gives_the_exit_code(statuses: list[StepStatus], code: int, ended: RunStatus) -> None:
    run = concluded(_run(("app1", "one", statuses[0]), ("db2", "one", statuses[1])), NOW)
    assert (run.exit_code, run.status) == (code, ended)


def test_a_host_that_failed_and_was_put_back_counts_as_put_back() -> None:
    run = concluded(_run(("app1", "one", StepStatus.FAILED), ("app1", "rollback", StepStatus.ROLLED_BACK)), NOW)
    assert run.exit_code == 6
    assert run.message == "Failed and put back: app1: No room."


def test_the_sentence_names_every_host_that_is_missing() -> None:
    run = concluded(_run(("app1", "observe", StepStatus.UNREACHABLE), ("db2", "one", StepStatus.VERIFIED)), NOW)
    assert run.message == "Not worked on: app1: No room."


def test_a_cancelled_run_says_that_it_is_unfinished() -> None:
    run = concluded(_run(("app1", "one", StepStatus.CANCELLED)), NOW)
    assert run.message == "Cancelled; the work on app1 was stopped and run 20260301T020000-abc123 is unfinished."


def test_every_status_of_a_step_has_a_code() -> None:
    for status in StepStatus:
        assert concluded(_run(("app1", "one", status)), NOW).exit_code is not None


def test_what_is_not_proved_is_said_of_a_run_that_is_done() -> None:
    run = _run(("app1", "one", StepStatus.VERIFIED), ("db2", "one", StepStatus.VERIFIED))
    silent = run.results[0].model_copy(update={"message": "Not proved that it serves: jobs has no health check."})
    ended = concluded(run.model_copy(update={"results": (silent, run.results[1])}), NOW)
    assert ended.message == "Done on app1, db2. app1: Not proved that it serves: jobs has no health check."


def test_what_is_not_proved_of_one_step_is_not_the_reason_why_another_failed() -> None:
    run = _run(("app1", "one", StepStatus.VERIFIED), ("app1", "two", StepStatus.ROLLED_BACK))
    silent = run.results[0].model_copy(update={"message": "Not proved that it serves: jobs has no health check."})
    ended = concluded(run.model_copy(update={"results": (silent, run.results[1])}), NOW)
    assert ended.message == "Failed and put back: app1: No room."


def test_what_is_not_as_before_is_said_beside_the_reason() -> None:
    run = _run(("app1", "one", StepStatus.FAILED), ("app1", "rollback", StepStatus.ROLLBACK_FAILED))
    last = run.results[-1].model_copy(update={"message": "Put back, except: api-1 is gone."})
    ended = concluded(run.model_copy(update={"results": (run.results[0], last)}), NOW)
    assert ended.exit_code == 7
    assert ended.message.endswith("app1: No room. app1: Put back, except: api-1 is gone.")


def test_a_host_that_went_away_in_the_middle_is_said_to_go_on_by_itself() -> None:
    run = concluded(_run(("app1", "one", StepStatus.UNREACHABLE)), NOW)
    assert "What was begun on app1 goes on there to the next safe point" in run.message
    assert f"resume {run.id}, or rollback {run.id}" in run.message
