"""``observe``: a snapshot of the hosts, recorded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from selextract_infra.cli.frame.cancellation import LOOK_SECONDS
from selextract_infra.cli.frame.options import FleetOptions, FormatOption, OutOption, with_options
from selextract_infra.cli.frame.output import Format, emit, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selextract_infra.model.observation import Observation
    from selextract_infra.report.table import Block

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
        with hosts.context(LOOK_SECONDS) as context:
            observation = context.observe()
        if out is not None:
            save_observation(observation, out)
            say(f"Saved to {out}; use it with --observation {out}.")
        emit(observation, _blocks(observation, before), form)
        if missing_hosts(observation):
            raise typer.Exit(HostError.exit_code)


def _blocks(observation: Observation, before: Observation | None) -> Iterator[Block]:
    from selextract_infra.report.observation import change_blocks, observation_blocks

    yield from observation_blocks(observation)
    if before is not None:
        yield from change_blocks(before, observation)
