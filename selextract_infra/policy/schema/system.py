"""The document, its objectives and indicators, and the current system (META, OBJ, KPI, SYS, CTR, P*, LT, BOT, LIM)."""

from datetime import date
from enum import StrEnum
from typing import Generic, Literal, TypeVar

from selextract_infra.policy.section import Section, Table
from selextract_infra.policy.units import (
    BitsPerSecond,
    Cores,
    Count,
    DiskBytes,
    MemoryBytes,
    PerHour,
    PerSecond,
    Positive,
    Seconds,
    Share,
)

__all__ = [
    "Baseline",
    "BottleneckPolicy",
    "CapacityAlerts",
    "ContainerPolicy",
    "Guide",
    "HostPolicy",
    "Indicators",
    "Kpi",
    "LimitsPolicy",
    "LoadTests",
    "Objective",
    "Span",
    "SystemProfile",
]

Amount = TypeVar("Amount", int, float)
Mark = Literal["pass", "warning", "fail"]


class SystemProfile(StrEnum):
    """Whose system a policy's assumptions are about; its rules hold for everybody."""

    GUIDE = "guide"
    OWN = "own"


class Guide(Section):
    """The document itself (META-01 to META-08)."""

    title: str
    chapters: tuple[str, ...]
    version: str
    updated: date
    next_review: date
    owner: str


class Objective(Section):
    """One of the guide's objectives (OBJ); 1 is the most important."""

    priority: Count


class Kpi(Section, Generic[Amount]):
    """An indicator: capacity today, wanted capacity, and thresholds that refer to the wanted one (X-40)."""

    current: Positive[Amount]
    target: Positive[Amount]
    warning: Amount
    critical: Amount

    def complaint(self) -> str | None:
        """The thresholds are in the wrong order."""
        return "warning is above critical" if self.warning > self.critical else None


class Indicators(Section):
    """The five key performance indicators (KPI-01 to KPI-05)."""

    concurrent_users: Kpi[Count]
    api_requests: Kpi[PerSecond]
    tasks: Kpi[PerHour]
    data_storage: Kpi[DiskBytes]
    response_time: Kpi[Seconds]


class CapacityAlerts(Section):
    """Shares of current capacity at which to alert (X-40)."""

    warning: Share
    critical: Share


class OperatingSystem(Section):
    """The operating system a preflight check expects (SYS-05)."""

    distribution: str
    version: str

    @property
    def key(self) -> str:
        """The release as a key of tables: ``ubuntu_22_04``."""
        return f"{self.distribution}_{self.version}".lower().replace(".", "_")


class HostPolicy(Section):
    """The reference host (SYS-01 to SYS-06): cores, bytes of RAM, bytes of disk, bits per second."""

    hosts: Positive[Count]
    cpus: Positive[Cores]
    memory: Positive[MemoryBytes]
    storage: Positive[DiskBytes]
    network: Positive[BitsPerSecond]
    os: OperatingSystem


class ContainerPolicy(Section):
    """Limits of one container and the share in use (CTR).

    ``usage`` has no resource in the guide (X-10); ``cpu_usage`` and ``memory_usage`` are None until measured. Ask
    ``cpu_share`` and ``memory_share``, which know the difference. ``instances`` is None where the guide does not say.
    """

    cpus: Positive[Cores]
    memory: Positive[MemoryBytes]
    usage: Share
    headroom: Share
    cpu_usage: Share | None = None
    memory_usage: Share | None = None
    instances: Count | None = None

    @property
    def cpu_share(self) -> float:
        """Share of the CPU limit in use, 0 to 1."""
        return self.usage if self.cpu_usage is None else self.cpu_usage

    @property
    def memory_share(self) -> float:
        """Share of the memory limit in use, 0 to 1."""
        return self.usage if self.memory_usage is None else self.memory_usage

    @property
    def count(self) -> int:
        """Instances of the reference system: one where nobody says otherwise."""
        return 1 if self.instances is None else self.instances


class Span(Section, Generic[Amount]):
    """A range in normal operation."""

    low: Positive[Amount]
    high: Positive[Amount]

    def complaint(self) -> str | None:
        """The range is upside down."""
        return "low is above high" if self.low > self.high else None


class ResponseTime(Section):
    """Percentiles of the response time, seconds (PAPI-02)."""

    p95: Seconds
    p99: Seconds


class ApiBaseline(Section):
    """The API in normal operation (PAPI)."""

    throughput: Span[PerSecond]
    response_time: ResponseTime
    error_rate: Share
    connections: Span[Count]


class Pool(Section):
    """Server connections of the pool (PDB-02)."""

    size: Count
    maximum: Count


class DiskOperations(Section):
    """Disk operations per second (PDB-03)."""

    average: PerSecond
    peak: PerSecond


class DatabaseSize(Section):
    """Size of the database on disk, bytes (PDB-04)."""

    total: DiskBytes
    indexes: DiskBytes
    data: DiskBytes


class DatabaseBaseline(Section):
    """The database in normal operation (PDB)."""

    query_time: Seconds
    pool: Pool
    disk_io: DiskOperations
    size: DatabaseSize


class WorkerBaseline(Section):
    """The workers in normal operation (PWK)."""

    throughput: Span[PerHour]
    task_duration: Positive[Seconds]
    queue_latency: Seconds
    browsers: Span[Count]


class RedisBaseline(Section):
    """Redis in normal operation (PRD)."""

    memory: MemoryBytes
    operations: Span[PerSecond]
    hit_rate: Share
    connections: Count


class Baseline(Section):
    """Measured normal operation, by layer."""

    api: ApiBaseline
    database: DatabaseBaseline
    worker: WorkerBaseline
    redis: RedisBaseline


class TestRun(Section):
    """How a load test was run (LT-01, LT-06)."""

    duration: Positive[Seconds]
    users: Positive[Count]
    target: str


class Measured(Section, Generic[Amount]):
    """A result, its target where the guide names one, and the guide's own verdict, which is not trusted (X-22)."""

    measured: Amount
    target: Amount | None = None
    marked: Mark


class Requests(Section):
    """Requests of a run: all of them, and per second."""

    total: Count
    rate: Positive[PerSecond]


class StressUsage(Section):
    """Resource use under stress (LT-10)."""

    cpu: Share
    memory: Share
    marked: Mark


class LoadTest(Section):
    """One load test of the guide; ``usage`` and ``users_reached`` only where the guide gives them."""

    run: TestRun
    p95: Measured[Seconds]
    failed: Measured[Share]
    requests: Requests
    users_reached: Count | None = None
    usage: StressUsage | None = None


class GatePolicy(Section):
    """What a load test must stay below (LT-11)."""

    p95: Seconds
    failed: Share


class LoadTests(Section):
    """The guide's two runs, and the gate for later ones."""

    baseline: LoadTest
    stress: LoadTest
    gate: GatePolicy


class BottleneckPolicy(Section):
    """What is likely to give way (BOT); shares only where the guide measured them."""

    rank: Literal["primary", "secondary"]
    average: Share | None = None
    peak: Share | None = None


class HardLimits(Section):
    """What the host has; a plan that needs more is refused (LIM-H)."""

    response: Literal["refuse"]
    cpus: Cores
    memory: MemoryBytes
    network: BitsPerSecond
    storage: DiskBytes


class SoftLimit(Section, Generic[Amount]):
    """A limit beyond which the service gets worse, and how."""

    limit: Positive[Amount]
    effect: str


class SoftLimits(Section):
    """Limits that warn (LIM-S)."""

    response: Literal["warn"]
    users: SoftLimit[Count]
    api_requests: SoftLimit[PerSecond]
    tasks: SoftLimit[PerHour]
    database_connections: SoftLimit[Count]


class LimitsPolicy(Section):
    """Hard limits refuse, soft limits warn."""

    hard: HardLimits
    soft: SoftLimits


Bottlenecks = Table[BottleneckPolicy]
