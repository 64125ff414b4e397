"""A wish of the guide and what becomes of it, as a Decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from selextract_infra.model.decision import Decision, Verdict
from selextract_infra.model.finding import Severity

__all__ = ["NOBODY", "SettingProposal", "Subject"]


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose value it is."""

    host: str = ""
    project: str = ""
    service: str = ""


NOBODY = Subject()
"""Where only numbers are known."""


@dataclass(frozen=True, slots=True)
class SettingProposal:
    """One value as it is wished for, and as it is granted.

    ``item`` names where the wish comes from; ``rule``, ``severity`` and ``why_less`` count only where what is granted
    differs from it. ``current`` is the value in force, None where it is not known.
    """

    resource: str
    item: str
    requested: float
    granted: float
    why: str
    rule: str
    why_less: str
    severity: Severity = Severity.INFO
    current: float | None = None
    numbers: Mapping[str, float | int | str] = field(default_factory=dict)

    def decision(self, subject: Subject) -> Decision:
        """The wish as a Decision about ``subject``."""
        differs = self.granted != self.requested
        return Decision(
            host=subject.host,
            project=subject.project,
            service=subject.service,
            resource=self.resource,
            verdict=self._verdict(),
            rule=self.rule if differs else self.item,
            current=self.current,
            requested=self.requested,
            granted=self.granted,
            why=self.why,
            why_less=self.why_less if differs else None,
            severity=self.severity if differs else Severity.INFO,
            numbers=dict(self.numbers),
        )

    def _verdict(self) -> Verdict:
        if self.current is None:
            return Verdict.SET
        if self.current == self.granted:
            return Verdict.KEEP
        return Verdict.RAISE if self.granted > self.current else Verdict.LOWER
