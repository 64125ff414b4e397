"""``history``: what the journal holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from selextract_infra.cli.options import FormatOption, StateOption
from selextract_infra.cli.output import Format, emit

if TYPE_CHECKING:
    from rich.console import Console

    from selextract_infra.model.run import Run
    from selextract_infra.record.journal import Journal

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
        from selextract_infra.record.journal import Journal
        from selextract_infra.report.terminal import print_plan, print_run

        with Journal(state) as journal:
            if closed is not None or run == _CLOSE:
                emit(_closed(journal, run, closed, reason), lambda screen: screen.print("Closed."), form)
                return
            if run is None:
                runs, events = journal.runs(last), journal.events(last)
                observations = journal.observations(last)
                data = {
                    "runs": [one.model_dump(mode="json") for one in runs],
                    "events": events,
                    "observations": observations,
                }
                emit(data, lambda screen: _screen(screen, runs, events, observations), form)
                return
            found = journal.run(run)
            if found is None:
                raise UsageError(
                    f"The journal {journal.path} holds no single run {run}.", remedy="selextract-infra history"
                )
            plan = journal.plan(found.plan_digest)
        whole = {"run": found.model_dump(mode="json"), "plan": plan.model_dump(mode="json") if plan else None}

        def screen_run(screen: Console) -> None:
            if plan is not None:
                print_plan(screen, plan)
            print_run(screen, found)

        emit(whole, screen_run, form)


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


def _screen(screen: Console, runs: list[Run], events: list[dict[str, str]], observations: list[dict[str, str]]) -> None:
    from selextract_infra.model.text import displayable
    from selextract_infra.report.terminal import print_runs

    if not (runs or events or observations):
        screen.print("The journal is empty.")
    if runs:
        print_runs(screen, runs)
    for title, lines in (
        ("Events", [f"{event['at'][:19]}  {event['kind']:<10} {event['sentence']}" for event in events]),
        ("Observations", [f"{seen['at'][:19]}  {seen['hosts']}" for seen in observations]),
    ):
        if lines:
            screen.print(title, style="bold")
            for line in lines:
                screen.print(f"  {displayable(line)}", soft_wrap=True)
