"""All checks, in the order of their IDs, and their findings on a host."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, TypeVar

from selextract_infra.assess.hardware import policy_host, read_hardware
from selextract_infra.defects.rule import REGISTER, Rule
from selextract_infra.errors import UsageError
from selextract_infra.model.finding import Finding
from selextract_infra.model.planning import CostReport, GrowthReport, RoadmapReport
from selextract_infra.policy.model import Policy
from selextract_infra.policy.schema.system import Host

__all__ = ["CHAPTERS", "Checked", "check_policy", "checked_host", "host_of", "rule_named", "rules", "with_findings"]

CHAPTERS = (
    "memory",
    "processor",
    "instance",
    "connection",
    "threshold",
    "trigger",
    "emergency",
    "guide_programs",
    "calendar",
    "measurement",
    "growth",
    "cost",
    "timeline",
)
"""The modules of this package that hold checks."""

Report = TypeVar("Report", CostReport, GrowthReport, RoadmapReport)
_REPORTS = {CostReport: "cost", GrowthReport: "growth", RoadmapReport: "roadmap"}


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


def check_policy(policy: Policy, host: Host | None = None, *, report: str | None = None) -> tuple[Finding, ...]:
    """Every defect that this policy has on this host (by default its own reference host), by ID. Pure.

    ``report``: only those that a report of the planning commands shows (``cost``, ``growth``, ``roadmap``).
    """
    wanted = (rule for rule in rules() if report is None or report in rule.reports)
    findings = (rule.finding(policy, host or policy.host) for rule in wanted)
    return tuple(finding for finding in findings if finding is not None)


def with_findings(report: Report, policy: Policy) -> Report:
    """A report of planning with what the checks find for it, on the host that it is about."""
    host = policy.host if isinstance(report, RoadmapReport) else policy_host(policy, report.host)
    return report.model_copy(update={"findings": check_policy(policy, host, report=_REPORTS[type(report)])})


@dataclass(frozen=True, slots=True)
class Checked:
    """The findings on one host; ``name`` is empty where it is none of the inventory's."""

    name: str
    host: Host
    findings: tuple[Finding, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain data; sizes in cores, bytes and bits per second."""
        sizes = {"cpus": self.host.cpus, "memory": self.host.memory, "storage": self.host.storage}
        findings = [finding.model_dump(mode="json") for finding in self.findings]
        return {"name": self.name, "host": sizes | {"network": self.host.network}, "findings": findings}


def host_of(policy: Policy, text: str | None) -> Host:
    """The policy's host, or one such as ``8c/32GB/1TB/1Gbps``; raises UnitError where that cannot be read."""
    return policy.host if text is None else policy_host(policy, read_hardware(text))


def checked_host(policy: Policy, text: str | None = None) -> Checked:
    """The policy's findings on its own host, or on one in words."""
    host = host_of(policy, text)
    return Checked("", host, check_policy(policy, host))
