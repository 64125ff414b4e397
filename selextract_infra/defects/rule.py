"""What a check is: a small pure function of a policy and a host, registered under the ID of the defect it finds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from selextract_infra.model.finding import Finding, RuleClass, Severity
from selextract_infra.policy.model import Policy
from selextract_infra.policy.schema.system import Host

__all__ = ["Breach", "Check", "Number", "Rule", "half_up", "percent", "plural", "rule", "steps_up"]

Number: TypeAlias = float | int | str


@dataclass(frozen=True, slots=True)
class Breach:
    """What a check found: a sentence with its figures, and the figures by name, with the unit in the name.

    ``rule_class`` and ``resolution`` replace the rule's own where the case calls for it.
    """

    sentence: str
    numbers: Mapping[str, Number] = field(default_factory=dict)
    rule_class: RuleClass | None = None
    resolution: str | None = None


Check: TypeAlias = Callable[[Policy, Host], Breach | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """A defect of the guide: what it is, how bad, what is done about it, and the check that finds it."""

    id: str
    title: str
    severity: Severity
    rule_class: RuleClass
    subject: str
    items: tuple[str, ...]
    resolution: str
    check: Check

    @property
    def explanation(self) -> str:
        """The defect in words."""
        return " ".join((self.check.__doc__ or "").split())

    def finding(self, policy: Policy, host: Host) -> Finding | None:
        """The Finding for this policy on this host, or None where the defect is not there."""
        breach = self.check(policy, host)
        if breach is None:
            return None
        rule_class = breach.rule_class or self.rule_class
        return Finding(
            rule=self.id,
            severity=self.severity,
            rule_class=rule_class,
            subject=self.subject,
            title=self.title,
            sentence=breach.sentence,
            numbers={name: _clean(number) for name, number in breach.numbers.items()},
            resolution=breach.resolution or self.resolution,
            override=f"--override {self.id}" if rule_class is RuleClass.REFUSE else None,
        )


REGISTER: dict[str, Rule] = {}


def rule(
    rule_id: str,
    title: str,
    severity: Severity,
    rule_class: RuleClass,
    *,
    subject: str,
    items: str,
    resolution: str,
) -> Callable[[Check], Check]:
    """Register a check under the ID of its defect; ``items`` are the guide's items it is about, separated by spaces."""

    def register(check: Check) -> Check:
        if rule_id in REGISTER:
            raise ValueError(f"two checks for {rule_id}")
        REGISTER[rule_id] = Rule(rule_id, title, severity, rule_class, subject, tuple(items.split()), resolution, check)
        return check

    return register


def steps_up(value: float, step: float) -> float:
    """The smallest multiple of ``step`` that is not below ``value``, whatever the last bit of a float says."""
    return math.ceil(round(value / step, 9)) * step


def percent(ratio: float) -> str:
    """A ratio for a sentence, with at most one decimal: ``112.5 %``."""
    return f"{half_up(ratio * 100, 1):g} %"


def half_up(value: float, digits: int) -> float:
    """Rounded as a person rounds: 56.25 to one digit is 56.3."""
    scale = 10.0**digits
    return math.floor(round(value * scale, 6) + 0.5) / scale


def plural(count: float, noun: str) -> str:
    """A count with its noun."""
    return f"{count:g} {noun}" if count == 1 else f"{count:g} {noun}s"


def _clean(number: Number) -> Number:
    """Without the noise of binary fractions: twelve digits are more than any figure here has."""
    if isinstance(number, float):
        return int(number) if number.is_integer() and abs(number) < 2**53 else float(f"{number:.12g}")
    return number
