"""The status: who holds each host, what was interrupted, what waits, what the app will recreate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from selextract_infra.model.figures import count
from selextract_infra.report.plan import findings_table
from selextract_infra.report.table import Block, Cell, Line, Tone, fields

if TYPE_CHECKING:
    from selextract_infra.operations.status.fleet_status import HostStatus, Status

__all__ = ["show_status"]


def show_status(status: Status) -> Iterator[Block]:
    """One screen about all hosts."""
    yield Line(f"{count(len(status.hosts) + len(status.unreachable), 'host')} at {status.at:%Y-%m-%d %H:%M:%S %Z}")
    for host in status.hosts:
        yield Line(host.name, Tone.STRONG)
        yield fields(_host(host), indent=2)
    for name, reason in status.unreachable.items():
        yield Line(name, Tone.WORST)
        yield fields([("unreachable", Cell(reason, Tone.BAD))], indent=2)
    yield fields(_waiting(status))
    if status.pending_recreations:
        yield Line("The app's next `docker compose up` recreates once:")
        for pending in status.pending_recreations:
            yield Line(f"{pending.host} {pending.service}: {pending.why}", indent=2)
    if status.findings:
        yield findings_table(status.findings)


def _waiting(status: Status) -> Iterator[tuple[str, str]]:
    waiting = status.waiting
    if waiting.opening is not None:
        yield "window open" if waiting.open_now else "next window", str(waiting.opening)
    for event in status.events:
        yield "event", event
    for entry in (*waiting.queued, *waiting.troubled):
        what = f"{entry.operation} on {', '.join(entry.hosts)} in {entry.opening}"
        yield str(entry.status), f"{what}. {entry.message}" if entry.message else what


def _host(host: HostStatus) -> Iterator[tuple[str, str]]:
    state = list(_state(host))
    yield from state or [("idle", "nothing runs, nothing is locked or frozen")]
    if host.balancer:
        yield "balancer", host.balancer
    if host.edge:
        yield "nginx", host.edge
    yield "sampler", host.sampler


def _state(host: HostStatus) -> Iterator[tuple[str, str]]:
    if host.problem:
        yield "problem", host.problem
    yield from (("running", run) for run in host.running)
    yield from (("interrupted", f"{run}: resume {run}, or rollback {run}") for run in host.interrupted)
    yield from (
        ("differs", f"{run}: {what} Try: rollback {run}, or history close {run} --reason TEXT")
        for run, what in host.not_put_back.items()
    )
    if host.lock:
        lock = host.lock
        until = "its lease is over" if lock.get("lease_left") == 0 else f"at most until {lock.get('lease_until')}"
        yield "locked", f"by {lock.get('owner')} for {lock.get('purpose')} since {lock.get('taken_at')}, {until}"
    if host.freeze:
        freeze = host.freeze
        yield "frozen", f"by {freeze.get('owner')} since {freeze.get('since')}: {freeze.get('reason')}"
    emergency = host.emergency
    if emergency:
        end = f"ends by itself at {emergency.expires_at:%Y-%m-%d %H:%M:%S}Z"
        if emergency.message:
            end = f"{emergency.status}: {emergency.message}"
        yield "emergency", f"by {emergency.owner} since {emergency.began_at:%Y-%m-%d %H:%M:%S}Z, {end}"
    if host.preempt:
        urgent = host.preempt
        yield "asked for", f"by {urgent.get('owner')} until {urgent.get('until')}: {urgent.get('reason')}"
