"""``roadmap``: the program's phases and milestones with dates."""

from __future__ import annotations

from typing import Annotated

import typer

from selextract_infra.cli.frame.options import FailOnOption, FormatOption, PolicyOption
from selextract_infra.cli.frame.output import Format, emit
from selextract_infra.cli.frame.planning import AllOption, DoneOption, PlainInventoryOption, StartOption, TodayOption

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def roadmap(
        name: Annotated[
            str | None, typer.Argument(help="Only this phase or milestone, by its qualified name: VP2, RP1-M5.")
        ] = None,
        start: StartOption = None,
        today: TodayOption = None,
        done: DoneOption = None,
        everything: AllOption = False,
        inventory: PlainInventoryOption = None,
        policy: PolicyOption = None,
        fail_on: FailOnOption = None,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """What is done, due and overdue, with the command for it, and what conflicts."""
        from selextract_infra.cli.frame.planning import day_of, gate_findings, policy_of, today_of
        from selextract_infra.planning.phase_names import resolve
        from selextract_infra.planning.roadmap import only, roadmap_on
        from selextract_infra.report.planning import roadmap_blocks

        rules = policy_of(inventory, policy)
        now = today_of(today, rules)
        first = now if start is None else day_of(start, "--start")
        report = roadmap_on(rules, first, now, done=[resolve(milestone, rules) for milestone in done or ()])
        if name is not None:
            report = only(report, resolve(name, rules))
        shown = everything or name is not None
        emit(report, roadmap_blocks(report, everything=shown), form)
        gate_findings(report.findings, fail_on)
