"""``report``: everything on one page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from selextract_infra.cli.frame.options import FormatOption, ObservationOption, PolicyOption, StateOption
from selextract_infra.cli.frame.output import Format, emit
from selextract_infra.cli.frame.planning import (
    DoneOption,
    HostOption,
    PlainInventoryOption,
    StartOption,
    TodayOption,
    ZoneOption,
)
from selextract_infra.report.table import Line

if TYPE_CHECKING:
    from datetime import date

    from selextract_infra.flow.outlook import Outlook
    from selextract_infra.model.assessment import Assessment
    from selextract_infra.model.forecast import Forecast
    from selextract_infra.policy import Policy

__all__ = ["register"]

ForecastOption = Annotated[
    list[str] | None,
    typer.Option(
        "--forecast",
        metavar="FILE:COLUMN:LIMIT",
        help="Forecast the use in this CSV file. Repeatable.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def report(
        html: Annotated[Path, typer.Option("--html", help="Write the page to this file.")],
        title: Annotated[str, typer.Option("--title", help="Title of the page.")] = "Capacity report",
        journal: Annotated[bool, typer.Option("--journal", help="Judge what the journal holds.")] = False,
        observation: ObservationOption = None,
        csv: Annotated[Path | None, typer.Option("--csv", help="Judge the metrics recorded in this file.")] = None,
        forecast: ForecastOption = None,
        time_zone: ZoneOption = None,
        scenario: Annotated[str, typer.Option("--scenario", help="Growth scenario.")] = "moderate",
        month: Annotated[int, typer.Option("--month", help="Growth after so many months.")] = 12,
        host: HostOption = None,
        start: StartOption = None,
        today: TodayOption = None,
        done: DoneOption = None,
        inventory: PlainInventoryOption = None,
        policy: PolicyOption = None,
        state: StateOption = None,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Assessment, forecast, growth, cost and roadmap as one self-contained page; no host is touched."""
        from datetime import UTC, datetime

        from selextract_infra.cli.frame.planning import day_of, hardware_of, policy_of, today_of
        from selextract_infra.flow.outlook import Outlook
        from selextract_infra.operations.report.page import PlanningQuestion, page_content, write_page
        from selextract_infra.planning.phase_names import resolve

        rules = policy_of(inventory, policy)
        day = today_of(today, rules)
        judged = _judged(rules, journal, observation, csv, time_zone, state)
        recorded = [_forecast(spec, rules, time_zone, day) for spec in forecast or ()]
        question = PlanningQuestion(
            today=day,
            host=None if host is None else hardware_of(host, rules),
            scenario=scenario,
            month=month,
            start=None if start is None else day_of(start, "--start"),
            done=[resolve(milestone, rules) for milestone in done or ()],
        )
        content = page_content(
            rules,
            question,
            title=title,
            made_at=datetime.now(UTC),
            hosts=judged.hosts,
            assessment=judged.assessment,
            ahead=judged.ahead.besides(recorded) if judged.ahead else Outlook(tuple(recorded)),
        )
        write_page(content, html)
        chapters = {
            "assessment": content.assessment,
            "growth": content.growth,
            "cost": content.cost,
            "roadmap": content.roadmap,
        }
        data: dict[str, Any] = {
            name: None if chapter is None else chapter.model_dump(mode="json") for name, chapter in chapters.items()
        }
        data["forecasts"] = [forecast.model_dump(mode="json") for forecast in content.forecasts]
        emit({"file": str(html), **data}, [Line(f"Written to {html}.")], form)


class _Judged(NamedTuple):
    """What a source has: the Assessment, its hosts, and what is ahead; nothing where no source was named."""

    assessment: Assessment | None = None
    hosts: tuple[str, ...] = ()
    ahead: Outlook | None = None


def _judged(
    policy: Policy,
    journal: bool,
    observation: Path | None,
    csv: Path | None,
    time_zone: str | None,
    state: Path | None,
) -> _Judged:
    from selextract_infra.cli.frame.planning import zone_of
    from selextract_infra.errors import UsageError
    from selextract_infra.flow.assess import assess_file, assess_seen

    if sum((observation is not None, csv is not None, journal)) > 1:
        raise UsageError(
            "One thing is judged at a time.", remedy="leave all but one of --observation, --csv, --journal"
        )
    if csv is not None:
        return _Judged(assess_file(csv, policy, zone=zone_of(time_zone)).assessment)
    if observation is not None:
        from selextract_infra.hosts.observe.recorded import load_observation

        saved = load_observation(observation)
        assessment = assess_seen(saved, policy, source=observation.name).assessment
        return _Judged(assessment, tuple(host.name for host in saved.hosts))
    return _recalled(policy, state) if journal else _Judged()


def _forecast(text: str, policy: Policy, time_zone: str | None, today: date) -> Forecast:
    """The forecast of ``disk.csv:used:1000``: file, column, and what there is in the column's unit."""
    from selextract_infra.cli.frame.planning import zone_of
    from selextract_infra.errors import UsageError
    from selextract_infra.flow.recorded_series import file_series
    from selextract_infra.planning.exhaustion import exact
    from selextract_infra.planning.forecast.forecast import forecast

    file, _, rest = text.partition(":")
    column, _, limit = rest.rpartition(":")
    if not (file and column and limit):
        raise UsageError(
            f"--forecast takes FILE:COLUMN:LIMIT, not {text[:60]!r}.", remedy="--forecast disk.csv:used:1000"
        )
    series = file_series(Path(file), column, policy, zone=zone_of(time_zone))
    return forecast(series, policy, limit=float(exact(limit, "The limit")), today=today)


def _recalled(policy: Policy, state: Path | None) -> _Judged:
    from selextract_infra.assess.severity import Signals
    from selextract_infra.flow.assess import assess_seen, recall
    from selextract_infra.flow.journal.journal import Journal
    from selextract_infra.flow.outlook import outlook

    with Journal(state) as record:
        recalled = recall(record, policy)
        ahead = outlook(record, recalled, policy, now=recalled.at)
    assessed = assess_seen(recalled, policy, source="journal", signals=Signals(days_left=ahead.days_left))
    return _Judged(assessed.assessment, tuple(host.name for host in recalled.hosts), ahead)
