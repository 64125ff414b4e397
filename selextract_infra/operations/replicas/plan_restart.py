"""The Plan of a rolling restart: one replica after the other out of rotation and back, the primary last. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from selextract_infra.flow.parameters import read_parameters
from selextract_infra.model.base import Frozen
from selextract_infra.model.decision import Decision
from selextract_infra.model.observation import Observation
from selextract_infra.model.plan import Change, CostChange, Plan, Step
from selextract_infra.model.replication import Replication
from selextract_infra.operations.replicas.decide import replica_name
from selextract_infra.operations.replicas.decide_restart import decide_restart

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["OPERATION", "rebuilt_restart", "restart_postgres"]

OPERATION = "restart postgres"
_PLAYBOOK = "selextract.infra.restart_postgres"


class RestartParameters(Frozen):
    """What the steps rest on beside the Decisions."""

    primary: str
    everything: bool = False
    replication: Replication


def restart_postgres(
    seen: Observation,
    replication: Replication,
    policy: Policy,
    *,
    at: datetime | None = None,
    made_by: str = "",
    everything: bool = False,
) -> Plan:
    """The Plan that restarts every server whose settings wait for it, or with ``everything`` each one.

    Raises as ``decide_restart`` does.
    """
    decisions = decide_restart(replication, policy, everything=everything)
    primary = decisions[-1].host
    parameters = RestartParameters(primary=primary, everything=everything, replication=replication)
    hosts = tuple(dict.fromkeys([primary, *(decision.host for decision in decisions if decision.changes)]))
    return Plan(
        operation=OPERATION,
        parameters=parameters.model_dump(mode="json"),
        made_at=at or seen.at,
        made_by=made_by,
        policy_digest=policy.digest,
        observation_digest=seen.digest,
        host_digests={name: seen.host_digests[name] for name in hosts},
        hosts=hosts,
        decisions=decisions,
        steps=_steps(decisions, parameters, policy),
        cost=CostChange(sentence="A restart costs nothing."),
    )


def rebuilt_restart(said: Plan, policy: Policy) -> tuple[Step, ...]:
    """The steps of a saved Plan. Raises ``UsageError`` for parameters that do not fit."""
    parameters = read_parameters(RestartParameters.model_validate, said.parameters, "a restart")
    return _steps(said.decisions, parameters, policy)


def _steps(decisions: Sequence[Decision], parameters: RestartParameters, policy: Policy) -> tuple[Step, ...]:
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
            "server": server,
            "replica": (replica.wanted if replica else None) or {},
        }
    else:
        values[host]["health"] = [one.health for one in policy.application.services.values() if one.health]
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
