"""``growth``: a scenario against the host and the plans."""

from __future__ import annotations

from typing import Annotated

import typer

from selextract_infra.cli.frame.options import FormatOption, with_options
from selextract_infra.cli.frame.output import Format, emit
from selextract_infra.cli.frame.planning import HostOption, PolicyOptions, TodayOption

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    @with_options
    def growth(
        *,
        scenario: Annotated[
            str, typer.Option("--scenario", help="conservative, moderate, aggressive, or one of the policy.")
        ] = "moderate",
        month: Annotated[int, typer.Option("--month", help="After so many months.")] = 12,
        host: HostOption = None,
        today: TodayOption = None,
        options: PolicyOptions,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Demand, what it needs, the phases that close the gap, what they cost, and the seasons ahead."""
        from selextract_infra.cli.frame.planning import gate_findings, hardware_of, require_stated, today_of
        from selextract_infra.defects.run import with_findings
        from selextract_infra.planning.growth import grow
        from selextract_infra.planning.season import season_demands
        from selextract_infra.report.planning import growth_blocks

        rules = options.load()
        require_stated(rules, "How far the load grows", "kpis", "growth.scenarios")
        hardware = hardware_of(host, rules)
        report = grow(rules, scenario, host=hardware, month=month)
        seasons = season_demands(rules, today_of(today, rules), host=hardware)
        report = with_findings(report.model_copy(update={"seasons": seasons}), rules)
        emit(report, growth_blocks(report), form)
        gate_findings(report.findings, options.fail_on)
