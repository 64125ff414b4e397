"""What an upgrade of a server's hardware is told in: resources, ways of changing them, and what a provider can do."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from selextract_infra.model.base import Frozen
from selextract_infra.model.figures import amount, disk

__all__ = ["PHASES", "Abilities", "AppOnHost", "DatabaseOnHost", "Mode", "UpgradeOfHost", "size_text"]

PHASES = ("memory", "cpu", "storage", "network")
"""The vertical phases in the order in which they are done (VP-00), each named by the resource that it upgrades."""

_UNITS = {"memory": "bytes of RAM", "cpu": "cores", "network": "bits per second"}


class Mode(StrEnum):
    """How hardware is changed: while the host runs, or while it is off."""

    LIVE = "live"
    REBOOT = "reboot"


class Abilities(Frozen):
    """What a provider can do: by resource, the modes it knows, the first being the one it takes unasked.

    ``waits`` says that a person does the work, ``reverts`` that it can give a host its former size back (never
    storage, which cannot shrink).
    """

    name: str
    modes: dict[str, tuple[Mode, ...]]
    waits: bool = False
    reverts: bool = True


def size_text(resource: str, size: float | None) -> str:
    """A size of that resource for a person: ``64 GB``, ``16 cores``, ``2,000 GB``, ``10 Gbps``."""
    if size is None:
        return "unknown"
    return disk(size) if resource == "storage" else amount(size, _UNITS[resource])


class DatabaseOnHost(Frozen):
    """A database server of the app: its service, whom it is asked as, and the folder of its socket where it has one."""

    service: str
    superuser: str = "postgres"
    socket: str | None = None


class AppOnHost(Frozen):
    """The app's Compose project as an upgrade has to handle it: who is stopped first, and what is dumped.

    ``drained`` are the services that are stopped first, in that order: workers, the way in, what answers. ``stopped``
    are databases and caches, the last to go and the first to come back. ``grace`` is how many seconds workers get at
    least to finish. ``health`` are addresses asked on the host.
    """

    project: str
    directory: str
    workers: tuple[str, ...] = ()
    drained: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    databases: tuple[DatabaseOnHost, ...] = ()
    health: tuple[str, ...] = ()
    grace: float = 0.0

    @property
    def services(self) -> tuple[str, ...]:
        """All services that have to run before and after."""
        return (*self.drained, *self.stopped)


class UpgradeOfHost(Frozen):
    """What an upgrade does to one host: everything its steps are built from, and what its way back needs.

    ``before`` and ``target`` are sizes of the phase's resource; ``machine_id`` is who has to come back. ``durations``
    has the seconds that steps took in earlier upgrades. ``data_folder`` is where the volume that grows is mounted.
    ``others`` are the Projects of other teams on that host: they are stopped, dumped and started with it.
    """

    host: str
    phase: str
    mode: Mode
    provider: Abilities
    before: float | None
    target: float
    machine_id: str
    app: AppOnHost | None = None
    others: tuple[AppOnHost, ...] = ()
    data_folder: str | None = None
    durations: dict[str, float] = Field(default_factory=dict)
