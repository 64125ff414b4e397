"""Which defects the reports of planning show, on the host that they are about."""

from __future__ import annotations

from datetime import date

from selextract_infra.assess.hardware import read_hardware
from selextract_infra.defects.run import rules, with_findings
from selextract_infra.planning.cost import cost_report
from selextract_infra.planning.growth import grow
from selextract_infra.planning.roadmap import roadmap_on
from selextract_infra.policy import default_policy

POLICY = default_policy()
START = date(2025, 2, 1)


def test_the_defects_of_the_cost_chapter_are_reported() -> None:
    report = with_findings(cost_report(POLICY), POLICY)
    assert [finding.rule for finding in report.findings] == ["X-48", "X-49", "X-50", "X-55", "X-57", "X-58", "X-73"]


def test_conflicts_of_dates_are_reported_until_the_policy_has_none() -> None:
    report = with_findings(roadmap_on(POLICY, START, START), POLICY)
    assert {"X-51", "X-52", "X-60"} <= {finding.rule for finding in report.findings}


def test_growth_is_checked_on_the_host_that_is_asked_about() -> None:
    small = with_findings(grow(POLICY, "moderate"), POLICY)
    large = with_findings(grow(POLICY, "moderate", host=read_hardware("64c/256GB/4TB/10Gbps")), POLICY)
    assert {"X-44", "X-53"} <= {finding.rule for finding in small.findings}
    assert {"X-44", "X-53"}.isdisjoint(finding.rule for finding in large.findings)


def test_every_report_that_a_defect_names_exists() -> None:
    assert {report for rule in rules() for report in rule.reports} == {"cost", "growth", "roadmap"}
