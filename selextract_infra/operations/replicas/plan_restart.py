"""The Plan of a rolling restart: one replica after the other out of rotation and back, the primary last. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from selextract_infra.flow.draft import PlanDraft, PlanInput, Planner
from selextract_infra.model.decision import Decision
from selextract_infra.model.plan import Change, CostChange, Step
from selextract_infra.operations.replicas.decide import replica_name
from selextract_infra.operations.replicas.decide_restart import decide_restart
from selextract_infra.operations.replicas.operation_restart import RestartRequest
from selextract_infra.operations.replicas.replication import Replication

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["PLANNER"]

_PLAYBOOK = "selextract.infra.restart_postgres"


class RestartParameters(RestartRequest):
    """The request, and what the steps rest on beside the Decisions."""

    primary: str
    replication: Replication


def _draft(given: PlanInput[RestartRequest, Replication]) -> PlanDraft:
    """Restart every server whose settings wait for it, or each one. Raises as ``decide_restart`` does."""
    everything = given.request.everything
    decisions = decide_restart(given.observation, given.look, given.policy, everything=everything)
    primary = decisions[-1].host
    parameters = RestartParameters(primary=primary, everything=everything, replication=given.look)
    return PlanDraft(
        parameters=parameters,
        hosts=tuple(dict.fromkeys([primary, *(decision.host for decision in decisions if decision.changes)])),
        decisions=decisions,
        steps=_restart_steps(decisions, parameters, given.policy),
        cost=CostChange(sentence="A restart costs nothing."),
    )


def _restart_steps(decisions: Sequence[Decision], parameters: RestartParameters, policy: Policy) -> tuple[Step, ...]:
    """One step for each server that is restarted, the primary last."""
    restarted = [decision for decision in decisions if decision.changes]
    return tuple(_step(decision, parameters, policy) for decision in restarted)


def _step(decision: Decision, parameters: RestartParameters, policy: Policy) -> Step:
    ((service, mapped),) = policy.application.services_of("database").items()
    times, host, primary = policy.replication.restart, decision.host, parameters.primary
    server = {
        "project": policy.application.project,
        "service": service,
        "superuser": mapped.postgres.superuser,
        "socket": mapped.postgres.socket,
    }
    common: dict[str, Any] = {
        "primary_host": primary,
        "gate_seconds": times.gate,
        "drain_seconds": policy.replication.balancer.drain,
        "policy_digest": policy.digest,
    }
    is_primary = host == primary
    values = {primary: {**common, "part": "primary" if is_primary else "beside", "server": server}}
    if not is_primary:
        replica = parameters.replication.hosts[host].replica
        values[host] = {
            **common,
            "part": "replica",
            "name": replica_name(host),
            "balanced": host,
            "own": parameters.replication.hosts[host].replica_name,
            "server": server,
            "replica": (replica.wanted if replica else None) or {},
        }
    else:
        values[host]["health"] = [service.health for service in policy.application.services.values() if service.health]
    return Step(
        id=f"restart-{host}",
        title=f"Restart the {'primary' if is_primary else 'replica'} on {host}",
        playbook=_PLAYBOOK,
        hosts=tuple(values),
        values=values,
        changes=(Change(host=host, subject=service, resource="server", before="running", after="restarted"),),
        verification="It answers, nothing waits for a restart any more, and all health addresses answer."
        if is_primary
        else "It streams, has replayed what the primary had written, and the balancer finds it good.",
        rollback="The replica is let back into the balancer; a restart itself needs no way back.",
        disrupts=is_primary,
        estimate_seconds=times.estimate,
        rollback_seconds=times.rollback,
        timeout_seconds=times.timeout + times.gate,
    )


PLANNER = Planner(
    about_app=False,
    parameters=RestartParameters,
    draft=_draft,
    steps=_restart_steps,
)
