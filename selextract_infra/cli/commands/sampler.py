"""``sampler``: the small service that keeps a week of container usage."""

from __future__ import annotations

from typing import Annotated

import typer

from selextract_infra.cli.frame.options import FleetOptions, with_options
from selextract_infra.cli.frame.output import say

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    @with_options
    def sampler(
        *,
        hosts: FleetOptions,
        wait: Annotated[
            str | None, typer.Option("--wait", metavar="TIME", help="Then wait for this much history, as in 90s.")
        ] = None,
    ) -> None:
        """Install or update the sampler on the hosts; without it the right size of a container is unknown."""
        from selextract_infra.flow.history_wait import wait_for_history
        from selextract_infra.flow.single_playbook import install_sampler
        from selextract_infra.policy.units import DURATION

        seconds = float(DURATION.parse(wait)) if wait else 0.0
        with hosts.context() as context:
            changed = install_sampler(context)
            say(f"Installed on: {', '.join(changed) or 'all were up to date'}.")
            wait_for_history(context, seconds, say)
