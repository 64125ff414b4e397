"""Refusals of what a saved Plan says and no operation of ours would have written. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.model.capacity import foreign_keys
from selextract_infra.model.decision import Decision

__all__ = ["impossible", "read_parameters", "refuse_foreign_keys"]

Read = TypeVar("Read")


def read_parameters(read: Callable[[Any], Read], written: Any, operation: str, part: str = "parameters") -> Read:
    """``said`` by ``read``, which validates it; ``part`` is what a Plan calls it.

    Raises ``UsageError`` where it is not what ``operation``, as a sentence names it, would have written.
    """
    try:
        return read(written)
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(step) for step in first["loc"]) or part
        raise UsageError(f"The plan's parameters do not fit {operation}: {where}: {first['msg']}.") from problem


_RULE = "saved plan"
_MOST_NAMED = 3


def impossible(decision: Decision, why: str) -> RefusedError:
    """The refusal of one decision; ``why`` continues the sentence."""
    return RefusedError(
        f"The plan asks for {decision.resource} {decision.granted} of {decision.service} on {decision.host}, {why}.",
        rule=_RULE,
        remedy="plan again; nothing was touched",
    )


def refuse_foreign_keys(capacities: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise ``RefusedError`` where a host's capacity file, by service, would hold keys that are not ours."""
    for host, capacity in capacities.items():
        foreign = foreign_keys({"services": capacity})
        if foreign:
            raise RefusedError(
                f"The plan would write what is not ours on {host}: {', '.join(foreign[:_MOST_NAMED])}.", rule=_RULE
            )
