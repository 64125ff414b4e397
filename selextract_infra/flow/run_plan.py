"""The Plan of a Run that is taken up, and whose word it rests on.

A host is root on itself and nowhere else, and what it says of a Run is its word alone: a record that it made up could
name any hosts and any work. So the Plan is that of the own journal, whatever the host says. Where the journal does not
know the Run, all hosts of the Plan have to hold the same one, our own code has to build the same steps again, and a
person has to confirm what is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from selextract_infra.errors import RefusedError, SelextractError, UsageError
from selextract_infra.flow.context import Context
from selextract_infra.flow.registry import completed, known_operation
from selextract_infra.flow.saved import rebuild, rebuild_unchanged, refuse_other_digest
from selextract_infra.hosts.identity import owner
from selextract_infra.model.plan import BY_PLAYBOOK, Plan
from selextract_infra.model.run import Run
from selextract_infra.policy import Policy

__all__ = ["ForeignRunError", "foreign_plan", "recorded_plan", "recorded_run", "refuse_unapproved"]

_RULE = "foreign run"
_PLAYBOOKS = "selextract.infra."

Records = Mapping[str, Mapping[str, Any]]


class ForeignRunError(RefusedError):
    """Only hosts tell of the Run, and nobody has confirmed its ``plan``, which a person may be shown."""

    def __init__(self, run_id: str, plan: Plan) -> None:
        super().__init__(
            f"This journal does not know run {run_id}: its plan is the word of {', '.join(plan.hosts)} alone.",
            rule=_RULE,
            remedy=f"look at the plan, and where it is meant add --digest {plan.digest}",
        )
        self.run_id = run_id
        self.plan = plan


def refuse_unapproved(run_id: str, plan: Plan, approved: str) -> None:
    """Raise ``ForeignRunError`` where no person has approved a Plan, ``DriftError`` where it was another one."""
    if not approved:
        raise ForeignRunError(run_id, plan)
    refuse_other_digest(plan, approved)


def recorded_run(context: Context, run_id: str) -> Run | None:
    """The Run of exactly that ID as this journal has it, None where it does not."""
    run = context.journal.run(run_id)
    return run if run is not None and run.id == run_id else None


def recorded_plan(context: Context, run: Run | None) -> Plan | None:
    """The Plan of a Run as this journal has it, None where it does not."""
    plan = context.journal.plan(run.plan_digest) if run is not None else None
    return completed(plan) if plan is not None else None


def foreign_plan(
    run_id: str, records: Records, policy: Policy, *, ended: frozenset[str] = frozenset(), undone: bool = False
) -> Plan:
    """The Plan that hosts hold of a Run which this journal does not know; ``records`` are theirs, by host.

    All hosts of the Plan hold the same one, or the Run has ``ended`` there, so that nothing is done on them. Where it
    is ``undone`` and each host puts back what itself has noted, the Plan is only about those that hold it: of its steps
    no more is used than their names. Otherwise our own code has to build the very steps from its request.

    Raises ``RefusedError`` where any of this does not hold, ``UsageError`` where no host holds a Plan.
    """
    plans = {host: _plan_in(host, record) for host, record in sorted(records.items())}
    held = {host: plan for host, plan in plans.items() if plan is not None}
    if not held:
        raise UsageError("That run was started by hand and holds no plan.", remedy="selextract-infra rollback RUN")
    if len({plan.digest for plan in held.values()}) > 1:
        raise _refusal(f"{', '.join(held)} hold different plans of run {run_id}")
    plan = next(iter(held.values()))
    operation = known_operation(plan.operation)
    by_hosts = undone and operation is not None and operation.undo is None
    if by_hosts:
        plan = _of_hosts(plan, tuple(held))
    without = sorted({*plan.hosts, *(host for step in plan.steps for host in step.hosts)} - set(held) - ended)
    if without:
        raise _refusal(f"{', '.join(held)} says that run {run_id} is about {', '.join(without)} too, which does not")
    if not by_hosts:
        plan = _rebuilt_for_undoing(plan, policy) if undone else rebuild_unchanged(plan, policy)
    _refuse_unknown_work(plan)
    return plan.model_copy(update={"made_by": owner()})  # who confirms it answers for it; a record could say anybody


def _plan_in(host: str, record: Mapping[str, Any]) -> Plan | None:
    if not record.get("plan"):
        return None
    try:
        return completed(Plan.model_validate(record["plan"]))
    except (ValidationError, RecursionError) as problem:
        raise SelextractError(f"The plan that {host} holds cannot be read by this version.") from problem


def _of_hosts(plan: Plan, hosts: tuple[str, ...]) -> Plan:
    """The Plan as far as it is about these hosts."""
    steps = tuple(
        step.model_copy(update={"hosts": own, "values": {host: step.values.get(host, {}) for host in own}})
        for step in plan.steps
        if (own := tuple(host for host in step.hosts if host in hosts))
    )
    return plan.model_copy(update={"hosts": tuple(host for host in plan.hosts if host in hosts), "steps": steps})


def _rebuilt_for_undoing(plan: Plan, policy: Policy) -> Plan:
    """The Plan with the steps of our own code, whose times may be others where the policy has changed since."""
    built = rebuild(plan, policy)
    if [(step.id, step.hosts) for step in built.steps] != [(step.id, step.hosts) for step in plan.steps]:
        raise _refusal("the plan says other steps than its decisions lead to")
    return built


def _refuse_unknown_work(plan: Plan) -> None:
    """What a step may do is a name: a playbook of ours, or a performer of its operation."""
    operation = known_operation(plan.operation)
    performers = operation.performers if operation is not None else {}
    for step in plan.steps:
        if not step.playbook.startswith(_PLAYBOOKS) or step.performer not in (BY_PLAYBOOK, *performers):
            raise _refusal(f"its step {step.id} is no work that this version knows")


def _refusal(why: str) -> RefusedError:
    return RefusedError(
        f"{why[:1].upper()}{why[1:]}; this journal does not know that run, so nothing was done.",
        rule=_RULE,
        remedy="use the control machine that began it, or leave a host out with --limit",
    )
