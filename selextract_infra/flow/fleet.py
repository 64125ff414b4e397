"""Fleet: the public face of a Context, for scripts that import the library."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Self

from selextract_infra.flow.apply import apply
from selextract_infra.flow.context import Context, utc_now
from selextract_infra.flow.journal.journal import Journal
from selextract_infra.hosts.inventory import Inventory
from selextract_infra.hosts.signatures import read_signature
from selextract_infra.model.observation import Observation
from selextract_infra.model.plan import Plan
from selextract_infra.model.run import Run
from selextract_infra.model.task_event import TaskEvent
from selextract_infra.policy import Policy

__all__ = ["Fleet"]


class Fleet:
    """The hosts of an inventory, the policy of its group ``all``, and the journal of this control machine.

    ``inventory`` is its path, or what was loaded of it. ``limit`` narrows the hosts by an Ansible pattern. ``on_event``
    hears of each task on each host, ``cancel`` stops the work on the hosts too. ``clock`` tells the time.
    ``on_message`` is given what people would be told, in place of them. Raises ``InventoryError`` for a missing
    inventory or no matching host, ``PolicyError`` for a policy that cannot be read.
    """

    def __init__(
        self,
        inventory: str | Path | Inventory,
        *,
        limit: str | None = None,
        policy_files: Sequence[Path] = (),
        state: Path | None = None,
        on_event: Callable[[TaskEvent], None] | None = None,
        cancel: threading.Event | None = None,
        clock: Callable[[], datetime] = utc_now,
        on_message: Callable[[str], None] | None = None,
    ) -> None:
        self.context = Context(
            inventory,
            limit=limit,
            policy_files=policy_files,
            state=state,
            on_event=on_event,
            cancel=cancel,
            clock=clock,
            on_message=on_message,
        )

    @property
    def inventory(self) -> Inventory:
        """Its hosts, as Ansible reads them."""
        return self.context.inventory

    @property
    def policy(self) -> Policy:
        """The policy that holds for all of its hosts."""
        return self.context.policy

    @property
    def journal(self) -> Journal:
        """The journal, opened at first use."""
        return self.context.journal

    @property
    def clock(self) -> Callable[[], datetime]:
        """What tells the time."""
        return self.context.clock

    @property
    def on_event(self) -> Callable[[TaskEvent], None] | None:
        """Who hears of each task on each host; may be set between two calls."""
        return self.context.on_event

    @on_event.setter
    def on_event(self, listener: Callable[[TaskEvent], None] | None) -> None:
        self.context.on_event = listener

    def observe(self) -> Observation:
        """Look at all hosts, record what was seen, and return it with the history of the policy's window.

        A host that does not answer is listed in ``unreachable``; the others are observed all the same. Raises
        ``CancelledError`` when stopped.
        """
        return self.context.observe()

    def apply(self, plan: Plan, *, now_reason: str | None = None, approvals: Sequence[Path] = ()) -> Run:
        """Apply a Plan: drift, window, lock, steps, verification, rollback where it fails; all of it recorded.

        ``approvals`` are files, each with the signature of a person who approved the Plan, where the policy wants that.
        Returns the Run with its exit code. Raises ``DriftError``, ``OutsideWindowError``, ``LockedError`` or
        ``RefusedError`` when nothing was touched, ``HostUnreachableError`` when no host answers.
        """
        signatures = [read_signature(file) for file in approvals]
        return apply(self.context, plan, now_reason=now_reason, signatures=signatures)

    def close(self) -> None:
        """Close the journal."""
        self.context.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()
