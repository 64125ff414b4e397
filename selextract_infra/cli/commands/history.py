"""``history``: what the journal holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from selextract_infra.cli.frame.options import FormatOption, StateOption
from selextract_infra.cli.frame.output import Format, emit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selextract_infra.flow.journal.journal import Journal
    from selextract_infra.model.plan import Plan
    from selextract_infra.model.run import Run
    from selextract_infra.report.table import Block

__all__ = ["register"]

_CLOSE = "close"


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def history(
        run: Annotated[
            str | None, typer.Argument(metavar="[RUN]", help="Show this run with every step; or the word `close`.")
        ] = None,
        closed: Annotated[
            str | None, typer.Argument(metavar="[RUN]", help="After `close`: the run that somebody has dealt with.")
        ] = None,
        reason: Annotated[str | None, typer.Option("--reason", help="With `close`: what was done about it.")] = None,
        last: Annotated[int, typer.Option("--last", min=1, help="How many of each.")] = 10,
        state: StateOption = None,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Runs, observations and events of this control machine, newest first; or one run with its plan.

        `history close RUN --reason TEXT`: `status` lists a run that was not put back as it was before, until somebody
        has dealt with it.
        """
        from selextract_infra.errors import UsageError
        from selextract_infra.flow.journal.journal import Journal

        with Journal(state) as journal:
            if closed is not None or run == _CLOSE:
                emit(_closed(journal, run, closed, reason), _says_closed(), form)
                return
            if run is None:
                runs, events = journal.runs(last), journal.events(last)
                observations = journal.observations(last)
                data = {
                    "runs": [item.model_dump(mode="json") for item in runs],
                    "events": events,
                    "observations": observations,
                }
                emit(data, _journal(runs, events, observations), form)
                return
            recorded = journal.run(run)
            if recorded is None:
                raise UsageError(
                    f"The journal {journal.path} holds no single run {run}.", remedy="selextract-infra history"
                )
            plan = journal.plan(recorded.plan_digest)
        whole = {"run": recorded.model_dump(mode="json"), "plan": plan.model_dump(mode="json") if plan else None}
        emit(whole, _run(recorded, plan), form)


def _closed(journal: Journal, word: str | None, run: str | None, reason: str | None) -> dict[str, str]:
    """Record that a Run was dealt with; it may be one that another control machine began."""
    from datetime import UTC, datetime

    from selextract_infra.errors import UsageError

    if word != _CLOSE or run is None or not reason:
        raise UsageError("A run is closed with a reason.", remedy="selextract-infra history close RUN --reason TEXT")
    known = journal.run(run)
    run_id = known.id if known is not None else run
    journal.close_run(datetime.now(UTC), run_id, reason)
    return {"run": run_id, "reason": reason}


def _says_closed() -> Iterator[Block]:
    from selextract_infra.report.table import Line

    yield Line("Closed.")


def _run(run: Run, plan: Plan | None) -> Iterator[Block]:
    from selextract_infra.report.plan import plan_blocks
    from selextract_infra.report.run import run_blocks

    if plan is not None:
        yield from plan_blocks(plan)
    yield from run_blocks(run)


def _journal(runs: list[Run], events: list[dict[str, str]], observations: list[dict[str, str]]) -> Iterator[Block]:
    from selextract_infra.report.run import runs_table
    from selextract_infra.report.table import Line, prose, table

    if not (runs or events or observations):
        yield Line("The journal is empty.")
    if runs:
        yield runs_table(runs)
    if events:
        yield table(
            ("at", "event", prose("what happened")),
            ((event["at"][:19], event["kind"], event["sentence"]) for event in events),
        )
    if observations:
        yield table(
            ("at", prose("observed")), ((observation["at"][:19], observation["hosts"]) for observation in observations)
        )
