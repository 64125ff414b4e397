"""Limits as the steps of several operations hand them to playbooks. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from selextract_infra.assess.project_on_host import ProjectOnHost, ServiceOnHost
from selextract_infra.flow.proof import proof_values, replicable
from selextract_infra.model.decision import Decision
from selextract_infra.model.observation import Limits

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["IN_PLACE", "SETTLE", "common_values", "limit_values", "settle_values", "wanted_limits"]

IN_PLACE = "selextract.infra.rightsize"
SETTLE = "selextract.infra.settle"

_UNLIMITED_SWAP = -1


def wanted_limits(host: str, project: ProjectOnHost, decisions: Sequence[Decision]) -> dict[str, Limits]:
    """By service, the limits that hold when all decisions are carried out."""
    wanted = {name: service.limits for name, service in project.services.items()}
    for decision in decisions:
        if decision.host == host and decision.changes and decision.granted is not None:
            before = wanted[decision.service]
            if decision.resource == "memory":
                memory = int(decision.granted)
                after = Limits(memory=memory, swap=_swap(before, memory), cpus=before.cpus)
            else:
                after = before.model_copy(update={"cpus": float(decision.granted)})
            wanted[decision.service] = after
    return wanted


def _swap(before: Limits, memory: int) -> int:
    """Docker's total of memory and swap for the new limit: as many times the memory as before."""
    if before.memory is None:
        return memory
    if before.swap is None or before.swap < 0:
        return _UNLIMITED_SWAP
    return max(memory, round(memory * before.swap / before.memory))


def common_values(project: ProjectOnHost, policy: Policy, gate: float) -> dict[str, Any]:
    """What every playbook reads about a host's project; ``gate`` is the bound of its health gate, in seconds."""
    return {
        "project": project.project,
        "directory": policy.application.directory or project.directory,
        **proof_values(project.present, policy),
        "gate_seconds": gate,
        "shrink_margin": policy.rightsizing.shrink_margin,
        "policy_digest": policy.digest,
    }


def limit_values(limits: Limits, service: ServiceOnHost) -> dict[str, Any]:
    """The limits of one service as modules read them."""
    return {**limits.model_dump(), "form": service.form}


def settle_values(
    service: str,
    containers: Sequence[str],
    stop_grace: float | None,
    policy: Policy,
    on_host: ServiceOnHost | None = None,
) -> dict[str, Any]:
    """What playbooks read about instances that are made anew; only in the mapped variables may they become others.

    ``on_host`` says what runs in it, None where only the mapping tells.
    """
    mapped = policy.application.services.get(service)
    variables = sorted({name for name in vars(mapped.environment).values() if name}) if mapped else []
    return {
        "service": service,
        "containers": list(containers),
        "stop_grace": stop_grace,
        "variables": variables,
        "replicable": replicable(service, policy, on_host),
    }
