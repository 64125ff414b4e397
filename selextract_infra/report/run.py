"""Runs: one with every step, or many in a list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from selextract_infra.model.figures import duration
from selextract_infra.model.run import Run, StepResult, StepStatus
from selextract_infra.report.table import Block, Cell, Line, Table, Tone, number, prose, table, tone_of

__all__ = ["run_blocks", "runs_table"]


def run_blocks(run: Run) -> Iterator[Block]:
    """One Run: what became of each step on each host, and how it ended."""
    if run.results:
        yield table(("host", "step", "result", number("took"), prose("what it says")), map(_result, run.results))
    ending = f" after {duration((run.ended_at - run.started_at).total_seconds())}" if run.ended_at else ""
    yield Line(f"{run.operation} {run.id}: {run.status}{ending}.", tone_of(run.status), note=run.message)
    if run.overrides:
        yield Line(f"Overridden: {', '.join(run.overrides)}.")
    if run.unattended:
        yield Line("Unattended: a host that nobody asked any more went on with its steps.", Tone.QUIET)


def runs_table(runs: Sequence[Run]) -> Table:
    """Runs as they are given: when, what, how they ended, by whom."""
    return table(
        ("started", "run", "operation", "status", prose("what it says")),
        (
            (
                f"{run.started_at:%Y-%m-%d %H:%M}",
                run.id,
                run.operation,
                Cell.state(run.status),
                run.message or f"on {', '.join(run.hosts)} by {run.owner}",
            )
            for run in runs
        ),
    )


def _result(result: StepResult) -> tuple[str | Cell, ...]:
    took = ""
    if result.started_at is not None and result.ended_at is not None:
        took = duration((result.ended_at - result.started_at).total_seconds())
    unchanged = ", unchanged" if result.status is StepStatus.VERIFIED and not result.changed else ""
    return result.host, result.step, Cell(f"{result.status}{unchanged}", tone_of(result.status)), took, result.message
