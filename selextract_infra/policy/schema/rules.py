"""Our own rules and the application mapping: sizing, right-sizing, Postgres, workers, facts."""

from typing import Literal

from selextract_infra.policy.schema.roles import role_complaint
from selextract_infra.policy.section import FrozenTable, PolicyReading, Section, Table
from selextract_infra.policy.units import (
    Cores,
    Count,
    Factor,
    MemoryBytes,
    Positive,
    Ratio,
    Seconds,
    Share,
)

__all__ = [
    "Application",
    "ApplicationService",
    "EdgePolicy",
    "Facts",
    "Forecasting",
    "JournalRetention",
    "Postgres",
    "PostgresStorage",
    "PostgresWorkload",
    "Rightsizing",
    "ServiceEnvironment",
    "ServicePostgres",
    "Sizing",
    "StepTimes",
    "Workers",
]


class Sizing(Section):
    """How sizes follow from use: shares are ratios, steps bytes (REC-03, X-05, X-08, X-46, X-68)."""

    headroom: Share
    memory_trigger: Share
    parts_share: Positive[Share]
    limit_step: Positive[MemoryBytes]
    availability_month: Positive[Seconds]
    memory_units: PolicyReading[Literal["binary"]]

    @property
    def utilisation(self) -> float:
        """The highest planned share in use: what the headroom leaves."""
        return 1 - self.headroom

    def complaint(self) -> str | None:
        """Nothing could be used."""
        return "a headroom of 100% leaves nothing to use" if self.headroom == 1 else None


class StepTimes(Section):
    """How long a step takes, in seconds: usually, to undo, the health gate's bound, and the bound of the whole."""

    estimate: Seconds
    rollback: Seconds
    gate: Seconds
    timeout: Seconds


class Rightsizing(Section):
    """How limits follow from measured use: seconds, ratios, bytes and cores.

    The sampler looks every ``interval`` and writes a ``bucket`` at a time. ``in_place`` is for all containers of a
    host, ``settle`` for each recreated instance.
    """

    window: Positive[Seconds]
    bucket: Positive[Seconds]
    interval: Positive[Seconds]
    minimum_coverage: Share
    minimum_samples: Count
    minimum_life: Seconds
    cpu_percentile: Share
    cpu_keeps_peak: bool
    memory_margin: Ratio
    first_limit: Positive[Factor]
    oom_factor: Positive[Factor]
    oom_step: MemoryBytes
    minimum_change: Ratio
    cut_within: Ratio
    memory_step: Positive[MemoryBytes]
    cpu_step: Positive[Cores]
    memory_floor: MemoryBytes
    cpu_floor: Cores
    shrink_margin: Ratio
    host_reserve_memory: Share
    cpu_overcommit_warn: Ratio
    cpu_overcommit_refuse: Ratio
    redis_fork_reserve: Ratio
    in_place: StepTimes
    settle: StepTimes
    settling: Seconds


class Forecasting(Section):
    """How use is forecast from daily values; times in seconds, shares as ratios.

    ``horizon`` is how far the backtest looks. Fewer days than ``insufficient_below`` give no number, fewer than
    ``low_confidence_below`` a doubtful one. ``interval`` is the share of days that lies between P10 and P90.
    ``minimum_coverage``: the share of days that must have a value. ``fit``: days that lines and slopes are fitted to;
    ``judged_over``: over how many days methods are compared; ``history``: older days are not looked at.
    A level that changes by ``shift_change`` and stays for ``shift_lasting`` restarts the fit, and so does a gap longer
    than ``longest_gap``. Dates beyond ``farthest`` are not given.
    """

    horizon: Seconds
    insufficient_below: Seconds
    low_confidence_below: Seconds
    interval: Share
    minimum_coverage: Share
    fit: Seconds
    judged_over: Seconds
    history: Seconds
    shift_change: Ratio
    shift_lasting: Seconds
    longest_gap: Seconds
    farthest: Seconds


class PostgresWorkload(Section):
    """What differs by workload: shares of memory, how many sorts at once, WAL in bytes, processes for one query."""

    memory_share: Share
    sorts: Count
    minimum_wal: MemoryBytes
    maximum_wal: MemoryBytes
    statistics: Count
    jit: bool
    gather: Count


class PostgresWorkloads(Section):
    """The five workloads that PGTune knows."""

    web: PostgresWorkload
    oltp: PostgresWorkload
    dw: PostgresWorkload
    mixed: PostgresWorkload
    desktop: PostgresWorkload


class PostgresStorage(Section):
    """What differs by storage: the cost of a random page over a sequential one, and how many reads run at once."""

    random_page_cost: Factor
    io_concurrency: Count


class PostgresStorages(Section):
    """The kinds of storage that PGTune knows."""

    hdd: PostgresStorage
    ssd: PostgresStorage
    san: PostgresStorage
    nvme: PostgresStorage


class Postgres(Section):
    """How Postgres is tuned: shares of effective memory, bytes, and connections (X-01 to X-04, X-13)."""

    shared_buffers_share: Positive[Share]
    shared_buffers_maximum_share: Positive[Share]
    maintenance_divisor: Positive[Count]
    autovacuum_workers: Count
    work_mem_minimum: MemoryBytes
    superuser_reserved: Count
    admin_reserve: Count
    backend_memory: MemoryBytes
    memory_minimum: MemoryBytes
    work_mem_floor: MemoryBytes
    connection_overhead: MemoryBytes
    cache_share: Share
    wal_buffers_share: Share
    wal_buffers_minimum: MemoryBytes
    wal_buffers_maximum: MemoryBytes
    huge_pages_from: MemoryBytes
    parallel_from: Cores
    hash_multiplier: Positive[Factor]
    larger_hosts: PolicyReading[Literal["formula", "guide"]]
    checkpoint_completion: Share
    wal_disk_share: Share
    wal_minimum: MemoryBytes
    slot_disk_share: Share
    analytics_delay: Seconds
    shm_minimum: MemoryBytes
    reload: StepTimes
    restart: StepTimes
    workloads: PostgresWorkloads
    storage: PostgresStorages


class Workers(Section):
    """How processes and workers are judged (X-18, X-26, X-32); seconds and ratios."""

    minimum_recycle: Seconds
    jitter: Ratio
    utilisations: tuple[Share, ...]
    longest_factor: Factor
    grace_margin: Ratio
    visibility_timeout: Seconds


class Facts(Section):
    """The share of the nominal size that a host's facts must reach (DRV-08)."""

    memory: Share
    storage: Share


class JournalRetention(Section):
    """How long the journal of a control machine keeps what is not a Run; in seconds."""

    observations: Seconds
    history: Seconds


class ServiceEnvironment(Section):
    """Names of environment variables, never their values."""

    dsn: str | None = None
    concurrency: str | None = None
    prefetch: str | None = None
    browsers: str | None = None
    task_memory: str | None = None
    visibility_timeout: str | None = None
    max_requests: str | None = None
    max_requests_jitter: str | None = None


class ServicePostgres(Section):
    """How to reach a database service inside its container, and what tuning may not guess.

    ``socket`` is the folder of its Unix socket, None for psql's own; ``connections`` how many may be open at once, None
    for the guide's wish; ``workload`` None is the role's usual one.
    """

    superuser: str = "postgres"
    socket: str | None = None
    connections: Count | None = None
    workload: Literal["web", "oltp", "dw", "mixed", "desktop"] | None = None
    storage: Literal["hdd", "ssd", "san", "nvme"] = "ssd"


class ServiceBroker(Section):
    """Where in Redis a worker service has its queues; each is None where Redis shows only one that it can be.

    ``tasks`` is the system that runs the tasks; ``other`` is one whose tasks are not counted. ``database`` is the
    number of the database, ``prefix`` what all keys there begin with (Celery's ``global_keyprefix``, a namespace).
    """

    tasks: Literal["celery", "rq", "sidekiq", "bullmq", "other"] | None = None
    database: Count | None = None
    prefix: str | None = None


class ApplicationService(Section):
    """One Compose service: its role in the guide, and what may not be guessed about it.

    ``health`` is requested on the host itself; ``port`` is where an instance listens inside its container. ``queues``
    are the names of the workers' queues, none for all that no other service names; ``broker`` says where they are.
    ``count`` is how many instances the team wants, None for what the Compose files say. ``parts``: it really uses the
    guide's memory parts of its role, so their sum is a floor (X-05, X-08). ``maxmemory`` is Redis' own limit in bytes,
    ``eviction`` its policy when it is full. ``task`` and ``longest_task`` say how long the workers' tasks take, in
    seconds; ``visibility_timeout`` after what time the broker hands a task out again. ``single``: it must run only once
    at a time, as a scheduler does; None where its name and its command say so.
    """

    role: str
    health: str | None = None
    port: Count | None = None
    count: Count | None = None
    parts: bool = False
    environment: ServiceEnvironment = ServiceEnvironment()
    celery_app: str | None = None
    queues: tuple[str, ...] = ()
    broker: ServiceBroker = ServiceBroker()
    runtime: Literal["python", "jvm", "node", "other"] | None = None
    maxmemory: MemoryBytes | None = None
    eviction: str | None = None
    task: Positive[Seconds] | None = None
    longest_task: Positive[Seconds] | None = None
    visibility_timeout: Positive[Seconds] | None = None
    postgres: ServicePostgres = ServicePostgres()
    single: bool | None = None

    def complaint(self) -> str | None:
        """Its role is no role."""
        return role_complaint(self.role)

    @property
    def task_system(self) -> str | None:
        """The system whose tasks the service works on; None where the mapping does not say."""
        return self.broker.tasks or ("celery" if self.celery_app else None)


class EdgePolicy(Section):
    """What Nginx may do in an emergency: routes that may be cached or throttled, and how it is reached.

    ``nginx_include`` is a folder on the host that Nginx's own files include ``*.http.conf`` and ``*.server.conf`` from.
    ``upstream_variable`` is the variable of Nginx, without its dollar sign, that says where requests to the API go.
    """

    public_cacheable: tuple[str, ...] = ()
    non_critical: tuple[str, ...] = ()
    nginx_include: str | None = None
    upstream_variable: str | None = None


class Application(Section):
    """How the app's services relate to the guide's; empty until the team maps them.

    ``data`` is where the volume is mounted that holds the app's data, None where that is the disk Docker is on.
    ``private_addresses`` has the address of each host in the private network, by its name in the inventory.
    """

    project: str | None = None
    directory: str | None = None
    data: str | None = None
    services: Table[ApplicationService] = FrozenTable()
    private_addresses: Table[str] = FrozenTable()
    edge: EdgePolicy = EdgePolicy()

    def services_of(self, role: str) -> dict[str, ApplicationService]:
        """The mapped services of a role of the guide, by their name in Compose."""
        return {name: service for name, service in self.services.items() if service.role == role}
