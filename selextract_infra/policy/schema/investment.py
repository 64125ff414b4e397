"""Vertical phases, memory and CPU parts, plans, cost and savings (VP, MEM, CPU, STP, MTP, LTP, CST, OPT, ASO)."""

from typing import Generic, Literal, TypeVar

from selextract_infra.model.figures import GB
from selextract_infra.policy.section import PolicyReading, Section, Table
from selextract_infra.policy.units import (
    BitsPerSecond,
    Change,
    Cores,
    Count,
    DiskBytes,
    Dollars,
    Factor,
    Maximum,
    MemoryBytes,
    Months,
    PerHour,
    PerSecond,
    Positive,
    Seconds,
    Share,
)

__all__ = [
    "Cost",
    "CostRowPolicy",
    "CpuParts",
    "MemoryParts",
    "OptimisationPolicy",
    "Phase",
    "Planning",
    "Prices",
    "Vertical",
    "WeekendScaling",
]

Amount = TypeVar("Amount")
Upgrade = Literal["memory", "cpu", "storage", "network"]


class MonthSpan(Section):
    """A span of months from the programme's start."""

    start: Months
    end: Months

    def complaint(self) -> str | None:
        """It ends before it starts."""
        return f"end {self.end} is before start {self.start}" if self.end < self.start else None


class Sizes(Section, Generic[Amount]):
    """Before and after."""

    before: Positive[Amount]
    after: Positive[Amount]


class Benefit(Section):
    """What the guide says an upgrade brings."""

    change: Change
    also: str | None = None


class Phase(Section, Generic[Amount]):
    """One vertical phase (VP1 to VP4). ``label`` is the guide's ambiguous name (X-60), ``cost`` dollars a month."""

    label: str
    window: MonthSpan
    size: Sizes[Amount]
    cost: Dollars
    benefit: Benefit


class Phases(Section):
    """The four phases, in the order in which they must be done (VP-00)."""

    memory: Phase[MemoryBytes]
    cpu: Phase[Cores]
    storage: Phase[DiskBytes]
    network: Phase[BitsPerSecond]


class RestorePointPolicy(Section):
    """Where the restore point of an upgrade is kept; ``room`` is a multiple of the databases' size."""

    folder: str
    kept: Positive[Count]
    room: Factor
    largest_file: MemoryBytes


class UpgradeEvidence(Section):
    """What shows that memory is short: the share of time in which tasks waited for it (X-59)."""

    pressure: Share


class Announcement(Section):
    """By whose channels people are told of an upgrade (SEV)."""

    severity: Literal["P1", "P2", "P3", "P4"]


class LoadCheck(Section):
    """What is asked of each health address after an upgrade; ``target`` in seconds."""

    requests: Positive[Count]
    slower: Factor
    target: Seconds


class Learning(Section):
    """From how many earlier upgrades durations are learned, and with what margin."""

    runs: Positive[Count]
    margin: Factor


class UpgradeStep(Section):
    """How long one step of an upgrade takes, in seconds: usually, to undo, and at most."""

    estimate: Seconds
    rollback: Seconds
    timeout: Seconds


class ServerSizes(Section):
    """The sizes that a server can have, smallest first: bytes of RAM, cores, bytes of disk."""

    memory: tuple[MemoryBytes, ...]
    cpu: tuple[Cores, ...]
    storage: tuple[DiskBytes, ...]

    def complaint(self) -> str | None:
        """A list in another order would not have its smallest size first."""
        lists = {"memory": self.memory, "cpu": self.cpu, "storage": self.storage}
        wrong = next((name for name, sizes in lists.items() if list(sizes) != sorted(set(sizes))), None)
        return f"{wrong} is not in order, smallest first" if wrong else None


class Vertical(Section):
    """The vertical path, who changes the hardware (X-72), and how an upgrade goes."""

    phases: Phases
    sizes: ServerSizes
    performed_by: PolicyReading[Literal["operator", "provider"]]
    drain: Seconds
    restore_point: RestorePointPolicy
    evidence: UpgradeEvidence
    comes_back: Seconds
    announcement: Announcement
    load_check: LoadCheck
    learning: Learning
    steps: Table[UpgradeStep]


class ApiMemory(Section):
    """Memory parts of one API instance, bytes (MEM-01 to MEM-03)."""

    jvm_heap: MemoryBytes
    connection_pool: MemoryBytes
    cache: MemoryBytes

    @property
    def total(self) -> int:
        """All parts, bytes (MEM-10)."""
        return self.jvm_heap + self.connection_pool + self.cache


class WorkerMemory(Section):
    """Memory parts of one worker, bytes (MEM-04 to MEM-06)."""

    browser_instances: Maximum
    memory_per_browser: MemoryBytes
    task_memory_limit: MemoryBytes

    def total(self, concurrency: int) -> int:
        """All browsers and so many tasks, bytes (MEM-10)."""
        return self.browser_instances * self.memory_per_browser + concurrency * self.task_memory_limit


class DatabaseMemory(Section):
    """Postgres' memory settings, bytes (MEM-07 to MEM-09)."""

    shared_buffers: MemoryBytes
    work_mem: MemoryBytes
    maintenance_work_mem: MemoryBytes

    def total(self, connections: int) -> int:
        """Shared buffers, one work_mem for each connection and one maintenance_work_mem, bytes (MEM-10)."""
        return self.shared_buffers + connections * self.work_mem + self.maintenance_work_mem


class MemoryParts(Section):
    """What each service does with its memory (MEM)."""

    api: ApiMemory
    worker: WorkerMemory
    database: DatabaseMemory


class ApiCpu(Section):
    """Processes of one API instance (CPU-01, CPU-02)."""

    worker_processes: Positive[Count]
    max_requests_per_worker: Positive[Count]


class WorkerCpu(Section):
    """Concurrency and prefetch of one worker (CPU-03, CPU-04)."""

    concurrency: Positive[Count]
    prefetch_multiplier: Positive[Count]


class DatabaseCpu(Section):
    """Postgres' processes (CPU-05, CPU-06)."""

    max_worker_processes: Count
    max_parallel_workers: Count


class CpuParts(Section):
    """What each service does with its CPU (CPU)."""

    api: ApiCpu
    worker: WorkerCpu
    database: DatabaseCpu


class Horizon(MonthSpan):
    """When a plan is carried out, and what the guide calls it."""

    label: str


class Action(Section):
    """What a plan does; ``upgrade`` names a vertical phase, ``usage`` is a goal for the use of a resource."""

    operation: str
    upgrade: Upgrade | None = None
    usage: Change | None = None


class Gain(Section, Generic[Amount]):
    """Capacity before and after a plan, and the change that the guide states."""

    before: Positive[Amount]
    after: Positive[Amount]
    change: Change


class Gains(Section):
    """What a plan brings (STP, MTP, LTP)."""

    users: Gain[Count]
    api_requests: Gain[PerSecond]
    tasks: Gain[PerHour]


class PlannedTerm(Section):
    """One plan: when, what, and what it brings."""

    horizon: Horizon
    actions: Table[Action]
    gain: Gains


class Planning(Section):
    """The three plans of the guide."""

    short_term: PlannedTerm
    medium_term: PlannedTerm
    long_term: PlannedTerm


class CostRowPolicy(Section):
    """One row of the cost table, dollars a month (CST-01 to CST-05)."""

    month: Months
    cpu: Positive[Dollars]
    memory: Dollars
    storage: Dollars
    network: Dollars
    total: Dollars
    growth: Change | None = None

    @property
    def sum(self) -> float:
        """The cells' sum, which is what the total ought to be."""
        return self.cpu + self.memory + self.storage + self.network


class Prices(Section):
    """Unit prices, dollars a month (CST-06)."""

    per_core: Positive[Dollars]
    per_gb_memory: Positive[Dollars]
    per_tb_storage: Positive[Dollars]
    per_gbps_network: Positive[Dollars]

    def of(self, *, cpus: float = 0, memory: float = 0, storage: float = 0, network: float = 0) -> float:
        """Dollars a month of so many cores, bytes of RAM (binary), bytes of disk and bits per second (decimal)."""
        return (
            cpus * self.per_core
            + memory / GB * self.per_gb_memory
            + storage / 10**12 * self.per_tb_storage
            + network / 10**9 * self.per_gbps_network
        )


class Cost(Section):
    """The bill over time, oldest row first, and the unit prices it follows (CST)."""

    table: Table[CostRowPolicy]
    prices: Prices


class LimitChange(Section):
    """A container's memory limit before and after, bytes (RSZ-01)."""

    before: Positive[MemoryBytes]
    after: Positive[MemoryBytes]


class RightsizingGoals(Section):
    """Right-sizing as the guide wants it (RSZ)."""

    api: LimitChange


class Switch(Section):
    """Something that is on or off."""

    enabled: bool


class WorkloadPolicy(Section):
    """Workload optimisations that this program carries out (WLO)."""

    compression: Switch


class Saving(Section):
    """What an optimisation claims: more performance, dollars a month less, and its effort (OPT)."""

    performance: Change
    saves: Dollars
    effort: Literal["low", "medium", "high"]


class ReservationPolicy(Section):
    """A commitment: the share saved, and for how long (RSV)."""

    saves: Share
    term: Months


class Reservations(Section):
    """Commitments, the recommended one, and the month in which to commit (X-73)."""

    one_year: ReservationPolicy
    three_years: ReservationPolicy
    recommended: Literal["one_year", "three_years"]
    commit_in: PolicyReading[Months]


class MinimumCounts(Section):
    """Fewest instances in the cheaper profile (ASO-02)."""

    api: Count
    worker: Count
    frontend: Count


class WeekendScaling(Section):
    """Fewer instances at weekends (ASO-04, X-37)."""

    enabled: bool
    factor: Factor


class Profile(Section):
    """The cheaper profile (ASO); ``production`` says whether it may be used there (X-34)."""

    aggressive_scale_down: bool
    min_instances: MinimumCounts
    scale_down_delay: Seconds
    weekend: WeekendScaling
    production: PolicyReading[bool]
    time_zone: PolicyReading[str]


class OptimisationPolicy(Section):
    """Saving money (RSZ, WLO, OPT, RSV, ASO)."""

    rightsizing: RightsizingGoals
    workload: WorkloadPolicy
    savings: Table[Saving]
    reservations: Reservations
    profile: Profile
