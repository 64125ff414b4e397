"""``uninstall``: everything that is ours leaves the hosts."""

from __future__ import annotations

import typer

from selextract_infra.cli.frame.options import FleetOptions, YesOption, with_options
from selextract_infra.cli.frame.output import say

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    @with_options
    def uninstall(
        *,
        hosts: FleetOptions,
        yes: YesOption = False,
    ) -> None:
        """Take the sampler, our state and our Compose file off the hosts; the app keeps running as it is."""
        from selextract_infra.cli.frame.applying import confirm
        from selextract_infra.flow.single_playbook import uninstall as carry_out

        with hosts.context() as context:
            names = ", ".join(host.name for host in context.inventory.hosts)
            confirm(f"Take everything of selextract-infra off {names}?", yes=yes)
            changed = carry_out(context)
        say(f"Removed from: {', '.join(changed) or 'nothing was there'}.")
