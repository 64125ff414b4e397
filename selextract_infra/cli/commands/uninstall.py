"""``uninstall``: everything that is ours leaves the hosts, or what is for one Project."""

from __future__ import annotations

from typing import Annotated

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
        project: Annotated[
            str | None, typer.Option("--project", metavar="NAME", help="Only what is for this Compose project.")
        ] = None,
        yes: YesOption = False,
    ) -> None:
        """Take the sampler, our state and our Compose files off the hosts; the apps keep running as they are."""
        from selextract_infra.cli.frame.apply_plan import confirm
        from selextract_infra.flow import single_playbook

        with hosts.context() as context:
            names = [host.name for host in context.inventory.hosts]
            known = single_playbook.known_projects(context)
            confirm(single_playbook.question_of_uninstall(names, known, project), yes=yes)
            named = tuple(sorted({name for projects in known.values() for name in projects}))
            changed = single_playbook.uninstall(context, project=project, named=named)
        say(f"Removed from: {', '.join(changed) or 'nothing was there'}.")
