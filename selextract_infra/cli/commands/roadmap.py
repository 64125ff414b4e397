"""``roadmap``: the program's phases and milestones with dates."""

from __future__ import annotations

from typing import Annotated

import typer

from selextract_infra.cli.frame.options import FormatOption, with_options
from selextract_infra.cli.frame.output import Format, emit
from selextract_infra.cli.frame.planning import AllOption, PolicyOptions, ProgramOptions

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    @with_options
    def roadmap(
        *,
        name: Annotated[
            str | None, typer.Argument(help="Only this phase or milestone, by its qualified name: VP2, RP1-M5.")
        ] = None,
        program: ProgramOptions,
        everything: AllOption = False,
        options: PolicyOptions,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """What is done, due and overdue, with the command for it, and what conflicts."""
        from selextract_infra.cli.frame.planning import day_of, gate_findings, require_stated, today_of
        from selextract_infra.defects.run import with_findings
        from selextract_infra.planning.phase_names import resolve
        from selextract_infra.planning.roadmap import only, roadmap_on
        from selextract_infra.report.planning import roadmap_blocks

        rules = options.load()
        require_stated(rules, "The program", "roadmap")
        now = today_of(program.today, rules)
        first = now if program.start is None else day_of(program.start, "--start")
        done = [resolve(milestone, rules) for milestone in program.done or ()]
        report = with_findings(roadmap_on(rules, first, now, done=done), rules)
        if name is not None:
            report = only(report, resolve(name, rules))
        shown = everything or name is not None
        emit(report, roadmap_blocks(report, everything=shown), form)
        gate_findings(report.findings, options.fail_on)
