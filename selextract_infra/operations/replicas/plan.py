"""The Plan of replicas: how many there should be, where, for what, and the steps that bring it about. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from selextract_infra.assess.room import HostSize
from selextract_infra.errors import RefusedError
from selextract_infra.flow.draft import PlanDraft, PlanInput, Planner
from selextract_infra.model.plan import CostChange, Plan, Step
from selextract_infra.operations.replicas.decide import (
    REPLICA,
    DecidedReplicas,
    decide_replicas,
    replica_name,
)
from selextract_infra.operations.replicas.operation import ReplicaRequest
from selextract_infra.operations.replicas.replica_values import ReplicaHost, kept_apart
from selextract_infra.operations.replicas.replication import PrimarySeen, Replication
from selextract_infra.operations.replicas.steps import ReplicaParameters, replica_steps

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["PLANNER"]


def _draft(given: PlanInput[ReplicaRequest, Replication]) -> PlanDraft:
    """What makes so many replicas; nothing where there are.

    Raises as ``decide_replicas`` does, and ``RefusedError`` where their memory does not fit (X-11).
    """
    observation, replication, request = given.observation, given.look, given.request
    decided = decide_replicas(
        observation, replication, given.policy, count=request.count, on=request.on, again=request.again
    )
    parameters = ReplicaParameters(
        **dict(request),
        primary=decided.primary,
        replication=replication,
        hosts={
            host.name: ReplicaHost(memory=host.facts.memory, cpus=host.facts.cpus, disk=host.facts.disk_total)
            for host in observation.hosts
        },
        orphans=_orphans(decided, replication),
        silent=decided.silent,
    )
    steps = replica_steps(decided.decisions, parameters, given.policy)
    _refuse_crowding(given, decided.primary, steps)
    return PlanDraft(
        parameters=parameters,
        hosts=tuple(dict.fromkeys([decided.primary, *(host for step in steps for host in step.hosts)])),
        decisions=decided.decisions,
        steps=steps,
        findings=(*decided.findings, *kept_apart(replication.hosts[decided.primary].primary or PrimarySeen())),
        cost=CostChange(sentence="The hosts are there already, so the bill does not change."),
    )


def _refuse_impossible_replicas(saved: Plan, parameters: ReplicaParameters, policy: Policy) -> None:
    """Raise ``RefusedError`` for hosts that the mapping does not know."""
    about = {decision.host for decision in saved.decisions if decision.resource == REPLICA and decision.granted}
    unknown = sorted({*about, parameters.primary} - set(policy.application.private_addresses))
    if unknown or not {*about, parameters.primary} <= set(parameters.replication.hosts):
        raise RefusedError(
            f"The plan is about {', '.join(unknown) or 'hosts'} that were not looked at or have no private address.",
            rule="saved plan",
            remedy="plan again; nothing was touched",
        )


def _refuse_crowding(given: PlanInput[ReplicaRequest, Replication], primary: str, steps: Sequence[Step]) -> None:
    """Raise ``RefusedError`` where a host has given away the memory that a new container of ours takes (X-11)."""
    hosts, policy = given.look.hosts, given.policy
    wanted: dict[str, tuple[float, str, str]] = {}
    for step in steps:
        if step.id == "balancer" and hosts[primary].balancer is None:
            memory = policy.replication.balancer.memory
            wanted[primary] = (memory, "the balancer for reads", "make room on it")
        for host, values in step.values.items():
            if "replica" in values and hosts[host].replica is None:
                wanted[host] = (values["replica"]["memory"], "a replica", "make room on it, or name others with --on")
    for observed in given.observation.hosts:
        if observed.name in wanted:
            HostSize.seen(observed).room("memory", policy).refuse_beyond(*wanted[observed.name])


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
    present = {slot.name for slot in primary.slots} | set(primary.roles)
    return tuple(sorted(present - owned - active))


PLANNER = Planner(
    about_app=False,
    parameters=ReplicaParameters,
    draft=_draft,
    steps=replica_steps,
    refuse_impossible=_refuse_impossible_replicas,
)
