"""Finding: one statement about policy, observation or plan."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from selextract_infra.model.base import Frozen

__all__ = ["Finding", "RuleClass", "Severity"]


class Severity(StrEnum):
    """How bad it is. ``breaking`` breaks production if applied literally; ``major`` is a wrong decision or alert."""

    INFO = "info"
    MINOR = "minor"
    MAJOR = "major"
    BREAKING = "breaking"

    @property
    def rank(self) -> int:
        """0 (info) to 3 (breaking); for comparing with ``--fail-on``."""
        return list(Severity).index(self)


class RuleClass(StrEnum):
    """What this project does about it by default."""

    REFUSE_ALWAYS = "REFUSE!"
    REFUSE = "REFUSE"
    CLAMP = "CLAMP"
    FIX = "FIX"
    WARN = "WARN"
    PICK = "PICK"
    REPORT = "REPORT"


class Finding(Frozen):
    """One statement: rule ID, severity, numbers, what to do.

    ``subject`` is what it is about (a service, a host, an item of the guide). ``title`` says in a few words what is
    wrong, where the sentence alone would only list figures. ``numbers`` holds the figures that the sentence rests on,
    by name with the unit in the name (``limit_bytes``, ``usage_ratio``).
    """

    rule: str
    severity: Severity
    rule_class: RuleClass
    subject: str
    title: str = ""
    sentence: str
    numbers: dict[str, float | int | str] = Field(default_factory=dict)
    resolution: str = ""
    override: str | None = None

    @property
    def statement(self) -> str:
        """What is wrong and its figures, as a person reads them."""
        return f"{self.title}: {self.sentence}" if self.title else self.sentence
