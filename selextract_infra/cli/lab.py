"""``lab``: bring up a small datacentre on this machine, look at it, take it down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from selextract_infra.cli.output import Format, emit, say

if TYPE_CHECKING:
    from rich.console import Console

    from selextract_infra.lab import LabState, LabStatus

Name = Annotated[str, typer.Option("--name", help="The lab's name; several labs live side by side.")]
Form = Annotated[Format, typer.Option("--format", help="How to print the answer.")]


def register(app: typer.Typer) -> None:
    """Add the command ``lab``."""
    lab = typer.Typer(
        help="Real Linux hosts with systemd, sshd and Docker on this machine, to try everything on.",
        no_args_is_help=True,
    )
    lab.command()(up)
    lab.command()(down)
    lab.command()(status)
    app.add_typer(lab, name="lab")


def up(
    topology: Annotated[
        str | None, typer.Option(help="single (app1) or multi (app1, db2, db3); default: as it is, single at first.")
    ] = None,
    name: Name = "lab",
    base_image: Annotated[
        str | None,
        typer.Option(help="Make the hosts from this registry image, for example ubuntu:22.04; default: debootstrap."),
    ] = None,
    form: Form = Format.TABLE,
) -> None:
    """Bring the lab up, or what is missing of it."""
    from selextract_infra.lab import Lab

    state = Lab(name).up(topology, base_image=base_image, on_progress=say)
    emit(state.model_dump(mode="json", exclude={"ops_password"}), lambda out: _draw_state(out, state), form)


def down(name: Name = "lab") -> None:
    """Remove what `up` made: hosts, volumes, network, keys, inventory. The image cache stays."""
    from selextract_infra.lab import Lab

    Lab(name).down(on_progress=say)


def status(name: Name = "lab", form: Form = Format.TABLE) -> None:
    """Show the lab's hosts and the application on them."""
    from selextract_infra.lab import Lab

    now = Lab(name).status()
    emit(now, lambda out: _draw_status(out, now), form)


def _draw_state(out: Console, state: LabState) -> None:
    out.print(f"application  {state.url}", soft_wrap=True)
    out.print(f"inventory    {state.inventory}", soft_wrap=True)
    for host in state.hosts:
        out.print(
            f"{host.name:<11}  ssh -i {state.key} -o UserKnownHostsFile={state.known_hosts} root@{host.address}",
            soft_wrap=True,
        )


def _draw_status(out: Console, now: LabStatus) -> None:
    from rich.table import Table

    if not now.hosts:
        out.print(f"There is no lab called {now.name}.")
        return
    table = Table(title=f"lab {now.name}")
    for column in ("host", "address", "state", "container", "health"):
        table.add_column(column)
    for host in now.hosts:
        table.add_row(host.name, host.address, host.state, "", "")
        for one in host.services:
            table.add_row("", "", "", one.container, one.health or one.state)
    out.print(table)
    for note in now.notes:
        out.print(f"note: {note}", soft_wrap=True)
