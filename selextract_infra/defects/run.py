"""All checks, in the order of their IDs."""

from __future__ import annotations

import importlib

from selextract_infra.defects.rule import REGISTER, Rule
from selextract_infra.errors import UsageError
from selextract_infra.model.finding import Finding
from selextract_infra.policy.model import Policy
from selextract_infra.policy.schema.system import Host

__all__ = ["CHAPTERS", "check_policy", "rule_named", "rules"]

CHAPTERS = (
    "memory",
    "processor",
    "instance",
    "connection",
    "threshold",
    "trigger",
    "emergency",
    "prediction",
    "breaker",
    "calendar",
    "measurement",
    "growth",
    "cost",
    "timeline",
)
"""The modules of this package that hold checks."""


def rules() -> tuple[Rule, ...]:
    """Every rule, by ID."""
    for chapter in CHAPTERS:
        importlib.import_module(f"selextract_infra.defects.{chapter}")
    return tuple(REGISTER[rule_id] for rule_id in sorted(REGISTER))


def rule_named(rule_id: str) -> Rule:
    """The rule of that ID; raises UsageError where there is none."""
    known = {rule.id: rule for rule in rules()}
    if rule_id not in known:
        raise UsageError(f"there is no rule {rule_id}; rules are {min(known)} to {max(known)}")
    return known[rule_id]


def check_policy(policy: Policy, host: Host | None = None) -> tuple[Finding, ...]:
    """Every defect that this policy has on this host (by default its own reference host), by ID. Pure."""
    found = (rule.finding(policy, host or policy.host) for rule in rules())
    return tuple(finding for finding in found if finding is not None)
