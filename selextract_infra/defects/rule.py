"""What a defect of the guide is: its words in defects.yml, and the check of the same ID, which finds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from selextract_infra.defects.sentence import render
from selextract_infra.model.finding import Finding, RuleClass, Severity
from selextract_infra.policy.model import Policy
from selextract_infra.policy.schema.system import Host

__all__ = ["DEFECTS", "REGISTER", "Breach", "Check", "Number", "Rule", "check"]

Number: TypeAlias = float | int | str

DEFECTS = Path(__file__).with_name("defects.yml")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Breach:
    """What a check found: the figures by name, with the unit in the name, from which the sentence is made.

    ``words`` are what the sentence needs beside them, such as lists. ``rule_class`` replaces the defect's own where the
    case calls for it.
    """

    __slots__ = ("numbers", "rule_class", "words")

    def __init__(
        self, words: Mapping[str, Number] | None = None, rule_class: RuleClass | None = None, /, **numbers: Number
    ) -> None:
        self.words, self.rule_class, self.numbers = words or {}, rule_class, numbers


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
    reports: tuple[str, ...]
    sentence: str
    resolution: str
    resolution_now: str
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
        names = {"policy": policy, "host": host, **breach.numbers, **breach.words}
        return Finding(
            rule=self.id,
            severity=self.severity,
            rule_class=rule_class,
            subject=self.subject,
            title=self.title,
            sentence=render(self.sentence, names, self.subject),
            numbers={name: _clean(number) for name, number in breach.numbers.items()},
            resolution=render(self.resolution_now, names, self.subject) or self.resolution,
            override=f"--override {self.id}" if rule_class is RuleClass.REFUSE else None,
        )


REGISTER: dict[str, Rule] = {}


def check(rule_id: str) -> Callable[[Check], Check]:
    """Register a check under the ID of its defect in defects.yml."""

    def register(function: Check) -> Check:
        if rule_id in REGISTER:
            raise ValueError(f"two checks for {rule_id}")
        row = _rows()[rule_id]
        REGISTER[rule_id] = Rule(
            id=rule_id,
            title=row["title"],
            severity=Severity(row["severity"]),
            rule_class=RuleClass(row["class"]),
            subject=row["subject"],
            items=tuple(row["items"]),
            reports=tuple(row.get("reports", ())),
            sentence=row["sentence"].rstrip(),
            resolution=row["resolution"].rstrip(),
            resolution_now=row.get("resolution_now", "").rstrip(),
            check=function,
        )
        return function

    return register


@cache
def _rows() -> Mapping[str, Mapping[str, Any]]:
    """The rows of defects.yml; with libyaml that takes 4 ms, so they are read when a check is first asked for."""
    rows: Mapping[str, Mapping[str, Any]] = _LOADER(DEFECTS.read_text(encoding="utf-8")).get_single_data()
    return rows


def _clean(number: Number) -> Number:
    """Without the noise of binary fractions: twelve digits are more than any figure here has."""
    if isinstance(number, float):
        return int(number) if number.is_integer() and abs(number) < 2**53 else float(f"{number:.12g}")
    return number
