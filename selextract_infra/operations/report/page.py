"""Report: everything that is known and planned, on one page in a file."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from selextract_infra import __version__
from selextract_infra.defects.run import with_findings
from selextract_infra.errors import UsageError
from selextract_infra.flow.outlook import Outlook
from selextract_infra.hosts.own_file import write_own_file
from selextract_infra.model.assessment import Assessment
from selextract_infra.model.planning import Hardware
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
    growth = grow(policy, question.scenario, host=question.host, month=question.month)
    seasons = season_demands(policy, question.today, host=question.host)
    missing = []
    if assessment is None:
        missing.append("Nothing was judged: no hosts, no journal and no file were given.")
    if ahead is None or not ahead.forecasts:
        missing.append(
            "There is no forecast: that takes a journal with some weeks of history (--journal), or a file (--forecast)."
        )
    missing += ahead.without if ahead is not None else ()
    if question.start is None:
        missing.append("The roadmap is drawn as if it began today: its first day was not given (--start).")
    return ReportContent(
        title=title,
        made_at=made_at,
        version=__version__,
        hosts=hosts,
        assessment=assessment,
        forecasts=() if ahead is None else ahead.forecasts,
        growth=with_findings(growth.model_copy(update={"seasons": seasons}), policy),
        cost=with_findings(cost_report(policy, host=question.host), policy),
        roadmap=with_findings(
            roadmap_on(policy, question.start or question.today, question.today, done=question.done), policy
        ),
        missing=tuple(missing),
    )


def write_page(content: ReportContent, file: Path) -> None:
    """Render the page and write it, whole or not at all, readable by its owner only.

    Raises UsageError when it cannot be written, or when matplotlib is not installed.
    """
    text = render_html(content)
    try:
        write_own_file(file, text)
    except OSError as problem:
        raise UsageError(f"The report cannot be written to {file}: {problem.strerror}.") from problem
