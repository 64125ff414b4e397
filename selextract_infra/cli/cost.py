"""``cost``: what the hardware costs and will cost."""

from __future__ import annotations

import typer

from selextract_infra.cli.options import FailOnOption, FormatOption, PolicyOption
from selextract_infra.cli.output import Format, emit
from selextract_infra.cli.planning import HostOption, PlainInventoryOption

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def cost(
        host: HostOption = None,
        inventory: PlainInventoryOption = None,
        policy: PolicyOption = None,
        fail_on: FailOnOption = None,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """The cost table recomputed, phases as quoted and by unit price, commitments, savings claimed and realised."""
        from selextract_infra.assess.cost import cost_report
        from selextract_infra.cli.planning import gate_findings, hardware_of, policy_of
        from selextract_infra.report.planning_tables import print_cost

        rules = policy_of(inventory, policy)
        report = cost_report(rules, host=hardware_of(host, rules))
        emit(report, lambda screen: print_cost(screen, report), form)
        gate_findings(report.findings, fail_on)
