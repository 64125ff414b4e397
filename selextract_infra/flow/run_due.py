"""Runs without a person: what is due is carried out, people hear of what went wrong, and silence is noticed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from selextract_infra.errors import SelextractError
from selextract_infra.flow.capacity_warnings import warn_in_time
from selextract_infra.flow.context import Context
from selextract_infra.flow.notification import escalate, notifier, tell_begin, tell_end
from selextract_infra.flow.notify import Delivery, Notifier, visit
from selextract_infra.flow.queue import QueuedPlan
from selextract_infra.flow.schedule import run_due
from selextract_infra.flow.systemd import Watchdog
from selextract_infra.hosts.credentials import with_credentials

__all__ = ["look_after"]


def look_after(
    context: Context, say: Callable[[str], None], *, print_messages: bool = False
) -> tuple[QueuedPlan, ...] | None:
    """One look: tell what is due, carry it out, tell how it ended, escalate, and visit the dead-man's address.

    ``context`` gives the journal, the clock and the rules; each queued Plan has its own inventory. Returns what became
    of queued Plans, None where another process is at it. Messages are only said with ``print_messages``.
    """
    rules, journal = context.policy.schedule, context.journal
    os.environ.update(with_credentials(os.environ, rules.credentials))
    people = notifier(context.policy, journal, context.clock, dry_run=say if print_messages else None)

    def open_context(entry: QueuedPlan) -> Context:
        return Context(
            entry.inventory,
            limit=entry.limit,
            policy_files=[Path(file) for file in entry.policy_files],
            state=journal.folder,
            cancel=context.cancel,
            clock=context.clock,
            on_event=watchdog.progress,
            on_message=say if print_messages else None,
            unattended=True,
        )

    def told(deliveries: tuple[Delivery, ...]) -> None:
        for delivery in deliveries:
            if delivery.problem:
                say(f"{delivery.channel}: {delivery.problem}")

    def begins(entry: QueuedPlan) -> None:
        told(tell_begin(people, entry))

    def ended(entry: QueuedPlan) -> None:
        told(tell_end(people, entry))

    with Watchdog(rules.silence) as watchdog:
        changed = run_due(journal, context.clock, open_context, retry_after=rules.retry, begins=begins, ended=ended)
        if changed is None:
            return None
        escalate(people, context.policy, journal, context.clock())
        _look_ahead(context, people, say)
        _be_heard(context, say)
    return changed


def _look_ahead(context: Context, people: Notifier, say: Callable[[str], None]) -> None:
    """Tell what will be used up; hosts that cannot be looked at now stop nothing."""
    try:
        warn_in_time(context, people)
    except SelextractError as problem:
        say(f"Nobody looked ahead: {problem}")


def _be_heard(context: Context, say: Callable[[str], None]) -> None:
    """Visit the address that raises an alarm elsewhere when nobody visits it; one that fails stops nothing."""
    rules = context.policy.schedule
    if rules.dead_man is None:
        return
    address = os.environ.get(rules.dead_man)
    problem = visit(address, rules.patience) if address else f"The variable {rules.dead_man} is not set."
    if problem:
        say(f"dead-man address: {problem}")
        context.journal.record_event(context.clock(), "not heard", f"The dead-man address: {problem}")
