"""What shows that a resource of a server is short (X-59). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from selextract_infra.model.figures import memory, percent
from selextract_infra.model.observation import HostObservation

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["UpgradeEvidenceSeen", "evidence_of"]


@dataclass(frozen=True)
class UpgradeEvidenceSeen:
    """Whether the resource is short, the figures that say so, and both as a sentence.

    ``size`` and ``used`` are in the resource's base unit, 0 where they are unknown.
    """

    short: bool
    sentence: str
    numbers: dict[str, float]
    size: float = 0.0
    used: float = 0.0


def evidence_of(host: HostObservation, resource: str, policy: Policy) -> UpgradeEvidenceSeen:
    """What the host's own figures say of that resource; what cannot be measured here is no reason."""
    facts, warn = host.facts, policy.monitoring.infrastructure
    if resource == "memory":
        return _memory_evidence(host, policy)
    if resource == "cpu":
        used = sum(container.usage.cpus or 0.0 for container in host.containers)
        load = facts.load_average[0] if facts.load_average else None
        share = max(used, load or 0.0) / facts.cpus if facts.cpus else 0.0
        waiting = "unknown" if load is None else f"{load:.1f}"
        sentence = f"Containers use {used:.1f} of {facts.cpus} cores, and the load is {waiting}."
        numbers = {"used_cores": round(used, 2), **({} if load is None else {"load": load})}
        return UpgradeEvidenceSeen(
            share >= warn.cpu_usage.warning, sentence, numbers, float(facts.cpus), share * facts.cpus
        )
    if resource == "storage":
        total, free = (facts.data_total, facts.data_free) if facts.data_total else (facts.disk_total, facts.disk_free)
        if not total or free is None:
            return UpgradeEvidenceSeen(False, "How much of the disk is in use is unknown.", {})
        share = 1 - free / total
        return UpgradeEvidenceSeen(
            share >= warn.disk_usage.warning,
            f"{percent(share)} of the disk is in use.",
            {"used_ratio": share},
            float(total),
            float(total - free),
        )
    return UpgradeEvidenceSeen(False, "What the network carries is not measured here.", {})


def _memory_evidence(host: HostObservation, policy: Policy) -> UpgradeEvidenceSeen:
    """Swap and pressure looked at, as the guide did not (X-59)."""
    facts = host.facts
    kills = sum(int(bucket.oom_kills.sum()) for bucket in host.history) + sum(
        container.oom_killed for container in host.containers
    )
    known = bool(facts.memory) and facts.memory_available is not None
    used = 1 - (facts.memory_available or 0) / facts.memory if known else None
    pressure = facts.memory_pressure
    warning = policy.monitoring.infrastructure.memory_usage.warning
    short = (
        facts.swap_used > 0
        or kills > 0
        or (used or 0.0) >= warning
        or (pressure or 0.0) >= policy.vertical.evidence.pressure
    )
    in_use = f"How much of {memory(facts.memory)} is in use is unknown"
    if used is not None:
        in_use = f"{percent(used)} of {memory(facts.memory)} is in use"
    waited = "is unknown" if pressure is None else f"is {percent(pressure)}"
    sentence = (
        f"{in_use}, {memory(facts.swap_used)} swapped; the pressure"
        f" {waited}, and {kills} containers were killed for memory."
    )
    shares = {"used_ratio": None if used is None else round(used, 4), "pressure_ratio": pressure}
    numbers = {"swap_bytes": float(facts.swap_used), "kills": float(kills)}
    numbers |= {name: share for name, share in shares.items() if share is not None}
    # What was swapped out would have to fit as well.
    needed = (used or 0.0) * facts.memory + facts.swap_used
    return UpgradeEvidenceSeen(short, sentence, numbers, float(facts.memory), needed)
