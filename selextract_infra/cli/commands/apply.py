"""``apply``: exactly the saved plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from selextract_infra.cli.frame.options import (
    DigestOption,
    FleetOptions,
    FormatOption,
    NowOption,
    PlanOptions,
    YesOption,
    with_options,
)
from selextract_infra.cli.frame.output import Format, emit
from selextract_infra.report.table import Line

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context
    from selextract_infra.model.plan import Plan

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    @with_options
    def apply(
        *,
        plan_file: Annotated[Path, typer.Argument(metavar="PLAN", help="A plan saved with --out.")],
        hosts: FleetOptions,
        yes: YesOption = False,
        now: NowOption = None,
        digest: DigestOption = None,
        approval: Annotated[
            list[Path] | None,
            typer.Option("--approval", metavar="FILE", help="A person's signature of the plan's digest. Repeatable."),
        ] = None,
        at_window: Annotated[
            str | None,
            typer.Option("--at-window", metavar="WINDOW", help="Do not apply it now: queue it for this window."),
        ] = None,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Carry a saved plan out, now or in a window; refused when the policy or the hosts changed since."""
        from selextract_infra.cli.frame.apply_plan import offer
        from selextract_infra.flow.saved import load_plan, refuse_other_digest
        from selextract_infra.hosts.signatures import read_signature

        signatures = tuple(read_signature(file) for file in approval or ())
        with hosts.context() as context:
            plan = load_plan(plan_file, context.policy)
            if digest is not None:
                refuse_other_digest(plan, digest)
            if at_window is not None:
                _queue(context, plan, at_window, signatures, form)
                return
            offer(context, plan, PlanOptions(apply=True, yes=yes, now=now), form, signatures)


def _queue(context: Context, plan: Plan, window: str, signatures: tuple[str, ...], form: Format) -> None:
    from selextract_infra.flow.schedule import queue_plan

    entry = queue_plan(context, plan, window, signatures)
    sentence = (
        f"Queued as {entry.id} for {entry.opening}; run-due carries it out: selextract-infra schedule show. It runs"
        " unattended: a host that loses this machine meanwhile completes its steps."
    )
    emit(entry, [Line(sentence)], form)
