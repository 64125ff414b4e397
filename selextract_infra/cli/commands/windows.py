"""``windows``: when disruptive work may run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from selextract_infra.cli.frame.options import FormatOption, InventoryOption, PolicyOption
from selextract_infra.cli.frame.output import Format, emit
from selextract_infra.report.table import Line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selextract_infra.flow.windows import Opening

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command group."""
    windows = typer.Typer(help="Maintenance windows: when users may be disturbed.", no_args_is_help=True)
    app.add_typer(windows, name="windows")

    @windows.command("next")
    def upcoming(
        inventory: InventoryOption = None,
        policy: PolicyOption = None,
        count: Annotated[int, typer.Option("--count", min=1, max=1000, help="How many.")] = 5,
        window: Annotated[str | None, typer.Option("--window", help="Only openings of this window.")] = None,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """The opening that is open now, and the next ones; overlapping windows are one, blackouts are taken out."""
        from selextract_infra.cli.frame.planning import policy_of
        from selextract_infra.flow.windows import Windows

        now, windows = datetime.now(UTC), Windows.of(policy_of(inventory, policy))
        open_now = windows.current(now) if window is None else None
        openings = (((open_now,) if open_now else ()) + windows.upcoming(now, count, name=window))[:count]
        emit([opening.model_dump(mode="json") for opening in openings], _lines(openings, now), form)

    @windows.command()
    def check(
        inventory: InventoryOption = None,
        policy: PolicyOption = None,
        at: Annotated[
            str | None, typer.Option("--at", metavar="TIME", help="When, as in 2026-03-29T02:30+02:00 (default: now).")
        ] = None,
        needed: Annotated[
            str, typer.Option("--for", metavar="TIME", help="How long the work takes, as in 25m.")
        ] = "0s",
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Whether work of a length may begin at a time; exit code 4 when not, with the next window in which it may."""
        from selextract_infra.cli.frame.planning import policy_of
        from selextract_infra.errors import OutsideWindowError
        from selextract_infra.flow.windows import Windows
        from selextract_infra.policy.units import DURATION

        when = _instant(at) if at else datetime.now(UTC)
        verdict = Windows.of(policy_of(inventory, policy)).check(when, float(DURATION.parse(needed)))
        emit(verdict, [Line(verdict.sentence)], form)
        if not verdict.fits:
            raise typer.Exit(OutsideWindowError.exit_code)


def _instant(text: str) -> datetime:
    from selextract_infra.errors import UsageError

    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        raise UsageError(
            f"{text!r} is no instant with its offset.", remedy="write it as 2026-03-29T02:30+02:00 or 2026-03-29T00:30Z"
        )
    return when.astimezone(UTC)


def _lines(openings: tuple[Opening, ...], now: datetime) -> Iterator[Line]:
    for opening in openings:
        yield Line(f"{'open now: ' if opening.covers(now) else ''}{opening}")
    if not openings:
        yield Line("The policy has no maintenance window from now on.")
