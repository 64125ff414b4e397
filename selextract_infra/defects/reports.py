"""Findings of the Policy's own checks, added to the reports of planning that they concern."""

from __future__ import annotations

from typing import TypeVar

from selextract_infra.assess.hardware import policy_host
from selextract_infra.defects.run import check_policy
from selextract_infra.model.planning import CostReport, GrowthReport, RoadmapReport
from selextract_infra.policy import Policy

__all__ = ["with_findings"]

Report = TypeVar("Report", CostReport, GrowthReport, RoadmapReport)
_NAMES = {CostReport: "cost", GrowthReport: "growth", RoadmapReport: "roadmap"}


def with_findings(report: Report, policy: Policy) -> Report:
    """The report with what the checks find for it (``reports`` in defects.yml), on the host that it is about."""
    host = policy.host if isinstance(report, RoadmapReport) else policy_host(policy, report.host)
    return report.model_copy(update={"findings": check_policy(policy, host, report=_NAMES[type(report)])})
