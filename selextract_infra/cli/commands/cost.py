"""``cost``: what the hardware costs and will cost, and what a plan changes about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from selextract_infra.cli.frame.options import FormatOption, with_options
from selextract_infra.cli.frame.output import Format, emit
from selextract_infra.cli.frame.planning import HostOption, PolicyOptions

if TYPE_CHECKING:
    from selextract_infra.model.plan import CostChange
    from selextract_infra.model.planning import ExhaustionChange
    from selextract_infra.planning.effects import Growing
    from selextract_infra.policy import Policy

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    @with_options
    def cost(
        *,
        host: HostOption = None,
        after: Annotated[
            str | None,
            typer.Option("--after", metavar="SIZE", help="The change to this hardware, as in 16c/64GB/2TB/1Gbps."),
        ] = None,
        plan: Annotated[Path | None, typer.Option("--plan", help="The change by this saved plan.")] = None,
        growing: Annotated[
            list[str] | None,
            typer.Option(
                "--growing",
                metavar="NAME=USED+WEEKLY",
                help="When it is used up, before and after: storage=700GB+20GB; of a service's limit "
                "'app1/api memory=900MB+50MB'. Repeatable.",
            ),
        ] = None,
        options: PolicyOptions,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """The cost table recomputed, phases as quoted and by unit price, commitments, savings claimed and realised."""
        from selextract_infra.cli.frame.planning import gate_findings, hardware_of, require_stated
        from selextract_infra.defects.run import with_findings
        from selextract_infra.errors import UsageError
        from selextract_infra.planning.cost import cost_report
        from selextract_infra.planning.effects import read_growing
        from selextract_infra.report.planning import cost_blocks, effect_blocks

        rules = options.load()
        # One change is priced by the unit prices alone; the table over time is the guide's plan for its own host.
        whole = after is None and plan is None
        require_stated(rules, "The bill", "cost.prices", *(("cost.table",) if whole else ()))
        rates = [read_growing(text) for text in growing or ()]
        if after is not None and plan is not None:
            raise UsageError("One change is priced at a time.", remedy="leave --after or --plan")
        if rates and after is None and plan is None:
            raise UsageError("--growing compares before and after.", remedy="add --after SIZE or --plan FILE")
        if after is None and plan is None:
            report = with_findings(cost_report(rules, host=hardware_of(host, rules)), rules)
            emit(report, cost_blocks(report), form)
            gate_findings(report.findings, options.fail_on)
            return
        change, exhaustion = _by_plan(plan, rules, rates) if plan is not None else _by_size(host, after, rules, rates)
        data = {
            "cost": change.model_dump(mode="json"),
            "exhaustion": [effect.model_dump(mode="json") for effect in exhaustion],
        }
        emit(data, effect_blocks(change, exhaustion), form)


def _by_size(
    host: str | None, after: str | None, policy: Policy, growing: list[Growing]
) -> tuple[CostChange, tuple[ExhaustionChange, ...]]:
    from selextract_infra.cli.frame.planning import hardware_of
    from selextract_infra.planning.effects import host_changes, upgrade_cost

    present, wanted = hardware_of(host, policy), hardware_of(after, policy)
    return upgrade_cost(present, wanted, policy), host_changes(present, wanted, growing)


def _by_plan(file: Path, policy: Policy, growing: list[Growing]) -> tuple[CostChange, tuple[ExhaustionChange, ...]]:
    from selextract_infra.flow.saved import load_plan
    from selextract_infra.planning.effects import plan_changes

    plan = load_plan(file, policy)
    return plan.cost, plan_changes(plan.decisions, growing)
