"""What tells that a changed service serves: its health check, or its health address; or that nothing does. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from selextract_infra.assess.project_on_host import ServiceOnHost
from selextract_infra.assess.singleton import why_single

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["not_proved", "proof_values", "replicable"]

_REPLICABLE = frozenset({"api", "frontend", "nginx", "worker"})
"""Roles of which two instances may run for a moment; two databases, caches or queues on the same data may not."""


def proof_values(present: Iterable[str], policy: Policy) -> dict[str, Any]:
    """What the health gate of a step reads besides its bound; ``present`` are the mapped services of the host."""
    mapped = policy.application.services
    addresses = {name: url for name in present if name in mapped and (url := mapped[name].health)}
    return {
        "health": list(addresses.values()),
        "answering": sorted(addresses),
        "settling_seconds": policy.rightsizing.settling,
    }


def replicable(name: str, policy: Policy, on_host: ServiceOnHost | None = None) -> bool:
    """Whether a service may have another instance for a moment, by its role; the host looks at the rest.

    ``on_host`` says what runs in it, None where only the mapping tells.
    """
    mapped = policy.application.services.get(name)
    if mapped is None or mapped.role not in _REPLICABLE or why_single(name, policy) is not None:
        return False
    return on_host is None or (on_host.role in (*_REPLICABLE, "") and not on_host.single)


def not_proved(names: Collection[str], services: Mapping[str, ServiceOnHost], policy: Policy) -> str:
    """The services of which nothing tells that they serve, as a sentence to follow another; empty without any."""
    mapped = policy.application.services
    silent = sorted(
        name
        for name in names
        if not (name in services and services[name].has_healthcheck) and not (name in mapped and mapped[name].health)
    )
    has = "has" if len(silent) == 1 else "have"
    return f" Not proved that it serves: {', '.join(silent)} {has} no health check." if silent else ""
