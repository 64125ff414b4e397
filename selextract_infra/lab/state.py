"""What is known of a lab: written by ``up``, read by everyone who uses it."""

from __future__ import annotations

from pathlib import Path

from selextract_infra.errors import UsageError
from selextract_infra.lab.folders import LabFolder
from selextract_infra.lab.topology import Topology
from selextract_infra.model.base import Frozen

__all__ = ["LabHost", "LabHostStatus", "LabState", "LabStatus", "ServiceStatus"]


class LabHost(Frozen):
    """A lab host: its inventory name, its address, and its container in the machine's engine."""

    name: str
    address: str
    container: str


class LabState(Frozen):
    """A lab that was brought up. ``ops_password`` is the sudo password of the user ``ops`` on every host."""

    name: str
    topology: Topology
    hosts: tuple[LabHost, ...]
    inventory: Path
    key: Path
    known_hosts: Path
    url: str
    ops_password: str
    recipe: str
    base_image: str | None = None
    notes: tuple[str, ...] = ()

    def host(self, name: str) -> LabHost:
        """The host of that name. Raises UsageError when the lab has none."""
        for host in self.hosts:
            if host.name == name:
                return host
        known = ", ".join(host.name for host in self.hosts)
        raise UsageError(f"The lab {self.name} has no host {name}; it has {known}.")

    def write(self, folder: LabFolder) -> None:
        """Write it for this user only."""
        part = folder.state.with_suffix(".part")
        part.touch(mode=0o600)
        part.write_text(self.model_dump_json(indent=2) + "\n")
        part.rename(folder.state)

    @staticmethod
    def read(folder: LabFolder) -> LabState | None:
        """What was written; None when there is nothing, or nothing that this version can read."""
        try:
            return LabState.model_validate_json(folder.state.read_text())
        except (FileNotFoundError, ValueError):
            return None


class ServiceStatus(Frozen):
    """One container of the application; ``health`` is empty without a health check."""

    service: str
    container: str
    state: str
    health: str


class LabHostStatus(Frozen):
    """A lab host as it is now; ``state`` is the engine's word (running, exited, …), or ``missing``."""

    name: str
    address: str
    container: str
    state: str
    services: tuple[ServiceStatus, ...] = ()


class LabStatus(Frozen):
    """A lab as it is now. ``running`` is true when all its hosts run."""

    name: str
    running: bool
    topology: Topology | None = None
    hosts: tuple[LabHostStatus, ...] = ()
    inventory: Path | None = None
    url: str | None = None
    notes: tuple[str, ...] = ()
