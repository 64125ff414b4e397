"""What every operation's command does with its Plan: show it, save it, and on demand carry it out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from selextract_infra.cli.frame.output import Format, console, emit, say, write_file
from selextract_infra.cli.frame.planning import gate_findings

if TYPE_CHECKING:
    from selextract_infra.cli.frame.options import PlanOptions
    from selextract_infra.flow.context import Context
    from selextract_infra.model.plan import Plan
    from selextract_infra.model.run import Run

__all__ = ["conclude", "confirm", "follow", "offer", "take_over_reason", "take_up"]


def offer(context: Context, plan: Plan, options: PlanOptions, form: Format, signatures: tuple[str, ...] = ()) -> None:
    """Show the Plan; save it; gate it; apply it after a confirmation. The exit code is the Run's.

    ``signatures`` are those of the people who approved it.
    """
    from selextract_infra.flow.apply import apply as carry_out
    from selextract_infra.flow.approvals import refuse_unapproved_plan
    from selextract_infra.flow.reachability import refuse_missing
    from selextract_infra.model.figures import count
    from selextract_infra.report.plan import plan_blocks

    data = {**plan.model_dump(mode="json"), "digest": plan.digest}
    run_answers = options.apply and form is Format.JSON  # standard output holds one JSON answer, and that is the Run's
    if not run_answers:
        emit(data, plan_blocks(plan), form)
    if options.out is not None:
        save(plan, options.out)
    gate_findings(plan.findings, options.fail_on)
    if plan.empty and run_answers:
        emit(data, plan_blocks(plan), form)
    if plan.empty or not options.apply:
        refuse_missing(plan.missing)
        return
    refuse_unapproved_plan(context, plan, signatures)  # before anybody is asked; whoever carries it out looks again
    changes = count(sum(len(step.changes) for step in plan.steps), "change")
    confirm(f"Apply {changes}?", yes=options.yes)
    conclude(
        follow(context, lambda: carry_out(context, plan, now_reason=options.now, signatures=signatures), plan), form
    )


def save(plan: Plan, out: Path) -> None:
    """Write the Plan to a file that only its owner reads."""
    write_file(out, plan.model_dump_json(indent=2) + "\n", "The plan")
    say(f"Saved to {out}; carry it out with: selextract-infra apply {out} --digest {plan.digest}")


def confirm(question: str, *, yes: bool) -> None:
    """Ask the operator; without a terminal only ``--yes`` goes on. Raises CancelledError where the answer is no."""
    from selextract_infra.cli.frame.cancellation import interruptible
    from selextract_infra.errors import CancelledError, UsageError

    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"There is nobody to answer: {question}", remedy="add --yes")
    try:
        with interruptible():
            agreed = typer.confirm(question, err=True)
    except typer.Abort:  # Ctrl-C, or the end of the input
        agreed = False
    if not agreed:
        raise CancelledError("Nothing was changed.")


def take_up(context: Context, work: Callable[[str], Run], digest: str | None) -> Run:
    """Take a Run up; ``work`` is given the digest of the Plan that a person has approved, where that is needed.

    A Run that only hosts tell of is shown, and confirmed at a terminal or by ``--digest``. There is no ``--yes`` for
    it: whoever says that without having looked would let a host say what is done.
    """
    from selextract_infra.flow.run_plan import ForeignRunError
    from selextract_infra.report.plan import plan_blocks
    from selextract_infra.report.terminal import draw

    try:
        return follow(context, lambda: work(digest or ""), None)
    except ForeignRunError as foreign:
        draw(console(stderr=True), plan_blocks(foreign.plan))
        if not sys.stdin.isatty():
            raise
        approved = foreign.plan.digest
        confirm(f"{foreign!s} Is it meant?", yes=False)
    return follow(context, lambda: work(approved), None)


def take_over_reason(reason: str | None, *, take_over: bool) -> str:
    """Why a run is taken from whoever is at work on it, empty where it is not. Raises UsageError for half of it."""
    from selextract_infra.errors import UsageError

    if take_over and not (reason and reason.strip()):
        raise UsageError("--take-over needs a reason, which is recorded.", remedy="add --reason TEXT")
    if reason and not take_over:
        raise UsageError("--reason says why a run is taken over.", remedy="add --take-over, or leave --reason")
    return reason.strip() if reason else ""


def follow(context: Context, work: Callable[[], Run], plan: Plan | None) -> Run:
    """Do the work while its progress is shown, live on a terminal and line by line elsewhere."""
    from selextract_infra.report.progress import progress

    with progress(console(stderr=True), plan) as listener:
        context.on_event = listener
        return work()


def conclude(run: Run, form: Format) -> None:
    """Show how the Run ended, and leave with its exit code."""
    from selextract_infra.report.run import run_blocks

    emit(run, run_blocks(run), form)
    if run.exit_code:
        if run.exit_code in (7, 8, 130):
            say(f"  try: selextract-infra status, then resume {run.id} or rollback {run.id}")
        raise typer.Exit(run.exit_code)
