"""Decision: a wanted change with its reason."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from selextract_infra.model.base import Frozen
from selextract_infra.model.finding import Severity

__all__ = ["Decision", "Verdict"]


class Verdict(StrEnum):
    """What was decided about one value. ``unknown`` means too little is known, so it is left alone."""

    RAISE = "raise"
    LOWER = "lower"
    SET = "set"
    KEEP = "keep"
    UNKNOWN = "unknown"
    REFUSED = "refused"


class Decision(Frozen):
    """One value of one thing: what it is, what was seen, what should be, and why.

    ``resource`` is ``memory`` (bytes), ``cpus`` (cores) or ``instances`` (a count); later operations add their own.
    ``current``, ``requested`` and ``granted`` are in that unit; ``granted`` equals ``current`` where nothing changes
    and is None where ``current`` is None and nothing is granted. ``low`` and ``high`` are the range in which the value
    would be defensible. ``why`` says which rule led to the value, ``why_less`` what made ``granted`` differ from
    ``requested``. ``numbers`` holds every figure the reasoning used, with its unit in the name. ``current_text`` and
    ``granted_text`` are the same values as a settings file has them (``64MB``, ``lz4``); some have no number at all.
    """

    host: str
    project: str = ""
    service: str = ""
    resource: str
    verdict: Verdict
    rule: str
    current: float | int | None = None
    peak: float | int | None = None
    requested: float | int | None = None
    granted: float | int | None = None
    current_text: str | None = None
    granted_text: str | None = None
    low: float | int | None = None
    high: float | int | None = None
    why: str
    why_less: str | None = None
    severity: Severity = Severity.INFO
    numbers: dict[str, float | int | str] = Field(default_factory=dict)

    @property
    def changes(self) -> bool:
        """Whether applying it would change anything."""
        wanted = self.verdict in (Verdict.RAISE, Verdict.LOWER, Verdict.SET)
        return wanted and (self.granted, self.granted_text) != (self.current, self.current_text)
