"""``uninstall``: everything that is ours leaves the hosts, or what is for one Project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from selextract_infra.cli.frame.options import FleetOptions, YesOption, with_options
from selextract_infra.cli.frame.output import say
from selextract_infra.errors import UsageError

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
        from selextract_infra.cli.frame.applying import confirm
        from selextract_infra.flow.single_playbook import known_projects
        from selextract_infra.flow.single_playbook import uninstall as carry_out

        with hosts.context() as context:
            names = [host.name for host in context.inventory.hosts]
            known = known_projects(context)
            confirm(question(names, known, project), yes=yes)
            named = tuple(sorted({name for projects in known.values() for name in projects}))
            changed = carry_out(context, project=project, named=named)
        say(f"Removed from: {', '.join(changed) or 'nothing was there'}.")


def question(hosts: Sequence[str], known: Mapping[str, Sequence[str]], project: str | None) -> str:
    """What somebody agrees to: every host, and every Project on it. Raises ``UsageError`` for one that nobody knows."""
    there = sorted({name for projects in known.values() for name in projects})
    if project is None:
        several = [f"{host} has {', '.join(known[host])}" for host in hosts if len(known.get(host, ())) > 1]
        about = f" This is for every project: {'; '.join(several)}." if several else ""
        return f"Take everything of selextract-infra off {', '.join(hosts)}?{about}"
    if project not in there:
        raise UsageError(
            f"Nothing of ours is kept for {project}; there is something for {', '.join(there) or 'no project'}."
        )
    places = [host for host in hosts if project in known.get(host, ())]
    return f"Take what is for {project} off {', '.join(places)}, and nothing else?"
