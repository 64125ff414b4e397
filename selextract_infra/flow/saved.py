"""A saved Plan: a statement of intent, whose steps are built again by our own code before anything is done."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from selextract_infra.errors import DriftError, RefusedError, UsageError
from selextract_infra.flow.operation import Operation
from selextract_infra.flow.registry import completed, known_operation, operation_names
from selextract_infra.flow.saved_refusals import read_parameters
from selextract_infra.model.bounded_types import refuse_far_times
from selextract_infra.model.bounds import parsed_json
from selextract_infra.model.figures import MB
from selextract_infra.model.plan import Plan, Step
from selextract_infra.model.text import displayable
from selextract_infra.policy import Policy

_LARGEST = 32 * MB

__all__ = ["built_steps", "load_plan", "rebuild", "rebuild_unchanged", "refuse_other_digest"]


def load_plan(path: Path, policy: Policy) -> Plan:
    """Read a Plan from ``path`` and return it as our own code builds it from its operation and its Decisions.

    Raises ``UsageError`` for a file that holds no Plan, ``DriftError`` when the policy
    is another one now, ``RefusedError`` when the file says other steps than our code.
    """
    try:
        saved = Plan.model_validate(parsed_json(_content(path)))
        refuse_far_times(saved)
    except OSError as problem:
        raise UsageError(f"The plan {path} cannot be read: {problem.strerror}.") from problem
    except ValidationError as problem:
        first = problem.errors()[0]
        complaint = f"{'.'.join(str(part) for part in first['loc']) or 'the whole file'}: {first['msg']}"
        raise UsageError(f"{path} holds no plan of this version: {displayable(complaint, limit=300)}.") from problem
    except ValueError as problem:
        raise UsageError(f"{path} holds no plan: {displayable(str(problem), limit=200)}.") from problem
    if saved.policy_digest != policy.digest:
        raise DriftError("The policy changed since the plan was made.", remedy="plan again; nothing was touched")
    return rebuild_unchanged(completed(saved), policy)


def _content(path: Path) -> bytes:
    """The file, which is read once; one without an end is not read to it."""
    with path.open("rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise UsageError(f"{path} is larger than a plan can be ({_LARGEST} bytes).")
    return content


def refuse_other_digest(plan: Plan, looked_at: str) -> None:
    """Raise ``DriftError`` for a Plan that is not the one that a person has looked at."""
    if plan.digest != looked_at:
        raise DriftError(
            f"The digest of the plan is {plan.digest}, and it was to be {looked_at}.",
            remedy="look at the plan again; nothing was touched",
        )


def rebuild(saved: Plan, policy: Policy) -> Plan:
    """The Plan with the steps that our code builds from what it says; its digest differs where the file said others.

    Raises ``UsageError`` for an operation that is not known or parameters that do not fit it, ``RefusedError`` for
    decisions that no operation of ours would have made.
    """
    operation = _operation(saved)
    if not saved.steps and not saved.parameters:
        return saved
    parameters = read_parameters(operation.parameters.model_validate, saved.parameters, operation.noun)
    if operation.refuse_impossible:
        operation.refuse_impossible(saved, parameters, policy)
    return saved.model_copy(update={"steps": built_steps(saved, policy)})


def built_steps(plan: Plan, policy: Policy) -> tuple[Step, ...]:
    """The steps that an operation builds from the decisions and parameters of a Plan.

    Raises ``UsageError`` for an operation that is not known or parameters that do not fit it.
    """
    operation = _operation(plan)
    parameters = read_parameters(operation.parameters.model_validate, plan.parameters, operation.noun)
    return operation.steps(plan.decisions, parameters, policy) if operation.steps else ()


def _operation(plan: Plan) -> Operation:
    operation = known_operation(plan.operation)
    if operation is None or operation.steps is None:
        known = ", ".join(sorted(operation_names()))
        raise UsageError(f"The plan is for the operation {plan.operation}, which is not known; there are {known}.")
    return operation


def rebuild_unchanged(saved: Plan, policy: Policy) -> Plan:
    """Like ``rebuild``; raises ``RefusedError`` where the steps differ from those the Plan says."""
    built = rebuild(saved, policy)
    if built.digest != saved.digest:
        raise RefusedError(
            "The plan says other steps than its decisions lead to; it was edited, or made by another version.",
            rule="saved plan",
            remedy="plan again; nothing was touched",
        )
    return built
