"""Triggers, planned events, instance bounds, balancing and regions (TRG, MAN, H*, LB, MR)."""

from typing import Generic, Literal, TypeVar

from selextract_infra.policy.condition import Condition
from selextract_infra.policy.schema.rules import StepTimes
from selextract_infra.policy.section import PolicyReading, Section, Table
from selextract_infra.policy.units import (
    Change,
    Cores,
    Count,
    MemoryBytes,
    Months,
    PerSecond,
    Positive,
    Ratio,
    Seconds,
    Share,
)

__all__ = [
    "Balancing",
    "EnabledFrom",
    "Instances",
    "Maintenance",
    "PgBouncer",
    "PlannedEventPolicy",
    "Region",
    "Regions",
    "ScalePolicy",
    "Scaling",
    "Trigger",
    "TriggerRules",
    "Triggers",
]

Amount = TypeVar("Amount")
Operator = Literal[">", ">=", "<", "<="]


class Trigger(Section, Generic[Amount]):
    """A scaling trigger (TRG). ``adds`` is the number of instances of the action; ``operator`` and ``service`` are None
    where nobody stated them (X-31, X-33); ``duration`` and ``cooldown`` are seconds.
    """

    metric: str
    threshold: Amount
    duration: Seconds
    action: Literal["add_instance", "remove_instance", "add_worker"]
    adds: Count = 1
    cooldown: Seconds
    operator: Operator | None = None
    service: str | None = None


class Triggers(Section):
    """The five automatic triggers (TRG-01 to TRG-05)."""

    cpu_scale_out: Trigger[Share]
    cpu_scale_in: Trigger[Share]
    memory_scale_out: Trigger[Share]
    latency_scale_out: Trigger[Seconds]
    queue_scale_out: Trigger[Count]


class Sustained(Section):
    """How much of a duration must have been sampled (TRG-06)."""

    minimum_coverage: Share


class Operators(Section):
    """Operators for rising metrics and for scale-in and throughput (X-31)."""

    rising: PolicyReading[Operator]
    falling: PolicyReading[Operator]


class Hysteresis(Section):
    """How far below the scale-out thresholds the rest has to stay when an instance goes (X-33)."""

    share: Positive[Share]


class TriggerRules(Section):
    """How triggers are evaluated (TRG-06 to TRG-10)."""

    sustained: Sustained
    operators: Operators
    hysteresis: Hysteresis
    metric_scope: PolicyReading[Literal["service", "host"]]
    calm_scale_in: PolicyReading[bool]


class PlannedEventPolicy(Section):
    """More capacity for an event: the share added (1.0 doubles) and how long before it, seconds; None without lead."""

    capacity: Change
    lead: Seconds | None = None


class Maintenance(Section):
    """What happens to instance counts in a maintenance window (MAN-04, X-71)."""

    freezes_autoscaling: PolicyReading[bool]


class Instances(Section):
    """The fewest and the most instances."""

    minimum: Count
    maximum: Count

    def complaint(self) -> str | None:
        """The fewest are more than the most."""
        return f"minimum {self.minimum} is above maximum {self.maximum}" if self.minimum > self.maximum else None


class Targets(Section):
    """Utilisation to aim at (HAPI-02)."""

    cpu: Share
    memory: Share


class ScalePolicy(Section, Generic[Amount]):
    """A service's own rule: so many instances more or fewer at this value. The guide gives no times (X-33)."""

    metric: str
    threshold: Amount
    instances: Positive[Count]
    duration: Seconds | None = None
    cooldown: Seconds | None = None


class ApiScaling(Section):
    """Horizontal scaling of the API (HAPI)."""

    instances: Instances
    targets: Targets
    scale_up: ScalePolicy[Positive[PerSecond]]
    scale_down: ScalePolicy[PerSecond]
    load_scope: PolicyReading[Literal["instance", "total"]]


class WorkerScaling(Section):
    """Horizontal scaling of the workers (HWRK)."""

    instances: Instances
    target_queue: Count
    scale_up: ScalePolicy[Positive[Count]]
    scale_down: ScalePolicy[Count]
    pending: PolicyReading[Literal["queued", "queued_and_reserved"]]


class ReplicaTrigger(Section):
    """When to add a read replica (HDB-02)."""

    condition: Condition


class ReplicaScaling(Section):
    """Read replicas (HDB-01, HDB-02, HDB-04)."""

    instances: Instances
    trigger: ReplicaTrigger
    load_scope: PolicyReading[Literal["total", "replica"]]
    duration: Seconds
    cooldown: Seconds


class Connections(Section):
    """Database connections: all, and those each API instance pools (HDB-03)."""

    maximum: Positive[Count]
    per_api_instance: Count


class Scaling(Section):
    """Horizontal scaling, by service."""

    api: ApiScaling
    worker: WorkerScaling
    replicas: ReplicaScaling
    connections: Connections
    instance: StepTimes


class EnabledFrom(Section):
    """The roadmap month from which a capability exists (X-62)."""

    read_replicas: PolicyReading[Months]
    load_balancer: PolicyReading[Months]
    autoscaling: PolicyReading[Months]


class HealthCheck(Section):
    """How instances are asked for their health (LB-02, X-67); times in seconds."""

    path: str
    interval: Seconds
    timeout: PolicyReading[Seconds]
    fall: PolicyReading[Count]
    rise: PolicyReading[Count]
    prober: PolicyReading[Literal["haproxy"]]


class Analytics(Section):
    """Where analytics queries go (LB-07, X-63)."""

    target: Literal["dedicated_replica", "shared_replica", "primary"]
    with_no_replica: PolicyReading[Literal["primary"]]


class PoolingPolicy(Section):
    """Connection pooling (LB-08)."""

    software: Literal["pgbouncer"]
    mode: Literal["transaction", "session", "statement"]


class Proxy(Section):
    """The HAProxy before the API: its image and limits; times in seconds, ``log`` (bytes of memory) holds requests.

    An instance is asked every ``fast_interval`` when in doubt and every ``down_interval`` when down. ``drain`` is the
    longest time that a leaving instance gets for the requests it holds.
    """

    image: str
    memory: MemoryBytes
    cpus: Cores
    connections: Positive[Count]
    fast_interval: Positive[Seconds]
    down_interval: Positive[Seconds]
    retries: Count
    connect: Positive[Seconds]
    queue: Positive[Seconds]
    answer: Positive[Seconds]
    idle: Positive[Seconds]
    drain: Positive[Seconds]
    log: Positive[MemoryBytes]


class EdgeRules(Section):
    """What Nginx does while an emergency switch is on: seconds, bytes, and requests for each throttled route."""

    cache: Positive[Seconds]
    stale: Positive[Seconds]
    cache_keys: Positive[MemoryBytes]
    cache_size: Positive[MemoryBytes]
    throttle: Positive[PerSecond]
    throttle_burst: Count
    compress_from: MemoryBytes


class Balancing(Section):
    """Load balancing of the API and the database (LB)."""

    algorithm: Literal["leastconn", "roundrobin"]
    health_check: HealthCheck
    failover: Literal["automatic", "manual"]
    session_affinity: Literal["none", "cookie", "ip_hash"]
    writes: Literal["primary"]
    reads: Literal["round_robin"]
    analytics: Analytics
    pooling: PoolingPolicy
    proxy: Proxy
    edge: EdgeRules


class PgBouncerNeeds(Section):
    """The first version of PgBouncer that can do it (X-66)."""

    host_list: str
    prepared_statements: str
    hitless_restart: str
    load_balance_hosts: str


class PgBouncerContainer(Section):
    """Our container of PgBouncer; memory in bytes, pools in connections, ``query_wait`` in seconds.

    ``certificate`` and ``key`` are files on the host; without them it makes a certificate of its own.
    """

    image: str
    memory: Positive[MemoryBytes]
    cpus: Positive[Cores]
    host: str
    port: Positive[Count]
    clients_minimum: Positive[Count]
    readonly_pool: Positive[Count]
    login_pool: Positive[Count]
    prepared_statements: Count
    query_wait: Positive[Seconds]
    certificate: str | None = None
    key: str | None = None

    def complaint(self) -> str | None:
        """Only one of two files that belong together."""
        return "certificate and key belong together" if (self.certificate is None) != (self.key is None) else None


class PgBouncerPause(Section):
    """How long a pause may take, in seconds."""

    bound: Positive[Seconds]
    longest: Positive[Seconds]


class PgBouncer(Section):
    """Pool sizes and versions (X-13, X-66). ``packaged``: version by operating system; the rest are connections."""

    packaged: Table[str]
    needs: PgBouncerNeeds
    default_pool: Count
    reserve_pool: Count
    server_connections: Count
    client_margin: Ratio
    container: PgBouncerContainer
    pause: PgBouncerPause
    change: StepTimes


class Region(Section):
    """Something of the multi-region plan; ``label`` is what the guide calls its phase (X-60)."""

    label: str
    names: tuple[str, ...]


class Regions(Section):
    """The multi-region plan, which is held and never executed (MR)."""

    status: Literal["future"]
    phases: Table[Region]
