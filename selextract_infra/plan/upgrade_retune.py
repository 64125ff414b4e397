"""What the new size of a host allows: the steps that raise limits there, by the rules of right-sizing. Pure.

Only what the rules raise is raised; an upgrade is no occasion to take something away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from selextract_infra.model.decision import Verdict
from selextract_infra.model.observation import Observation
from selextract_infra.model.plan import Step
from selextract_infra.plan.rebuild import rightsize_projects
from selextract_infra.plan.rightsize import rightsize
from selextract_infra.plan.rightsize_steps import rightsize_steps
from selextract_infra.plan.upgrade_steps import RETUNE

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["retune_steps"]


def retune_steps(seen: Observation, host: str, policy: Policy) -> tuple[Step, ...]:
    """The steps on one host, all under the upgrade's own step, so that they are verified and undone as one."""
    plan = rightsize(seen, policy, hosts=[host])
    raised = [decision for decision in plan.decisions if decision.changes and decision.verdict is Verdict.RAISE]
    projects = rightsize_projects(plan)
    steps = rightsize_steps(raised, projects, policy, settle=False)
    return tuple(step.model_copy(update={"id": RETUNE}) for step in steps)
