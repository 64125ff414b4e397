"""The Policy's own checks on observed hosts: with their sizes, and with what their containers have and use."""

from __future__ import annotations

from collections.abc import Iterable

from selextract_infra.assess.hardware import hardware_seen, policy_host
from selextract_infra.defects.run import Checked, check_policy
from selextract_infra.model.observation import ContainerObservation, HostObservation, Observation
from selextract_infra.policy import Policy
from selextract_infra.policy.schema.system import Container

__all__ = ["checked_observation", "policy_seen"]


def checked_observation(policy: Policy, observation: Observation) -> list[Checked]:
    """For each observed host the findings of the policy, with the host's sizes and what its containers have and use."""
    hosts = len(observation.hosts)
    checked = []
    for host in observation.hosts:
        sizes = policy_host(policy, hardware_seen(host, policy)).model_copy(update={"hosts": hosts})
        checked.append(Checked(host.name, sizes, check_policy(policy_seen(policy, host), sizes)))
    return checked


def policy_seen(policy: Policy, host: HostObservation) -> Policy:
    """The policy with the limits, counts and use of the host's mapped services in place of the guide's table.

    Use is the highest that the recorded history has, else the momentary one. A service that is not mapped, not there,
    or without a limit keeps the policy's value.
    """
    rows = dict(policy.containers)
    for role, row in policy.containers.items():
        containers = [each for name in policy.application.services_of(role) for each in _containers(policy, host, name)]
        if containers:
            rows[role] = _row_seen(row, containers, host)
    return policy.model_copy(update={"containers": rows})


def _containers(policy: Policy, host: HostObservation, service: str) -> Iterable[ContainerObservation]:
    project = policy.application.project
    names = [project] if project else [each.name for each in host.projects]
    return (container for name in names for container in host.containers_of(name, service))


def _row_seen(row: Container, containers: list[ContainerObservation], host: HostObservation) -> Container:
    cpus = max((each.limits.cpus for each in containers if each.limits.cpus), default=row.cpus)
    memory = max((each.limits.memory for each in containers if each.limits.memory), default=row.memory)
    names = {each.name for each in containers}
    histories = [history for history in host.history if history.name in names and len(history.at)]
    used_cpus = [float(history.cpu_peak.max()) for history in histories]
    used_memory = [int(history.memory.max()) for history in histories]
    used_cpus += [each.usage.cpus for each in containers if each.usage.cpus is not None]
    used_memory += [each.usage.memory for each in containers if each.usage.memory is not None]
    return row.model_copy(
        update={
            "cpus": cpus,
            "memory": memory,
            "instances": len(containers),
            "cpu_usage": max(used_cpus) / cpus if used_cpus else row.cpu_usage,
            "memory_usage": max(used_memory) / memory if used_memory else row.memory_usage,
        }
    )
