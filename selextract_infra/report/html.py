"""One self-contained HTML page: no script, no request, nothing from elsewhere; light, dark, phone and paper.

Every text goes through the template engine's escaping: names from hosts are data (a container may be called
``<script>``). The plots are the only markup that is put in as it is, and they are drawn here from escaped text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from selextract_infra.model import figures
from selextract_infra.model.assessment import Assessment, Judgement, Level
from selextract_infra.model.finding import Finding
from selextract_infra.model.forecast import Forecast
from selextract_infra.model.planning import CostReport, GrowthReport, RoadmapReport
from selextract_infra.report.assessment import headroom_table, readings_table, stamp
from selextract_infra.report.planning import (
    cost_table,
    demand_table,
    exhaustion_table,
    milestone_table,
    optimisation_table,
    phase_table,
    requirement_table,
    reservation_table,
)
from selextract_infra.report.plots import (
    ROLES_OF_TONES,
    Plot,
    cost_steps,
    forecast_fan,
    headroom_bars,
    roadmap_timeline,
)
from selextract_infra.report.table import Table, tone_of

__all__ = ["ReportContent", "render_html"]

_SHOWN_ROWS = 60
_SHOWN_FINDINGS = 80
_LONGEST_WHOLE = 16
"""Cells of at most so many characters are not broken into lines."""


@dataclass(frozen=True)
class ReportContent:
    """Everything that the page may tell; a chapter without content is left out and named as such."""

    title: str
    made_at: datetime
    version: str
    hosts: tuple[str, ...] = ()
    assessment: Assessment | None = None
    forecasts: tuple[Forecast, ...] = ()
    growth: GrowthReport | None = None
    cost: CostReport | None = None
    roadmap: RoadmapReport | None = None
    missing: tuple[str, ...] = field(default=())

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of all chapters, worst first, each once."""
        chapters = (self.assessment, self.growth, self.cost, self.roadmap)
        all_of_them = [finding for chapter in chapters if chapter is not None for finding in chapter.findings]
        unique = {(finding.rule, finding.subject, finding.sentence): finding for finding in all_of_them}
        return tuple(sorted(unique.values(), key=lambda finding: (-finding.severity.rank, finding.rule)))


def render_html(content: ReportContent) -> str:
    """The page as text. Raises UsageError when matplotlib, which draws the plots, is not installed."""
    findings = content.findings
    return (
        _environment()
        .get_template("report.html")
        .render(
            content=content,
            counts=_counts(content.assessment.worst_of_each if content.assessment else ()),
            tables=_tables(content),
            plots=_plots(content),
            findings=findings[:_SHOWN_FINDINGS],
            more_findings=max(0, len(findings) - _SHOWN_FINDINGS),
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("selextract_infra.report"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["longest_whole"] = _LONGEST_WHOLE
    environment.filters.update(
        dollars=figures.dollars,
        duration=figures.duration,
        heading=lambda title: title[:1].upper() + title[1:],
        plain=figures.printable,
        stamp=stamp,
        colour=lambda tone: ROLES_OF_TONES.get(tone, ""),
        tone=lambda word: ROLES_OF_TONES.get(tone_of(word), "muted"),
    )
    return environment


def _tables(content: ReportContent) -> dict[str, Table]:
    """Every table of the page by name; those of chapters that are not there are left out."""
    tables: dict[str, Table] = {}
    if content.assessment:
        judgements = content.assessment.worst_of_each
        raised = [judgement for judgement in judgements if judgement.level.rank >= Level.NOTICE.rank]
        quiet = [judgement for judgement in judgements if judgement.level.rank < Level.NOTICE.rank]
        tables["raised"] = readings_table(raised, caption="Readings, worst first", most=_SHOWN_ROWS)
        tables["quiet"] = readings_table(quiet, most=_SHOWN_ROWS)
        tables["headroom"] = headroom_table(content.assessment.headroom, _SHOWN_ROWS)
    if content.forecasts:
        tables["exhaustion"] = exhaustion_table(content.forecasts)
    if content.growth:
        tables |= {"demand": demand_table(content.growth), "requirements": requirement_table(content.growth)}
    if content.cost:
        cost = content.cost
        tables |= {"cost": cost_table(cost), "phases": phase_table(cost)}
        tables |= {"reservations": reservation_table(cost), "optimisations": optimisation_table(cost)}
    if content.roadmap:
        tables["milestones"] = milestone_table(content.roadmap.milestones)
    return tables


def _plots(content: ReportContent) -> dict[str, list[Plot]]:
    plots: dict[str, list[Plot]] = {"headroom": [], "forecast": [], "cost": [], "roadmap": []}
    if content.assessment and content.assessment.headroom:
        plots["headroom"].append(headroom_bars(content.assessment.headroom))
    plots["forecast"].extend(forecast_fan(forecast) for forecast in content.forecasts if forecast.days)
    if content.cost:
        plots["cost"].append(cost_steps(content.cost))
    if content.roadmap:
        plots["roadmap"].append(roadmap_timeline(content.roadmap))
    return plots


def _counts(judgements: Sequence[Judgement]) -> list[tuple[Level, int]]:
    """How many judgements of each level there are, worst first."""
    return [
        (level, count)
        for level in sorted(Level, key=lambda level: -level.rank)
        if (count := sum(judgement.level is level for judgement in judgements))
    ]
