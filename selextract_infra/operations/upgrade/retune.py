"""What the new size of a host allows: higher limits by the rules of right-sizing, then Postgres' settings.

Both are other operations, planned anew for the host as it now is and carried out as part of the upgrade's own step, so
that they are verified and undone as one. Limits are only raised; an upgrade is no occasion to take something away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from selextract_infra.errors import RefusedError
from selextract_infra.flow.operation import Performance, StepWork
from selextract_infra.flow.planning import plan_from, request_for
from selextract_infra.flow.registry import operation_named
from selextract_infra.flow.saved import built_steps
from selextract_infra.hosts.executor import execute
from selextract_infra.model.decision import Verdict
from selextract_infra.model.observation import Observation
from selextract_infra.model.plan import Plan, Step
from selextract_infra.model.run import StepStatus
from selextract_infra.model.upgrade import Mode
from selextract_infra.operations.upgrade.hardware import mark
from selextract_infra.operations.upgrade.plan import upgrade_of
from selextract_infra.operations.upgrade.steps import RETUNE

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context
    from selextract_infra.policy import Policy

__all__ = ["limit_steps", "postgres_steps", "retune"]

_RAISED_BY = {"memory": "memory", "cpu": "cpus"}
"""By phase, the limits that its hardware allows to raise."""


def retune(context: Context, work: StepWork) -> Performance:
    """Look again, plan for the new size, and carry that out as part of the same step: limits, then Postgres in them."""
    begun = mark(context, work.run, work.plan, work.step, "running")
    if not begun.hosts(StepStatus.VERIFIED):
        return Performance(begun)
    (host,) = work.step.hosts
    upgrade = upgrade_of(work.plan)
    down = upgrade.mode is Mode.REBOOT  # only then may Postgres restart: nobody is served anyway
    for planned in (
        lambda observation: limit_steps(observation, host, context.policy, phase=upgrade.phase),
        lambda observation: postgres_steps(observation, host, context.policy, restart=down),
    ):
        for part in _unless_refused(context, work, planned):
            done = execute(context.access, work.run, work.plan, part, part.hosts, last=False)
            if not done.hosts(StepStatus.VERIFIED):
                return Performance(done)
    return Performance(mark(context, work.run, work.plan, work.step, "verified"))


def limit_steps(observation: Observation, host: str, policy: Policy, *, phase: str) -> tuple[Step, ...]:
    """The steps that raise limits on one host, of what the phase brought more of; none where the rules raise none.

    A disk or a network gives no container more memory or cores: what is too small there was so before, and a person
    who asked for bandwidth did not ask for other limits.
    """
    resource = _RAISED_BY.get(phase)
    if resource is None:
        return ()
    plan = _planned("rightsize", observation, host, policy)
    raised = tuple(
        decision
        for decision in plan.decisions
        if decision.changes and decision.verdict is Verdict.RAISE and decision.resource == resource
    )
    return _part_of_it(built_steps(plan.model_copy(update={"decisions": raised}), policy))


def postgres_steps(observation: Observation, host: str, policy: Policy, *, restart: bool) -> tuple[Step, ...]:
    """The step that tunes Postgres on one host for the memory it then has; none where it runs none.

    With ``restart`` it may be restarted, and then that step writes every setting; else what a reload puts into force.
    Raises ``RefusedError`` where no settings would do, or the server cannot be asked.
    """
    observed = observation.host(host)
    if observed is None or observed.postgres is None:
        return ()
    plan = _planned("tune postgres", observation, host, policy)
    steps = tuple(step for step in plan.steps if restart or not step.disrupts)
    return _part_of_it(steps[-1:])


def _planned(name: str, observation: Observation, host: str, policy: Policy) -> Plan:
    operation = operation_named(name)
    return plan_from(operation, observation, request_for(operation, {"hosts": (host,)}), policy)


def _unless_refused(
    context: Context, work: StepWork, planned: Callable[[Observation], tuple[Step, ...]]
) -> tuple[Step, ...]:
    """The steps for the host as it is now; none where a rule forbids them, which is no reason to take hardware back."""
    try:
        return planned(context.observe())
    except RefusedError as refused:
        context.journal.record_event(context.clock(), "not retuned", str(refused), run=work.run.id)
        return ()


def _part_of_it(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    return tuple(step.model_copy(update={"id": RETUNE}) for step in steps)
