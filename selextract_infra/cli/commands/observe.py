"""``observe``: a snapshot of the hosts, recorded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from selextract_infra.cli.frame.options import FleetOptions, FormatOption, OutOption, with_options
from selextract_infra.cli.frame.output import Format, emit, say

if TYPE_CHECKING:
    from rich.console import Console

    from selextract_infra.model.observation import Observation

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    @with_options
    def observe(
        *,
        hosts: FleetOptions,
        out: OutOption = None,
        compare: Annotated[
            Path | None,
            typer.Option("--compare", metavar="FILE", help="Show which limits differ from this one."),
        ] = None,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Look at the hosts and record what is seen: facts, containers, limits, usage, Compose projects."""
        from selextract_infra.errors import HostError
        from selextract_infra.flow.reachability import missing_hosts
        from selextract_infra.hosts.observe.recorded import load_observation, save_observation

        before = load_observation(compare) if compare else None
        with hosts.context() as context:
            seen = context.observe()
        if out is not None:
            save_observation(seen, out)
            say(f"Saved to {out}; use it with --observation {out}.")
        emit(seen, lambda screen: _screen(screen, seen, before), form)
        if missing_hosts(seen):
            raise typer.Exit(HostError.exit_code)


def _screen(screen: Console, seen: Observation, before: Observation | None) -> None:
    from selextract_infra.report.terminal import print_change, print_observation

    print_observation(screen, seen)
    if before is not None:
        print_change(screen, before, seen)
