"""What a saved Plan says of itself, read back as its operation wrote it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import ValidationError

from selextract_infra.errors import UsageError

__all__ = ["read_parameters"]

Read = TypeVar("Read")


def read_parameters(read: Callable[[Any], Read], said: Any, operation: str, part: str = "parameters") -> Read:
    """``said`` by ``read``, which validates it; ``part`` is what a Plan calls it.

    Raises ``UsageError`` where it is not what ``operation``, as a sentence names it, would have written.
    """
    try:
        return read(said)
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(step) for step in first["loc"]) or part
        raise UsageError(f"The plan's parameters do not fit {operation}: {where}: {first['msg']}.") from problem
