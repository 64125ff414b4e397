"""An item of the guide or one of its defects, in words and with its numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

from selextract_infra.defects.rule import Rule
from selextract_infra.defects.run import rules
from selextract_infra.errors import UsageError
from selextract_infra.model.finding import Finding, RuleClass
from selextract_infra.policy.model import Policy, nearest
from selextract_infra.policy.schema.system import Host
from selextract_infra.policy.show import Shown, shown

__all__ = ["CLASSES", "Explanation", "explain"]

CLASSES = {
    RuleClass.REFUSE_ALWAYS: "refused, and nothing overrides it",
    RuleClass.REFUSE: "refused unless it is overridden",
    RuleClass.CLAMP: "the nearest safe value is taken and reported",
    RuleClass.FIX: "the right thing is done instead",
    RuleClass.WARN: "carried out with a warning",
    RuleClass.PICK: "ambiguous; this project's reading holds until the policy states one",
    RuleClass.REPORT: "reported for planning",
}
"""What each class of a rule means."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What there is to say about one ID. ``finding`` is None for an item, and for a rule that holds."""

    id: str
    title: str
    words: str
    severity: str = ""
    consequence: str = ""
    resolution: str = ""
    finding: Finding | None = None
    values: tuple[Shown, ...] = ()
    related: tuple[tuple[str, str], ...] = field(default=())


def explain(policy: Policy, wanted: str, host: Host | None = None) -> Explanation:
    """Explain ``REC-03`` or ``X-06`` with the numbers of this policy on this host.

    Raises UsageError with the nearest ID where there is no such item or rule.
    """
    name = wanted.strip().upper()
    known = {rule.id: rule for rule in rules()}
    if name in known:
        return _of_rule(policy, known[name], host or policy.host)
    if name in policy.items:
        return _of_item(policy, name, host or policy.host)
    raise UsageError(f"there is no item or rule {wanted[:40]!r}{_near(name, [*known, *policy.items])}")


def _near(name: str, known: list[str]) -> str:
    hint = nearest(name, known)
    return hint if hint.startswith("; did") else "; items are like REC-03, rules like X-06"


def _of_rule(policy: Policy, rule: Rule, host: Host) -> Explanation:
    finding = rule.finding(policy, host)
    items = policy.items
    return Explanation(
        id=rule.id,
        title=rule.title,
        words=rule.explanation,
        severity=rule.severity.value,
        consequence=CLASSES[finding.rule_class if finding else rule.rule_class],
        resolution=finding.resolution if finding else rule.resolution,
        finding=finding,
        related=tuple((item, items[item].says) for item in rule.items if item in items),
    )


def _of_item(policy: Policy, name: str, host: Host) -> Explanation:
    entry = policy.items[name]
    checked = ((rule, rule.finding(policy, host)) for rule in rules() if name in rule.items)
    path = ".".join(entry.path)
    values = _values(policy, name, entry.path)
    return Explanation(
        id=name,
        title=path,
        words=entry.says,
        values=values,
        related=tuple((rule.id, finding.statement) for rule, finding in checked if finding is not None),
    )


def _values(policy: Policy, name: str, path: tuple[str, ...]) -> tuple[Shown, ...]:
    """The item's own values, without those of other items below it; none for an item that only says something."""
    here: object = policy
    for step in path:
        here = getattr(here, step, None) if not isinstance(here, dict) else here.get(step)
        if here is None:
            return ()
    return tuple(value for value in shown(policy, ".".join(path)) if value.item == name)
