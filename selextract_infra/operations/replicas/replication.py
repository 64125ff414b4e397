"""What was seen of a replication: the app's own server, our replicas, the balancer for reads, and the room for more."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from selextract_infra.model.base import Frozen

__all__ = [
    "BalancedServer",
    "BalancerSeen",
    "HostReplication",
    "ImageSeen",
    "PrimarySeen",
    "ReplicaSeen",
    "Replication",
    "SlotSeen",
]


class ImageSeen(Frozen):
    """A container image by its ID, and the name it is used by."""

    id: str
    name: str


class SlotSeen(Frozen):
    """A slot of ours on the primary; ``retained_bytes`` is the WAL it holds back, ``lost`` when it is of no use."""

    name: str
    active: bool
    lost: bool = False
    retained_bytes: int | None = None


class PrimarySeen(Frozen):
    """The app's own server. ``version`` is ``server_version_num``; ``problem`` says why it could not be asked.

    ``uid`` and ``gid`` are those of its process, ``network`` the container network it is reached on, ``stop_grace`` how
    long it may take to stop, in seconds. ``roles`` and ``slots`` are ours only, ``superusers`` all of them.
    ``settings`` has those that replicas must know, ``answers`` those that its files or its command line set and that
    change what a query answers, ``pending_restart`` what its files say of those that wait for a restart. ``senders`` is
    how many WAL senders are at work.
    """

    container: str = ""
    problem: str | None = None
    in_recovery: bool = False
    version: int = 0
    system_identifier: str = ""
    bindir: str = ""
    data_bytes: int = 0
    wal_level: str = ""
    max_wal_senders: int = 0
    max_replication_slots: int = 0
    senders: int = 0
    ssl: bool = False
    tablespaces: int = 0
    slots: tuple[SlotSeen, ...] = ()
    roles: tuple[str, ...] = ()
    superusers: tuple[str, ...] = ()
    settings: dict[str, str] = Field(default_factory=dict)
    answers: dict[str, str] = Field(default_factory=dict)
    pending_restart: dict[str, str] = Field(default_factory=dict)
    uid: int = 0
    gid: int = 0
    image: ImageSeen = ImageSeen(id="", name="")
    network: str = ""
    stop_grace: float = 0.0

    def highest(self, name: str) -> int:
        """A whole-number parameter as it is now, or as it will be after a restart where that is more."""
        pending = self.pending_restart.get(name, "")
        return max(int(self.settings[name]), int(pending) if pending.isdigit() else 0)

    @property
    def major(self) -> int:
        """The major version."""
        return self.version // 10_000


class ReplicaSeen(Frozen):
    """A replica of ours on its host. ``wanted`` is what was finished there last, None for nothing.

    ``image`` is the ID of the image it runs. ``problem`` says in one sentence what is wrong with it. ``lag_seconds`` is
    how old the newest thing is that a reader may miss.
    """

    wanted: dict[str, Any] | None = None
    state: str = "absent"
    image: str | None = None
    problem: str | None = None
    version: int | None = None
    system_identifier: str | None = None
    pending_restart: tuple[str, ...] = ()
    streaming: bool = False
    paused: bool = False
    lag_bytes: int = 0
    lag_seconds: float = 0.0

    @property
    def role(self) -> str | None:
        """``reader`` or ``analytics``; None where it was never finished."""
        return str(self.wanted["role"]) if self.wanted else None


class BalancedServer(Frozen):
    """A replica as the balancer sees it: its status (``UP``, ``DOWN``, ``DRAIN``…), connections now and in all."""

    backend: str
    name: str
    status: str
    sessions: int = 0
    total: int = 0
    check: str = ""


class BalancerSeen(Frozen):
    """The balancer for reads: what its files say, whether it runs, and its servers."""

    settings: dict[str, Any] = Field(default_factory=dict)
    running: bool = False
    servers: tuple[BalancedServer, ...] = ()


class HostReplication(Frozen):
    """One host. ``free_bytes`` is what Docker's disk has left, ``images`` the IDs of the images that are there.

    ``ports`` are those that this Project has or would get on the private address (``primary``, ``replica``, ``check``),
    none where it was not asked. The names say what the Compose projects of ours are called or would be; as they are
    here where a host of version 0.1 was looked at.
    """

    primary: PrimarySeen | None = None
    replica: ReplicaSeen | None = None
    balancer: BalancerSeen | None = None
    free_bytes: int = 0
    images: tuple[str, ...] = ()
    ports: dict[str, int] = Field(default_factory=dict)
    balancer_name: str = "selextract-balancer-ro"
    balancer_folder: str = "/var/lib/selextract-infra/balancer-ro"
    replica_name: str = "selextract-replica"


class Replication(Frozen):
    """All hosts by name."""

    hosts: dict[str, HostReplication] = Field(default_factory=dict)

    @property
    def primary_hosts(self) -> tuple[str, ...]:
        """All hosts that the app's own server runs on as a primary."""
        return tuple(name for name, host in self.hosts.items() if host.primary and not host.primary.in_recovery)

    @property
    def primary_host(self) -> str | None:
        """The one host that the app's own server runs on, None where there is none or more than one."""
        return self.primary_hosts[0] if len(self.primary_hosts) == 1 else None

    @property
    def replicas(self) -> dict[str, ReplicaSeen]:
        """Our replicas by host, in the order of the inventory."""
        return {name: host.replica for name, host in self.hosts.items() if host.replica is not None}
