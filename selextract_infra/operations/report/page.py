"""Report: everything that is known and planned, on one page in a file."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from selextract_infra import __version__
from selextract_infra.defects.run import with_findings
from selextract_infra.errors import UsageError
from selextract_infra.flow.outlook import Outlook
from selextract_infra.hosts.own_file import write_own_file
from selextract_infra.model.assessment import Assessment
from selextract_infra.model.planning import GrowthReport, Hardware, RoadmapReport
from selextract_infra.planning.cost import cost_report
from selextract_infra.planning.growth import grow
from selextract_infra.planning.roadmap import roadmap_on
from selextract_infra.planning.season import season_demands
from selextract_infra.policy import Policy
from selextract_infra.report.html import ReportContent, render_html

__all__ = ["PlanningQuestion", "page_content", "write_page"]


@dataclass(frozen=True)
class PlanningQuestion:
    """What is asked of the planning chapters; without a ``start`` the roadmap begins today."""

    today: date
    host: Hardware | None = None
    scenario: str = "moderate"
    month: int = 12
    start: date | None = None
    done: Collection[str] = field(default=())


def page_content(
    policy: Policy,
    question: PlanningQuestion,
    *,
    title: str,
    made_at: datetime,
    hosts: tuple[str, ...] = (),
    assessment: Assessment | None = None,
    ahead: Outlook | None = None,
) -> ReportContent:
    """The content of the page. What is not known is named at its end.

    Raises UsageError for a scenario, month, milestone or season that does not exist.
    """
    missing = list(_unstated(policy))
    if assessment is None:
        missing.append("Nothing was judged: no hosts, no journal and no file were given.")
    if ahead is None or not ahead.forecasts:
        missing.append(
            "There is no forecast: that takes a journal with some weeks of history (--journal), or a file (--forecast)."
        )
    missing += ahead.without if ahead is not None else ()
    if question.start is None and _holds(policy, "roadmap"):
        missing.append("The roadmap is drawn as if it began today: its first day was not given (--start).")
    return ReportContent(
        title=title,
        made_at=made_at,
        version=__version__,
        hosts=hosts,
        assessment=assessment,
        forecasts=() if ahead is None else ahead.forecasts,
        growth=_growth(policy, question) if _holds(policy, "growth") else None,
        cost=with_findings(cost_report(policy, host=question.host), policy) if _holds(policy, "cost") else None,
        roadmap=_roadmap(policy, question) if _holds(policy, "roadmap") else None,
        missing=tuple(missing),
    )


_RESTS_ON = {
    "growth": ("kpis", "growth.scenarios", "host"),
    "cost": ("cost.prices", "cost.table", "host"),
    "roadmap": ("roadmap",),
}
"""By chapter, the assumptions without which it would be about the guide's system."""


def _holds(policy: Policy, chapter: str) -> bool:
    return all(policy.holds(path) for path in _RESTS_ON[chapter])


def _unstated(policy: Policy) -> Iterator[str]:
    for chapter, paths in _RESTS_ON.items():
        unstated = [path for path in paths if not policy.holds(path)]
        if unstated:
            yield f"There is no {chapter}: the policy's profile is own, and it does not state {' and '.join(unstated)}."


def _growth(policy: Policy, question: PlanningQuestion) -> GrowthReport:
    growth = grow(policy, question.scenario, host=question.host, month=question.month)
    seasons = season_demands(policy, question.today, host=question.host)
    return with_findings(growth.model_copy(update={"seasons": seasons}), policy)


def _roadmap(policy: Policy, question: PlanningQuestion) -> RoadmapReport:
    begins = question.start or question.today
    return with_findings(roadmap_on(policy, begins, question.today, done=question.done), policy)


def write_page(content: ReportContent, file: Path) -> None:
    """Render the page and write it, whole or not at all, readable by its owner only.

    Raises UsageError when it cannot be written, or when matplotlib is not installed.
    """
    text = render_html(content)
    try:
        write_own_file(file, text)
    except OSError as problem:
        raise UsageError(f"The report cannot be written to {file}: {problem.strerror}.") from problem
