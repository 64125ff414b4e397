"""A saved Plan: a statement of intent, whose steps are rebuilt by our own code before anything is done."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from selextract_infra.errors import DriftError, UsageError
from selextract_infra.model.plan import Plan
from selextract_infra.operations.rebuild import rebuild_unchanged
from selextract_infra.policy import Policy

__all__ = ["load_plan"]


def load_plan(path: Path, policy: Policy) -> Plan:
    """Read a Plan from ``path`` and return it as our own code builds it from its operation and its Decisions.

    Raises ``UsageError`` for a file that holds no Plan, ``DriftError`` when the policy
    is another one now, ``RefusedError`` when the file says other steps than our code.
    """
    try:
        said = Plan.model_validate_json(path.read_bytes())
    except OSError as problem:
        raise UsageError(f"The plan {path} cannot be read: {problem.strerror}.") from problem
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise UsageError(f"{path} holds no plan of this version: {where}: {first['msg']}.") from problem
    if said.policy_digest != policy.digest:
        raise DriftError("The policy changed since the plan was made.", remedy="plan again; nothing was touched")
    return rebuild_unchanged(said, policy)
