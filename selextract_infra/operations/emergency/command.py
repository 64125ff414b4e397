"""``emergency``: the incident path, from the first look to the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from selextract_infra.cli.frame.operation_command import epilogue
from selextract_infra.cli.frame.options import (
    FleetOptions,
    FormatOption,
    ObservationOption,
    OutOption,
    WholeFleetOptions,
    YesOption,
    fleet_of,
    with_options,
)
from selextract_infra.cli.frame.output import Format, emit, say, show, write_file, write_out
from selextract_infra.flow.catalogue import GROUPS
from selextract_infra.operations.emergency.operation import MANIFEST
from selextract_infra.report.table import Line

if TYPE_CHECKING:
    from selextract_infra.operations.emergency.begin import Grant

__all__ = ["register"]

ReasonOption = Annotated[str, typer.Option("--reason", help="What happened, in a few words; recorded.")]
IncidentArgument = Annotated[
    str | None, typer.Argument(metavar="[RUN]", help="ID of the emergency; by default the newest.")
]


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(help=GROUPS["emergency"])
    app.add_typer(group, name="emergency", no_args_is_help=True)
    for command in (assess, run, validate, revert, report, drill, ack):
        meaning = epilogue(MANIFEST.effects) if command is run else None
        group.command(command.__name__, epilog=meaning)(with_options(command))


def assess(
    *,
    hosts: FleetOptions,
    observation: ObservationOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """How bad it is, what is affected, what it is bound by, and what would be granted; changes nothing."""
    from selextract_infra.hosts.observe.recorded import load_observation
    from selextract_infra.operations.emergency.begin import assess_emergency
    from selextract_infra.operations.emergency.show import show_assessment

    recorded = None if observation is None else load_observation(observation)
    with fleet_of(hosts, recorded) as context:
        assessment = assess_emergency(context, recorded)
    emit(assessment, show_assessment(assessment), form)


def run(
    *,
    hosts: FleetOptions,
    reason: ReasonOption = "",
    yes: YesOption = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Grant more instances, higher limits and the edge's switches at once, for a time; a P1 does not ask first."""
    with hosts.context() as context:
        from selextract_infra.operations.emergency.preparation import look_and_make_ready

        observation = look_and_make_ready(context)
        from selextract_infra.cli.frame.apply_plan import conclude, follow
        from selextract_infra.flow.notification import notifier
        from selextract_infra.flow.notify import deliveries_text
        from selextract_infra.operations.emergency.begin import begin_emergency, plan_emergency, tell_emergency
        from selextract_infra.operations.emergency.show import show_grant

        granted = plan_emergency(context, reason=reason, observation=observation)
        if form is Format.TABLE:
            show(show_grant(granted.decision))
        if granted.plan.empty:
            _nothing(granted, form)
        _confirm(granted, yes=yes)
        done = follow(context, lambda: begin_emergency(context, granted), granted.plan)
        deliveries = tell_emergency(notifier(context.policy, context.journal, context.clock), granted, done)
        say(f"told: {deliveries_text(deliveries)}")
        conclude(done, form)


def _nothing(granted: Grant, form: Format) -> None:
    """Nothing could be granted: that is no success, and others have to hear of it."""
    from selextract_infra.errors import RefusedError

    if form is Format.JSON:
        emit(granted.decision, (), form)
    raise RefusedError(
        f"Nothing was done: {granted.decision.escalate or 'every value is what it would be'}.", rule="X-14"
    )


def _confirm(granted: Grant, *, yes: bool) -> None:
    """A P1 acts at once (X-15); everything else is for a person to say."""
    from selextract_infra.cli.frame.apply_plan import confirm
    from selextract_infra.model.assessment import IncidentSeverity

    severity = granted.decision.severity
    what = "No reading speaks for an incident" if severity is None else f"This is {severity}, which does not act alone"
    confirm(f"{what}. Grant it?", yes=yes or severity is IncidentSeverity.P1)


def validate(
    *,
    hosts: FleetOptions,
    form: FormatOption = Format.TABLE,
) -> None:
    """Whether it helps: readings before and after, what has not recovered, what else gives way. Exit 10 where not."""
    from selextract_infra.errors import GateError
    from selextract_infra.operations.emergency.end import validate_emergency
    from selextract_infra.operations.emergency.show import show_validation

    with hosts.context() as context:
        validation = validate_emergency(context)
    emit(validation, show_validation(validation), form)
    if not validation.recovered or validation.cascades:
        raise GateError(f"{validation.sentence}.")


def revert(
    *,
    hosts: FleetOptions,
    force: Annotated[bool, typer.Option("--force", help="Put back what was changed by hand since, too.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave every value as it is, and only end it.")] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Put everything back exactly as it was before; once more is harmless."""
    from selextract_infra.errors import UsageError
    from selextract_infra.operations.emergency.end import revert_emergency
    from selextract_infra.operations.emergency.show import show_reverted

    if force and keep:
        raise UsageError("--force puts values back and --keep leaves them.", remedy="leave one of the two")
    with hosts.context() as context:
        done = revert_emergency(context, force=force, keep=keep)
    emit(done, show_reverted(done), form)


def report(
    *,
    incident: IncidentArgument = None,
    hosts: WholeFleetOptions,
    out: OutOption = None,
) -> None:
    """The incident as Markdown: assessment, actions, validation, analysis, with timeline and evidence."""
    from selextract_infra.operations.emergency.end import newest_incident
    from selextract_infra.operations.emergency.incident_report import incident_report

    with hosts.context() as context:
        text = incident_report(newest_incident(context, None, incident), context.policy)
    if out is None:
        write_out(text)
    else:
        write_file(out, text, "The report")
        say(f"Saved to {out}.")


def drill(
    *,
    hosts: FleetOptions,
    apply: Annotated[
        bool, typer.Option("--apply", help="Rehearse for real: begin, validate and revert. For a lab.")
    ] = False,
    yes: YesOption = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Rehearse all of it, in check mode unless --apply; the date is recorded, and overdue is a finding (REC-05)."""
    from selextract_infra.cli.frame.apply_plan import confirm
    from selextract_infra.operations.emergency.drill import drill as rehearse
    from selextract_infra.operations.emergency.show import show_drill

    if apply:
        confirm("Really begin an emergency on these hosts and take it back?", yes=yes)
    with hosts.context() as context:
        done = rehearse(context, real=apply)
    emit(done, show_drill(done), form)


def ack(
    *,
    incident: IncidentArgument = None,
    hosts: WholeFleetOptions,
    form: FormatOption = Format.TABLE,
) -> None:
    """Say that you have taken it on: nobody else is told any more."""
    from selextract_infra.operations.emergency.end import acknowledge

    with hosts.context() as context:
        done = acknowledge(context, incident)
    emit(done, [Line(f"{done.acknowledged_by} has taken emergency {done.id} on.")], form)
