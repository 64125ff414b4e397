"""What the new size of a host allows: higher limits by the rules of right-sizing, then Postgres' settings. Pure.

All steps are part of the upgrade's own step, so that they are verified and undone as one. Limits are only raised; an
upgrade is no occasion to take something away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from selextract_infra.model.decision import Verdict
from selextract_infra.model.observation import Observation
from selextract_infra.model.plan import Step
from selextract_infra.operations.rebuild import rightsize_projects
from selextract_infra.operations.rightsize.plan import rightsize
from selextract_infra.operations.rightsize.steps import rightsize_steps
from selextract_infra.operations.tune.plan_postgres import tune_postgres_plan
from selextract_infra.operations.upgrade.steps import RETUNE

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["limit_steps", "postgres_steps"]


def limit_steps(seen: Observation, host: str, policy: Policy) -> tuple[Step, ...]:
    """The steps that raise limits on one host; none where the rules raise none."""
    plan = rightsize(seen, policy, hosts=[host])
    raised = [decision for decision in plan.decisions if decision.changes and decision.verdict is Verdict.RAISE]
    return _part_of_it(rightsize_steps(raised, rightsize_projects(plan), policy, settle=False))


def postgres_steps(seen: Observation, host: str, policy: Policy, *, restart: bool) -> tuple[Step, ...]:
    """The step that tunes Postgres on one host for the memory it then has; none where it runs none.

    With ``restart`` it may be restarted, and then that step writes every setting; else what a reload puts into force.
    Raises ``RefusedError`` where no settings would do, or the server cannot be asked.
    """
    there = seen.host(host)
    if there is None or there.postgres is None:
        return ()
    steps = [step for step in tune_postgres_plan(seen, policy, hosts=[host]).steps if restart or not step.disrupts]
    return _part_of_it(steps[-1:])


def _part_of_it(steps: tuple[Step, ...] | list[Step]) -> tuple[Step, ...]:
    return tuple(step.model_copy(update={"id": RETUNE}) for step in steps)
