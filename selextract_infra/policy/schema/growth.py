"""Growth scenarios and what they need (GRO, REQ)."""

from typing import Generic, Literal, TypeVar

from selextract_infra.policy.section import PolicyReading, Section, Table
from selextract_infra.policy.units import (
    BitsPerSecond,
    Change,
    Cores,
    Count,
    DiskBytes,
    MemoryBytes,
    PerHour,
    PerSecond,
)

__all__ = ["DemandPolicy", "GrowthPolicy", "Need", "Needs", "Scenario"]

Amount = TypeVar("Amount")


class DemandPolicy(Section, Generic[Amount]):
    """Growth in one year as a ratio (0.5 is +50 %), and the result that the guide states."""

    growth: Change
    result: Amount


class Need(Section, Generic[Amount]):
    """What is needed at least, and the change that the guide calls it; None where it calls it none."""

    amount: Amount
    change: Change | None = None


class Needs(Section):
    """The host a scenario needs (REQ): cores, bytes of RAM, bytes of disk, bits per second."""

    cpus: Need[Cores]
    memory: Need[MemoryBytes]
    storage: Need[DiskBytes]
    network: Need[BitsPerSecond]


class Scenario(Section):
    """One growth scenario for the first year (GRO)."""

    users: DemandPolicy[Count]
    tasks: DemandPolicy[PerHour]
    data: DemandPolicy[DiskBytes]
    api_requests: DemandPolicy[PerSecond]
    needs: Needs


class GrowthPolicy(Section):
    """All scenarios, and what the storage percentages refer to (X-54)."""

    scenarios: Table[Scenario]
    storage_basis: PolicyReading[Literal["data", "disk"]]
