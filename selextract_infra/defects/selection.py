"""Findings of the Policy's own checks that belong to a subject: growth, cost or roadmap."""

from __future__ import annotations

from collections.abc import Iterable

from selextract_infra.defects.run import rules
from selextract_infra.model.finding import Finding
from selextract_infra.policy import Policy
from selextract_infra.policy.schema.system import Host

__all__ = ["defects"]


def defects(policy: Policy, host: Host, rule_ids: Iterable[str]) -> tuple[Finding, ...]:
    """What the checks of those IDs find, by ID; an ID without a check finds nothing."""
    wanted = set(rule_ids)
    found = (rule.finding(policy, host) for rule in rules() if rule.id in wanted)
    return tuple(finding for finding in found if finding is not None)
