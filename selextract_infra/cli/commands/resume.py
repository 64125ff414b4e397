"""``resume``: go on with an interrupted run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from selextract_infra.cli.frame.options import (
    ApprovalOption,
    DigestOption,
    FleetOptions,
    FormatOption,
    NowOption,
    TakeOverOption,
    TakeOverReasonOption,
    with_options,
)
from selextract_infra.cli.frame.output import Format, say

if TYPE_CHECKING:
    from selextract_infra.model.run import Run

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    @with_options
    def resume(
        *,
        run: Annotated[
            str | None, typer.Argument(metavar="[RUN]", help="ID of the run, or its beginning; none for the only one.")
        ] = None,
        hosts: FleetOptions,
        now: NowOption = None,
        take_over: TakeOverOption = False,
        reason: TakeOverReasonOption = None,
        digest: DigestOption = None,
        approval: ApprovalOption = None,
        at_boot: Annotated[
            str | None, typer.Option("--at-boot", metavar="on|off", help="Go on by itself when this server boots.")
        ] = None,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Finish an interrupted run: what is verified is left, the rest is done.

        A run that somebody is at work on is refused, unless it is taken over: what is under way there comes to its end
        first, and whoever led it changes nothing more. One that this journal does not know is shown, and has to be
        confirmed.
        """
        from selextract_infra.cli.frame.apply_plan import conclude, take_over_reason, take_up
        from selextract_infra.errors import UsageError
        from selextract_infra.flow.resume_at_boot import resume_at_boot
        from selextract_infra.flow.unfinished import resume, resume_only
        from selextract_infra.hosts.signatures import read_signature

        signatures = tuple(read_signature(file) for file in approval or ())
        grounds = take_over_reason(reason, take_over=take_over)
        with hosts.context() as context:
            if at_boot is not None:
                if at_boot not in ("on", "off") or run is not None:
                    raise UsageError("--at-boot takes on or off, and no run.")
                changed = resume_at_boot(context, wanted=at_boot == "on")
                say(f"It is {at_boot}{'' if changed else ' already'}.")
            elif run is not None:

                def work(approved: str) -> Run:
                    return resume(
                        context, run, now_reason=now, take_over=grounds, approved=approved, signatures=signatures
                    )

                conclude(take_up(context, work, digest), form)
            elif grounds:
                raise UsageError("--take-over needs the ID of the run.", remedy="selextract-infra status names it")
            elif (done := resume_only(context, now_reason=now)) is None:
                say("No run was interrupted.")
            else:
                conclude(done, form)
