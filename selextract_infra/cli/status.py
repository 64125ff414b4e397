"""``status``: one screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from selextract_infra.cli.options import FleetOptions, FormatOption, with_options
from selextract_infra.cli.output import Format, emit

if TYPE_CHECKING:
    from rich.console import Console

    from selextract_infra.operations.status import HostStatus, Status

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    @with_options
    def status(
        *,
        hosts: FleetOptions,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """What runs, what was interrupted, locked or frozen, and what the app's next `up` will recreate."""
        from selextract_infra.errors import HostError
        from selextract_infra.operations.status import status as look

        with hosts.fleet() as fleet:
            seen = look(fleet)
        emit(seen, lambda screen: _screen(screen, seen), form)
        if seen.unreachable or any(host.problem for host in seen.hosts):
            raise typer.Exit(HostError.exit_code)


def _screen(screen: Console, seen: Status) -> None:
    from selextract_infra.model.text import displayable

    screen.print(f"{len(seen.hosts)} host{'s' * (len(seen.hosts) != 1)} at {seen.at:%Y-%m-%d %H:%M:%S %Z}")
    for host in seen.hosts:
        screen.print(host.name, style="bold")
        for label, text in _lines(host):
            screen.print(f"  {label:<12}{displayable(text)}", soft_wrap=True)
    for name, reason in seen.unreachable.items():
        screen.print(name, style="bold red")
        screen.print(f"  {'unreachable':<12}{displayable(reason)}", soft_wrap=True)
    for label, text in _waiting(seen):
        screen.print(f"{label:<14}{displayable(text, limit=500)}", soft_wrap=True)
    if seen.pending_recreations:
        screen.print("The app's next `docker compose up` recreates once:")
        for pending in seen.pending_recreations:
            screen.print("  " + displayable(f"{pending.host} {pending.service}: {pending.why}"), soft_wrap=True)
    for finding in seen.findings:
        screen.print(displayable(f"{finding.rule}: {finding.sentence} Try: {finding.resolution}"), soft_wrap=True)


def _waiting(seen: Status) -> list[tuple[str, str]]:
    lines = []
    if seen.waiting.opening is not None:
        lines.append(("window open" if seen.waiting.open_now else "next window", str(seen.waiting.opening)))
    for entry in (*seen.waiting.queued, *seen.waiting.troubled):
        what = f"{entry.operation} on {', '.join(entry.hosts)} in {entry.opening}"
        lines.append((str(entry.status), f"{what}. {entry.message}" if entry.message else what))
    return lines


def _lines(host: HostStatus) -> list[tuple[str, str]]:
    lines = [("problem", host.problem)] if host.problem else []
    lines += [("running", run) for run in host.running]
    lines += [("interrupted", f"{run}: resume {run}, or rollback {run}") for run in host.interrupted]
    lines += [("differs", f"{run}: {told} Try: rollback {run}") for run, told in host.not_put_back.items()]
    if host.lock:
        lock = host.lock
        lines.append(("locked", f"by {lock.get('owner')} for {lock.get('purpose')} since {lock.get('taken_at')}"))
    if host.freeze:
        freeze = host.freeze
        lines.append(("frozen", f"by {freeze.get('owner')} since {freeze.get('since')}: {freeze.get('reason')}"))
    if host.emergency:
        on = host.emergency
        end = f"{on.status}: {on.message}" if on.message else f"ends by itself at {on.expires_at:%Y-%m-%d %H:%M:%S}Z"
        lines.append(("emergency", f"by {on.owner} since {on.began_at:%Y-%m-%d %H:%M:%S}Z, {end}"))
    if host.preempt:
        urgent = host.preempt
        lines.append(("asked for", f"by {urgent.get('owner')} until {urgent.get('until')}: {urgent.get('reason')}"))
    if not lines:
        lines.append(("idle", "nothing runs, nothing is locked or frozen"))
    lines += [(label, text) for label, text in (("balancer", host.balancer), ("edge", host.edge)) if text]
    return [*lines, ("sampler", host.sampler)]
