"""The Plan of right-sizing: what should change where, the steps that do it, what it costs and disrupts. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from selextract_infra.assess.incident import refuse_during_emergency
from selextract_infra.assess.project_on_host import ProjectOnHost, project_on_host
from selextract_infra.assess.recreation import pending_recreations
from selextract_infra.flow.limit_steps import SETTLE
from selextract_infra.model.decision import Decision
from selextract_infra.model.figures import dollars
from selextract_infra.model.observation import Observation
from selextract_infra.model.plan import CostChange, PendingRecreation, Plan, Step
from selextract_infra.operations.rightsize.decide import decide_rightsize
from selextract_infra.operations.rightsize.requested import Asked
from selextract_infra.operations.rightsize.steps import rightsize_steps

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["OPERATION", "rightsize"]

OPERATION = "rightsize"


def rightsize(
    seen: Observation,
    policy: Policy,
    *,
    at: datetime | None = None,
    made_by: str = "",
    hosts: Collection[str] | None = None,
    service: str | None = None,
    memory: int | None = None,
    cpus: float | None = None,
    settle: bool = False,
    overrides: Collection[str] = (),
) -> Plan:
    """The Plan that gives every mapped service its right size, as ``seen``; empty where nothing is to be done.

    ``at`` is the time to judge by (default: that of the Observation). ``hosts`` narrows the hosts and ``service`` the
    services; ``memory`` (bytes) and ``cpus`` (cores) ask for values of that service. With ``settle`` the containers
    that Compose would recreate are recreated, one instance at a time. ``overrides`` are rules the operator overrides.
    Raises ``UsageError`` for unknown names and impossible values, ``RefusedError`` where a rule forbids what was asked,
    and while an emergency is on.
    """
    refuse_during_emergency(seen)
    moment = at or seen.at
    decided = decide_rightsize(
        seen,
        policy,
        at=moment,
        hosts=hosts,
        asked=Asked(service, memory, cpus),
        settle=settle,
        overrides=overrides,
    )
    projects = {
        host.name: project_on_host(host, project, policy, service, decided.recreate)
        for host in seen.hosts
        if (hosts is None or host.name in hosts)
        and host.problem is None
        and (project := host.project(policy.application.project or "")) is not None
        and project.problem is None
    }
    steps = rightsize_steps(decided.decisions, projects, policy, settle=settle)
    parameters = {
        "service": service,
        "memory": memory,
        "cpus": cpus,
        "settle": settle,
        "projects": {name: project.model_dump(mode="json") for name, project in projects.items()},
    }
    return Plan(
        operation=OPERATION,
        parameters=parameters,
        made_at=moment,
        made_by=made_by,
        policy_digest=policy.digest,
        observation_digest=seen.digest,
        host_digests={name: seen.host_digests[name] for name in projects},
        hosts=tuple(projects),
        decisions=decided.decisions,
        steps=steps,
        findings=decided.findings,
        cost=_cost(decided.decisions, policy),
        pending_recreations=tuple(_pending(seen, policy, projects, decided.decisions, steps)),
        overrides=decided.overrides,
    )


def _cost(decisions: Sequence[Decision], policy: Policy) -> CostChange:
    """What the changed limits are worth at the guide's unit prices; a fixed host bills none of it (CST-06, X-55)."""
    worth = -sum(float(decision.numbers.get("saving_dollars", 0.0)) for decision in decisions if decision.changes)
    worth = round(worth, 2) + 0.0
    prices = policy.cost.prices
    if not any(decision.changes for decision in decisions):
        return CostChange(sentence="Nothing changes, so neither does the bill.")
    claimed = policy.optimisation.savings["container_rightsizing"].saves
    less = f"{dollars(-worth)} a month less" if worth < 0 else f"{dollars(worth)} a month more"
    return CostChange(
        claimed=worth,
        realised=0.0,
        sentence=f"At {dollars(prices.per_gb_memory)} per GB and {dollars(prices.per_core)} per core the limits are"
        f" worth {less}; the bill changes by $0, because a fixed host does not bill limits. The guide claims"
        f" {dollars(claimed)} a month for this (X-55).",
    )


def _pending(
    seen: Observation,
    policy: Policy,
    projects: Mapping[str, ProjectOnHost],
    decisions: Sequence[Decision],
    steps: Sequence[Step],
) -> Iterator[PendingRecreation]:
    """Services that the app's next ``up`` recreates once this Plan is applied: changed in place, or differing now."""
    settled = {
        (host, entry["service"])
        for step in steps
        if step.playbook == SETTLE
        for host, values in step.values.items()
        for entry in values["settle"]
    }
    changed = {(decision.host, decision.service) for decision in decisions if decision.changes}
    differing = {(pending.host, pending.service): pending for pending in pending_recreations(seen, policy)}
    for key in sorted({*changed, *differing} - settled):
        if key in changed:
            why = "its limits change in place, so its configuration no longer is what it was created from"
            yield PendingRecreation(host=key[0], project=projects[key[0]].project, service=key[1], why=why)
        elif key[0] in projects:
            yield differing[key]
