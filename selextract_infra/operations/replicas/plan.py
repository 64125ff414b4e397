"""The Plan of replicas: how many there should be, where, for what, and the steps that bring it about. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from selextract_infra.errors import RefusedError
from selextract_infra.flow.parameters import read_parameters
from selextract_infra.model.observation import Observation
from selextract_infra.model.plan import CostChange, Plan, Step
from selextract_infra.model.replication import Replication
from selextract_infra.operations.replicas.decide import REPLICA, DecidedReplicas, decide_replicas, replica_name
from selextract_infra.operations.replicas.replica_values import ReplicaHost
from selextract_infra.operations.replicas.steps import ReplicaParameters, replica_steps

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["OPERATION", "rebuilt_replicas", "replicas"]

OPERATION = "replicas"


def replicas(
    seen: Observation,
    replication: Replication,
    policy: Policy,
    *,
    at: datetime | None = None,
    made_by: str = "",
    count: int | None = None,
    on: Sequence[str] = (),
    again: Sequence[str] = (),
) -> Plan:
    """The Plan after which there are ``count`` replicas (None: as many as now); empty where that is so.

    ``on`` names the hosts to choose from first, ``again`` those to clone anew. Raises as ``decide_replicas`` does.
    """
    decided = decide_replicas(seen, replication, policy, count=count, on=on, again=again)
    parameters = ReplicaParameters(
        count=count,
        primary=decided.primary,
        replication=replication,
        hosts={
            host.name: ReplicaHost(memory=host.facts.memory, cpus=host.facts.cpus, disk=host.facts.disk_total)
            for host in seen.hosts
        },
        again=tuple(again),
        orphans=_orphans(decided, replication),
    )
    steps = replica_steps(decided.decisions, parameters, policy)
    hosts = tuple(dict.fromkeys([decided.primary, *(host for step in steps for host in step.hosts)]))
    return Plan(
        operation=OPERATION,
        parameters=parameters.model_dump(mode="json"),
        made_at=at or seen.at,
        made_by=made_by,
        policy_digest=policy.digest,
        observation_digest=seen.digest,
        host_digests={name: seen.host_digests[name] for name in hosts},
        hosts=hosts,
        decisions=decided.decisions,
        steps=steps,
        findings=decided.findings,
        cost=CostChange(sentence="The hosts are there already, so the bill does not change."),
    )


def rebuilt_replicas(said: Plan, policy: Policy) -> tuple[Step, ...]:
    """The steps of a saved Plan. Raises ``UsageError`` for parameters that do not fit, ``RefusedError`` for hosts that
    the mapping does not know.
    """
    parameters = read_parameters(ReplicaParameters.model_validate, said.parameters, "replicas")
    about = {decision.host for decision in said.decisions if decision.resource == REPLICA and decision.granted}
    unknown = sorted({*about, parameters.primary} - set(policy.application.private_addresses))
    if unknown or not {*about, parameters.primary} <= set(parameters.replication.hosts):
        raise RefusedError(
            f"The plan is about {', '.join(unknown) or 'hosts'} that were not looked at or have no private address.",
            rule="saved plan",
            remedy="plan again; nothing was touched",
        )
    return replica_steps(said.decisions, parameters, policy)


def _orphans(decided: DecidedReplicas, replication: Replication) -> tuple[str, ...]:
    """Slots and roles of ours on the primary that belong to no replica; those in use, or of a host that is only not
    reached, are left alone.
    """
    primary = replication.hosts[decided.primary].primary
    if primary is None:
        return ()
    about = [decision.host for decision in decided.decisions if decision.resource == REPLICA]
    owned = {replica_name(host) for host in (*about, *decided.missing)}
    active = {slot.name for slot in primary.slots if slot.active}
    there = {slot.name for slot in primary.slots} | set(primary.roles)
    return tuple(sorted(there - owned - active))
