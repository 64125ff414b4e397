"""What a lab consists of: its hosts, their sizes, and the names and labels everything carries."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from selextract_infra.errors import UsageError
from selextract_infra.model.figures import GB

__all__ = [
    "HOST_LABEL",
    "LAB_LABEL",
    "RECIPE_LABEL",
    "HostSize",
    "Topology",
    "container_name",
    "hosts_of",
    "network_name",
]

LAB_LABEL = "selextract-infra.lab"
HOST_LABEL = "selextract-infra.lab.host"
RECIPE_LABEL = "selextract-infra.lab.recipe"


class Topology(StrEnum):
    """``single`` is the guide's one server; ``multi`` adds three hosts for databases."""

    SINGLE = "single"
    MULTI = "multi"

    @classmethod
    def named(cls, name: str) -> Topology:
        """The topology of that name. Raises UsageError for an unknown one."""
        if name not in list(cls):
            raise UsageError(f"“{name}” is not a topology of the lab; there are {' and '.join(cls)}.")
        return cls(name)


@dataclass(frozen=True)
class HostSize:
    """A lab host as hardware: ``cpus`` whole cores, ``memory`` and ``storage`` (its data disk) in bytes, ``network`` in
    bits per second; ``address`` is the last part of its address.
    """

    name: str
    cpus: int
    memory: int
    address: int
    application: bool = False
    storage: int = 10**9
    network: int = 10**9


_APP = HostSize("app1", cpus=2, memory=4 * GB, address=11, application=True)
_DATABASES = (
    HostSize("db2", cpus=2, memory=2 * GB, address=12),
    HostSize("db3", cpus=2, memory=2 * GB, address=13),
    HostSize("db4", cpus=2, memory=2 * GB, address=14),
)


def hosts_of(topology: Topology) -> tuple[HostSize, ...]:
    """The hosts of a topology; ``app1`` runs the application."""
    return (_APP, *_DATABASES) if topology is Topology.MULTI else (_APP,)


def container_name(lab: str, host: str) -> str:
    """The name of a host's container in the machine's engine; its volume is called the same."""
    return f"selextract-lab-{lab}-{host}"


def network_name(lab: str) -> str:
    """The name of a lab's network in the machine's engine."""
    return f"selextract-lab-{lab}"
