"""What may stand in a case, part by part; a key that is not known is a mistake. `README.md` says what each means."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from selextract_infra.model.upgrade import PHASES, Mode
from selextract_infra.policy.units import BitsPerSecond, DiskBytes, MemoryBytes, Seconds

__all__ = [
    "Edge",
    "Expected",
    "HostOnPaper",
    "Instance",
    "Pooler",
    "PostgresOnPaper",
    "PrimaryOnPaper",
    "ProviderOnPaper",
    "RedisOnPaper",
    "ReplicaHostOnPaper",
    "ReplicaOnPaper",
    "ServiceOnPaper",
    "Week",
]


class Part(BaseModel):
    """A part of a case."""

    model_config = ConfigDict(extra="forbid")


class RedisOnPaper(Part):
    """What Redis in a container says of itself; left out: a queue's, with its settings as arguments, on a volume."""

    maxmemory: MemoryBytes = 0
    eviction: str = "noeviction"
    used: MemoryBytes = 10 << 20
    keys: int = 5
    queues: tuple[str, ...] = ()
    saves: bool = True
    on_volume: bool = True
    arguments: str | None = "redis-server"
    rewrites: bool = False
    replica: bool = False
    problem: str | None = None


class Instance(Part):
    """One container. What is left out is as the service says."""

    memory: MemoryBytes | None = None
    cpus: float | None = None
    uses_memory: MemoryBytes | None = None
    uses_cpus: float | None = None
    state: str = "running"
    health: str | None = None
    oom_killed: bool = False
    project: str | None = None
    one_off: bool = False
    pool: str | None = None
    store: str | None = None
    variables: dict[str, float] = Field(default_factory=dict)
    stop_grace_seconds: float | None = None
    redis: RedisOnPaper | None = None


class Week(Part):
    """What the sampler recorded of a service up to now."""

    days: float = 7.0
    memory: MemoryBytes = 100 << 20
    cpus: float = 0.1
    oom_kills: int = 0


class ServiceOnPaper(Instance):
    """A service: what each instance has, how many there are or what is different in each, and what the app says."""

    role: str | None = None
    instances: int | list[Instance] = 1
    week: Week | None = None
    files: dict[str, Any] = Field(default_factory=dict)
    mapping: dict[str, Any] = Field(default_factory=dict)
    database_url: str | None = None
    connection_limits: dict[str, int] = Field(default_factory=dict)


class HostOnPaper(Part):
    """A host: its size, and what it shows of its use."""

    memory: MemoryBytes = 32 << 30
    cpus: int = 8
    disk: DiskBytes | None = None
    disk_free: DiskBytes | None = None
    network: BitsPerSecond | None = None
    memory_available: MemoryBytes | None = None
    swap_used: MemoryBytes = 0
    memory_pressure: float | None = None
    load: float | None = None


class PostgresOnPaper(Part):
    """What the Postgres server of the app says of itself. ``settings`` are in its configuration file."""

    version: int | None = 17
    settings: dict[str, Any] = Field(default_factory=dict)
    arguments: dict[str, Any] = Field(default_factory=dict)
    alter_system: dict[str, Any] = Field(default_factory=dict)
    roles: dict[str, dict[str, str]] = Field(default_factory=dict)
    pending_restart: tuple[str, ...] = ()
    connections: int = 0
    reserved: int = 3
    disk: DiskBytes | None = None
    shm_size: MemoryBytes | None = None
    standby: bool = False
    problem: str | None = None


class Pooler(Part):
    """PgBouncer on the host. ``put_up_with``: what the policy overrode when it was put up; None where there is none."""

    put_up_with: dict[str, Any] | None = None
    runs: bool = True
    stale: bool = False
    led: tuple[str, ...] = ()
    written: bool | None = None
    balancer_for_reads: bool = False
    image_version: str | None = "1.24.1"
    image_problem: str | None = None
    problem: str | None = None


class Edge(Part):
    """Nginx and its include folder; ``put_up_with`` as PgBouncer's, for the balancer that it leads to.

    ``answer`` is how long Nginx waits for an answer, ``answer_then`` how long it did when the balancer was put up.
    """

    inside: str | None = "/etc/nginx/operations.d"
    networks: tuple[str, ...] = ("app_default",)
    answer: Seconds | None = 60.0
    answer_then: Seconds | None = None
    problem: str | None = None
    put_up_with: dict[str, Any] | None = None
    switched: bool | None = None
    read: bool = True
    runs: bool = True


class PrimaryOnPaper(Part):
    """The server that replicas are made of."""

    version: int = 17
    wal_level: str = "replica"
    max_wal_senders: int = 10
    max_replication_slots: int = 10
    senders: int | None = None
    tablespaces: int = 0
    data: DiskBytes = 15 * 10**9
    settings: dict[str, str] = Field(default_factory=dict)
    pending_restart: dict[str, str] = Field(default_factory=dict)
    slots: dict[str, str] = Field(default_factory=dict)
    address: bool = True
    standby: bool = False
    problem: str | None = None


class ReplicaOnPaper(Part):
    """A replica on its host; ``made_with``: what the policy overrode when it was made."""

    made_with: dict[str, Any] = Field(default_factory=dict)
    settings: dict[str, str] = Field(default_factory=dict)
    finished: bool = True
    in_rotation: bool = True
    state: str = "running"
    problem: str | None = None
    pending_restart: tuple[str, ...] = ()
    lag: MemoryBytes = 0
    lag_seconds: float = 0.0


class ReplicaHostOnPaper(HostOnPaper):
    """Another host that may have a replica; ``holds`` is what limits of other containers there add up to."""

    memory: MemoryBytes = 8 << 30
    cpus: int = 4
    disk: DiskBytes | None = 200 * 10**9
    disk_free: DiskBytes | None = 100 * 10**9
    holds: MemoryBytes | None = None
    machine: str | None = None
    address: bool = True
    reachable: bool = True
    database: bool = False
    replica: ReplicaOnPaper | None = None


class ProviderOnPaper(Part):
    """Who changes the hardware: by phase how, what its books say of the host, how long steps took before."""

    name: str = "docker"
    modes: dict[str, tuple[Mode, ...]] = dict.fromkeys(PHASES, (Mode.LIVE, Mode.REBOOT))
    waits: bool = False
    reverts: bool = True
    books: str | None = None
    took: dict[str, Seconds] = Field(default_factory=dict)


class Expected(Part):
    """What has to come of it: decisions and steps, or the refusal."""

    decisions: dict[str, dict[str, Any]] = Field(default_factory=dict)
    steps: list[str] | None = None
    disrupts: bool | None = None
    findings: list[str] = Field(default_factory=list)
    refused: str | None = None
    rule: str | None = None
    override: str | None = None
    remedy: str | None = None
