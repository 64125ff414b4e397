"""Read replicas: how they are made, when they may answer, and where everything listens (HDB-04, LB-06, LB-07, X-63)."""

from selextract_infra.policy.schema.rules import StepTimes
from selextract_infra.policy.section import Section
from selextract_infra.policy.units import Cores, Count, DiskBytes, Factor, MemoryBytes, Positive, Ratio, Seconds

__all__ = ["ReplicationPolicy", "ReplicationPorts"]


class ReplicationPorts(Section):
    """Ports on private addresses, and of the balancer on the app's own network (``reads``, ``analytics``)."""

    primary: Positive[Count]
    replica: Positive[Count]
    check: Positive[Count]
    image: Positive[Count]
    reads: Positive[Count]
    analytics: Positive[Count]


class ReplicationCheck(Section):
    """How the balancer asks a replica whether it may be used, in seconds."""

    interval: Positive[Seconds]
    timeout: Positive[Seconds]


class ReplicationBalancer(Section):
    """The balancer for reads: its limits, its connections, how long it waits, in seconds."""

    memory: MemoryBytes
    cpus: Cores
    connections: Positive[Count]
    connect: Positive[Seconds]
    idle: Positive[Seconds]
    drain: Seconds


class ReplicationPolicy(Section):
    """Read replicas. ``rate`` is in bytes per second; lags are how far behind a replica may be to answer."""

    rate: Positive[DiskBytes]
    connect: Positive[Seconds]
    disk_margin: Ratio
    reads_lag: Positive[Seconds]
    analytics_lag: Positive[Seconds]
    silence: Positive[Seconds]
    senders: Positive[Count]
    ports: ReplicationPorts
    check: ReplicationCheck
    balancer: ReplicationBalancer
    clone: StepTimes
    clone_slowest: Factor
    change: StepTimes
    restart: StepTimes
