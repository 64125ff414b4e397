"""Runs on a terminal: one with every step, or many in a list."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from selextract_infra.model.figures import duration
from selextract_infra.model.run import Run, RunStatus, StepResult, StepStatus
from selextract_infra.report.texts import new_table, plain

__all__ = ["STEP_STYLES", "print_run", "print_runs"]

STEP_STYLES = {
    StepStatus.PENDING: "dim",
    StepStatus.RUNNING: "cyan",
    StepStatus.VERIFIED: "green",
    StepStatus.FAILED: "red",
    StepStatus.ROLLED_BACK: "yellow",
    StepStatus.ROLLBACK_FAILED: "bold red",
    StepStatus.NOT_BEGUN: "red",
    StepStatus.UNREACHABLE: "red",
    StepStatus.CANCELLED: "yellow",
    StepStatus.SKIPPED: "dim",
}
_RUN_STYLES = {
    RunStatus.DONE: "green",
    RunStatus.RUNNING: "cyan",
    RunStatus.WAITING: "cyan",
    RunStatus.ROLLBACK_FAILED: "bold red",
}
_WORRYING = "yellow"


def print_run(screen: Console, run: Run) -> None:
    """One Run: what became of each step on each host, and how it ended."""
    screen.print()
    if run.results:
        table = new_table("host", "step")
        table.add_column("result", no_wrap=True)
        table.add_column("took", justify="right", no_wrap=True)
        table.add_column("what it says", ratio=1, overflow="fold")
        for result in run.results:
            table.add_row(
                plain(result.host),
                plain(result.step),
                plain(_words(result), STEP_STYLES[result.status]),
                plain(_took(result)),
                plain(result.message),
            )
        screen.print(table)
    ending = f" after {duration((run.ended_at - run.started_at).total_seconds())}" if run.ended_at else ""
    screen.print(plain(f"{run.operation} {run.id}: {run.status}{ending}.", f"bold {_style(run)}"), plain(run.message))
    if run.overrides:
        screen.print(plain(f"Overridden: {', '.join(run.overrides)}."))


def print_runs(screen: Console, runs: Sequence[Run]) -> None:
    """Runs as they are given: when, what, how they ended, by whom."""
    table = new_table("started", "run", "operation", "status")
    table.add_column("what it says", ratio=1, overflow="fold")
    for run in runs:
        table.add_row(
            plain(f"{run.started_at:%Y-%m-%d %H:%M}"),
            plain(run.id),
            plain(run.operation),
            plain(run.status, _style(run)),
            plain(run.message or f"on {', '.join(run.hosts)} by {run.owner}"),
        )
    screen.print(table)


def _style(run: Run) -> str:
    return _RUN_STYLES.get(run.status, _WORRYING)


def _words(result: StepResult) -> str:
    return (
        f"{result.status}, unchanged" if result.status is StepStatus.VERIFIED and not result.changed else result.status
    )


def _took(result: StepResult) -> str:
    if result.started_at is None or result.ended_at is None:
        return ""
    return duration((result.ended_at - result.started_at).total_seconds())
