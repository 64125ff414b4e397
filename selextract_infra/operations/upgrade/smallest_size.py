"""The smallest size of a server that ends the reason for an upgrade. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selextract_infra.operations.upgrade.evidence import evidence_of

if TYPE_CHECKING:
    from selextract_infra.model.observation import HostObservation
    from selextract_infra.policy import Policy

__all__ = ["smallest_size"]


def smallest_size(host: HostObservation, resource: str, policy: Policy) -> float | None:
    """The smallest size above that of now at which the use stays below its warning threshold.

    None where nothing shows that the resource is short, or no size of the policy's list is enough. Where it is short
    for another reason than its use, such as containers killed for memory, it is the next size.
    """
    evidence = evidence_of(host, resource, policy)
    if not evidence.short:
        return None
    alerts = policy.monitoring.infrastructure
    sizes: dict[str, tuple[tuple[float, ...], float]] = {
        "memory": (policy.vertical.sizes.memory, alerts.memory_usage.warning),
        "cpu": (policy.vertical.sizes.cpu, alerts.cpu_usage.warning),
        "storage": (policy.vertical.sizes.storage, alerts.disk_usage.warning),
    }
    if resource not in sizes:
        return None
    known, warning = sizes[resource]
    return next(
        (float(size) for size in known if size > evidence.size * _NOMINAL and evidence.used / size < warning), None
    )


_NOMINAL = 1.1
"""Kernel and file system keep a part for themselves: a server of 2 GB shows less and must not be offered 2 GB."""
