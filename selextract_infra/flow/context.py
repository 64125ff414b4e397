"""Context: what an operation may reach, from the hosts of an inventory to the journal of this control machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from selextract_infra.flow.journal.journal import Journal
from selextract_infra.flow.run_log import forget_run_logs
from selextract_infra.hosts.executor import HostAccess
from selextract_infra.hosts.identity import new_holder
from selextract_infra.hosts.inventory import Inventory
from selextract_infra.hosts.observe.hosts import observe_hosts
from selextract_infra.hosts.runner import ReadyPlaybook, TaskEvent
from selextract_infra.model.observation import HostObservation, Observation
from selextract_infra.policy import Policy, load_policy

__all__ = ["Context", "utc_now"]


def utc_now() -> datetime:
    """The time by the clock of this machine."""
    return datetime.now(UTC)


class Context:
    """The hosts of an inventory, the policy of its group ``all``, the journal, the clock, who listens, what cancels.

    ``inventory`` is its path, or what was loaded of it. ``limit`` narrows the hosts by an Ansible pattern. ``on_event``
    hears of each task on each host, ``cancel`` stops the work on the hosts too. ``clock`` tells the time.
    ``on_message`` is given what people would be told, in place of them. ``unattended`` is as in ``Run``;
    ``announces_undoing``: nobody watches, so people hear of what is put back before it is. ``holder``
    is the token of whoever works on the hosts; each Run that is begun or taken up has a new one, so that what is left
    of an earlier one is refused.
    Raises ``InventoryError`` for a missing inventory or no matching host, ``PolicyError`` for a policy that cannot be
    read.
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
        unattended: bool = False,
    ) -> None:
        self.limit = limit
        self.policy_files = tuple(policy_files)
        if not isinstance(inventory, Inventory):
            inventory = Inventory.load(Path(inventory), limit=limit)
        self.inventory = inventory
        self.policy: Policy = load_policy(
            self.inventory.policy_overrides, files=[*self.inventory.policy_files, *policy_files]
        )
        self.clock = clock
        self.on_event = on_event
        self.cancel = cancel
        self.on_message = on_message
        self.unattended = unattended
        self.announces_undoing = unattended
        self.holder = new_holder()
        self._state = state
        self._ready: ReadyPlaybook | None = None

    @cached_property
    def journal(self) -> Journal:
        """The journal, opened at first use."""
        return Journal(self._state)

    @property
    def access(self) -> HostAccess:
        """What the executor needs to work on these hosts."""
        return HostAccess(
            inventory=self.inventory,
            clock=self.clock,
            on_event=self.on_event,
            cancel=self.cancel,
            holder=self.holder,
            ready=self._ready,
        )

    def hold_anew(self) -> None:
        """Be another holder from now on."""
        self.holder = new_holder()

    def beside(self) -> Context:
        """Another holder on the same hosts, for a thread of its own, with the same journal, clock and cancellation."""
        another = Context(
            self.inventory,
            limit=self.limit,
            policy_files=self.policy_files,
            state=self.journal.folder,
            on_event=self.on_event,
            cancel=self.cancel,
            clock=self.clock,
            on_message=self.on_message,
            unattended=self.unattended,
        )
        another.announces_undoing = self.announces_undoing
        return another

    def make_ready(self, playbook: str, *, seconds: float) -> None:
        """Start a playbook before it is known what it is to do, where that may have to be done at once.

        It waits for so many seconds, and comes to no host before it is told.
        """
        self.close_ready()
        self._ready = ReadyPlaybook(playbook, self.inventory, wait_seconds=seconds)

    def close_ready(self) -> None:
        """End a playbook that waits for nothing any more."""
        if self._ready is not None:
            self._ready.close()
            self._ready = None

    def close(self) -> None:
        """Close the journal, and what was made ready."""
        self.close_ready()
        self.journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def observe(self) -> Observation:
        """Look at all hosts, record what was seen, and return it with the history of the policy's window.

        A host that does not answer is listed in ``unreachable``; the others are observed all the same. Raises
        ``CancelledError`` when stopped.
        """
        now = self.clock()
        observation = observe_hosts(
            self.inventory,
            self.policy,
            cursors=self.journal.cursors(),
            at=now,
            cancel=self.cancel,
            on_event=self.on_event,
        )
        names = None if self.limit else tuple(host.name for host in self.inventory.hosts)
        observation = self.journal.bind_machines(observation, inventory=str(self.inventory.path), names=names)
        self.journal.record_observation(observation)
        keep = self.policy.journal
        self.journal.forget(
            now, observations=timedelta(seconds=keep.observations), buckets=timedelta(seconds=keep.history)
        )
        forget_run_logs(self.journal.folder, now - timedelta(seconds=keep.observations))
        window = timedelta(seconds=self.policy.rightsizing.window)
        hosts = tuple(self._with_history(host, now - window, now) for host in observation.hosts)
        return observation.model_copy(update={"hosts": hosts})

    def _with_history(self, host: HostObservation, since: datetime, before: datetime) -> HostObservation:
        if not self.journal.owns_machine(host.name, host.facts.machine_id):
            return host
        spacing = {"bucket_seconds": host.sampler.bucket, "interval_seconds": host.sampler.interval}
        known = {name: value for name, value in spacing.items() if value}
        series = self.journal.history(host.facts.machine_id, since=since, before=before + timedelta(minutes=1))
        return host.model_copy(update={"history": tuple(measured.model_copy(update=known) for measured in series)})

    def host_values(self, values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """The same values for every host, as playbooks read them."""
        return {host.name: dict(values) for host in self.inventory.hosts}
