"""Types of what somebody else wrote, within the bounds of ``model.bounds``; apart, because they need pydantic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, StringConstraints

from selextract_infra.model.bounds import FIRST_TIME, LAST_TIME, RUN_ID

__all__ = ["Moment", "RunId", "Text", "refuse_far_times"]


def _within_times(moment: datetime) -> datetime:
    """A time with which can be calculated. Raises ``ValueError`` for another one."""
    if moment.tzinfo is None or not FIRST_TIME <= moment <= LAST_TIME:
        raise ValueError("a time between 1970 and 2200, with its zone, is wanted")
    return moment


def _iso_time(text: str) -> str:
    _within_times(datetime.fromisoformat(text))
    return text


Text = Annotated[str, StringConstraints(max_length=4000)]
"""A few words that somebody else wrote."""

Moment = Annotated[str, StringConstraints(max_length=64), AfterValidator(_iso_time)]
"""A time in ISO 8601 as text, which ``datetime.fromisoformat`` reads, within the bounds."""

RunId = Annotated[str, StringConstraints(pattern=f"^{RUN_ID}$")]
"""The ID of a Run, in a form that may stand in a command."""


def refuse_far_times(value: Any) -> None:
    """Raise ``ValueError`` where a model has a time in any of its fields with which nothing can be calculated."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, datetime):
            _within_times(part)
        elif isinstance(part, BaseModel):
            waiting.extend(vars(part).values())
        elif isinstance(part, Mapping):
            waiting.extend(part.values())
        elif isinstance(part, (tuple, list)):
            waiting.extend(_models_and_times(part))


def _models_and_times(values: Iterable[Any]) -> list[Any]:
    return [part for part in values if isinstance(part, (BaseModel, datetime, Mapping, tuple, list))]
