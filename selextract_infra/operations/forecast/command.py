"""``forecast``: when a resource will be used up, and how far that can be trusted."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from selextract_infra.cli.frame.options import FormatOption, PolicyOption, StateOption
from selextract_infra.cli.frame.output import Format, emit, say
from selextract_infra.cli.frame.planning import AllOption, PlainInventoryOption, TodayOption, ZoneOption

if TYPE_CHECKING:
    from selextract_infra.model.assessment import Level
    from selextract_infra.model.forecast import Exhaustion, Forecast
    from selextract_infra.planning.forecast.days import ForecastEvent
    from selextract_infra.planning.forecast.series import Series
    from selextract_infra.policy import Policy

__all__ = ["register"]

_DAY_SECONDS = 86400


class Daily(StrEnum):
    """Which value stands for a day that has several."""

    MEAN = "mean"
    MAX = "max"
    SUM = "sum"
    LAST = "last"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(forecast)


def forecast(
    csv: Annotated[Path | None, typer.Option("--csv", help="Forecast a column of this file.")] = None,
    column: Annotated[str | None, typer.Option("--column", "-c", help="The column with the use.")] = None,
    limit: Annotated[
        str | None, typer.Option("--limit", metavar="N", help="What there is of the resource, in the use's unit.")
    ] = None,
    time_column: Annotated[str | None, typer.Option("--time-column", help="The column with the times.")] = None,
    time_zone: ZoneOption = None,
    daily: Annotated[Daily, typer.Option("--daily", help="Which value stands for a day.")] = Daily.MEAN,
    horizon: Annotated[
        str | None, typer.Option("--horizon", metavar="DAYS", help='How far to look, as in 60 or "60 days".')
    ] = None,
    events: Annotated[
        Path | None, typer.Option("--events", help="Planned events as CSV with the columns first,last,factor,name.")
    ] = None,
    keep_headroom: Annotated[
        bool, typer.Option("--keep-headroom", help="Keep the policy's headroom of the limit free (REC-03).")
    ] = False,
    backtest: Annotated[bool, typer.Option("--backtest", help="Show how the same procedure did so far.")] = False,
    everything: AllOption = False,
    current: Annotated[str | None, typer.Option("--current", help="Use today, for the guide's linear rule.")] = None,
    weekly_growth: Annotated[
        str | None, typer.Option("--weekly-growth", help="Growth in a week, as an amount or as in 5%.")
    ] = None,
    resource: Annotated[
        str | None, typer.Option("--resource", help="What it is; of the journal: memory, cpu or disk.")
    ] = None,
    host: Annotated[str | None, typer.Option("--host", help="Forecast what the journal holds of this host.")] = None,
    service: Annotated[str | None, typer.Option("--service", help="The service whose memory or cpu is meant.")] = None,
    today: TodayOption = None,
    inventory: PlainInventoryOption = None,
    policy: PolicyOption = None,
    state: StateOption = None,
    fail_on: Annotated[
        str | None, typer.Option("--fail-on", metavar="LEVEL", help="Exit 10 at this level: warning or critical.")
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """When a resource is used up: early, middle and late date, judged by a backtest on its own past.

    From a file (--csv, --column), from the journal (--host, --resource), or by the guide's linear rule alone
    (--current, --weekly-growth, --limit).
    """
    from selextract_infra.cli.frame.planning import policy_of, today_of
    from selextract_infra.flow.recorded_series import file_events
    from selextract_infra.operations.forecast.show import show_forecast
    from selextract_infra.planning.forecast.forecast import forecast as forecast_series

    _one_source(csv, host, current)
    gate = _gate_level(fail_on)
    rules = policy_of(inventory, policy)
    if current is not None:
        exhaustion = _linear(rules, current, weekly_growth, limit, resource, keep_headroom=keep_headroom)
        _show_linear(exhaustion, form)
        _gate(exhaustion.level, exhaustion.sentence, gate)
        return
    top: float | None
    if csv is not None:
        series = _file_series(csv, column, rules, time_column, time_zone, daily)
        top = None if limit is None else _limit_of(limit, series)
    else:
        series, recorded = _journal_series(rules, host or "", service, resource, state)
        top = recorded if limit is None else _quantity(limit, "The limit", resource, rules)
    planned: tuple[ForecastEvent, ...] = file_events(events) if events is not None else ()
    made = forecast_series(
        series,
        rules,
        limit=top,
        usable=top * rules.sizing.utilisation if top is not None and keep_headroom else None,
        horizon=_horizon(horizon),
        events=planned,
        today=today_of(today, rules),
    )
    emit(made, show_forecast(made, backtest=backtest, everything=everything), form)
    _gate_forecast(made, gate)


def _one_source(csv: Path | None, host: str | None, current: str | None) -> None:
    from selextract_infra.errors import UsageError

    named = sum(source is not None for source in (csv, host, current))
    if named != 1:
        raise UsageError(
            "Nothing to forecast was named." if not named else "One thing is forecast at a time.",
            remedy="give one of: --csv FILE --column C; --host H --resource R; --current N --weekly-growth N --limit N",
        )


def _file_series(
    csv: Path, column: str | None, rules: Policy, time_column: str | None, time_zone: str | None, daily: Daily
) -> Series:
    from selextract_infra.cli.frame.planning import zone_of
    from selextract_infra.errors import UsageError
    from selextract_infra.flow.recorded_series import file_series
    from selextract_infra.model.figures import disk
    from selextract_infra.planning.forecast.series import DailyUse

    if column is None:
        raise UsageError(f"Which column of {csv.name} is meant?", remedy="name it with --column")
    return file_series(
        csv,
        column,
        rules,
        time_column=time_column,
        use=DailyUse(daily),
        zone=zone_of(time_zone),
        on_large=lambda size: say(f"Reading {disk(size)}, line by line ..."),
    )


def _limit_of(text: str, series: Series) -> float:
    """The limit in the unit of the series: a plain number, or one with the unit that its cells have too."""
    from selextract_infra.errors import UsageError
    from selextract_infra.hosts.observe.series_csv import read_use

    try:
        value, unit = read_use(text)
    except ValueError:
        return _number(text, "The limit")
    if unit and unit != series.unit:
        raise UsageError(
            f"The limit is {text[:40]}, and {series.name} has plain numbers{f' of {series.unit}' * bool(series.unit)}.",
            remedy="write the limit in the unit of the column",
        )
    return value if unit else _number(text, "The limit")


def _journal_series(
    rules: Policy, host: str, service: str | None, resource: str | None, state: Path | None
) -> tuple[Series, float | None]:
    from datetime import UTC, datetime

    from selextract_infra.errors import UsageError
    from selextract_infra.flow.journal.journal import Journal
    from selextract_infra.flow.recorded_series import HostResource, journal_series

    wanted = "disk" if resource == "storage" else resource
    if wanted not in list(HostResource):
        raise UsageError(f"Of {host} the journal holds memory, cpu and disk.", remedy="name one with --resource")
    with Journal(state) as journal:
        series = journal_series(journal, host, service, HostResource(wanted), rules, now=datetime.now(UTC))
    return series.series, series.limit


def _linear(
    rules: Policy,
    current: str,
    growth: str | None,
    limit: str | None,
    resource: str | None,
    *,
    keep_headroom: bool,
) -> Exhaustion:
    from selextract_infra.errors import UsageError
    from selextract_infra.planning.exhaustion import exact, linear_exhaustion

    if growth is None or limit is None:
        raise UsageError(
            "The linear rule needs use, growth and limit.", remedy="--current 900 --weekly-growth 200 --limit 1000"
        )
    share = growth.strip().endswith("%")
    top = _quantity(limit, "The limit", resource, rules)
    if keep_headroom:
        top *= rules.sizing.utilisation
    return linear_exhaustion(
        resource or "resource",
        current=repr(_quantity(current, "The current use", resource, rules)),
        weekly_growth=exact(growth.strip()[:-1], "The growth in a week") / 100
        if share
        else repr(_quantity(growth, "The growth in a week", resource, rules)),
        limit=f"{top:.15g}",
        policy=rules,
        share=share,
        unit="" if _is_number(current) else _UNITS[resource or ""][1],
    )


def _is_number(text: str) -> bool:
    return text.strip()[-1:].isdigit()


# How a quantity of each resource is written and read: its reader in policy.units, its unit in model.figures.
_UNITS = {
    "memory": ("MEMORY", "bytes of RAM"),
    "disk": ("DISK", "bytes"),
    "storage": ("DISK", "bytes"),
    "network": ("BANDWIDTH", "bits per second"),
    "cpu": ("CORES", "cores"),
    "api_requests": ("RATE", "per second"),
    "tasks": ("HOURLY", "per hour"),
    "users": ("COUNT", "users"),
    "connections": ("COUNT", "connections"),
}


def _number(text: str, what: str) -> float:
    from selextract_infra.planning.exhaustion import exact

    return float(exact(text, what))


def _quantity(text: str, what: str, resource: str | None, rules: Policy) -> float:
    """A plain number, or one with a unit that the resource is measured in (X-20)."""
    from selextract_infra.errors import UsageError
    from selextract_infra.policy import units

    try:
        return _number(text, what)
    except UsageError:
        if not any(letter.isdigit() for letter in text):
            raise
    if resource is None or resource not in _UNITS:
        known = ", ".join(rules.prediction.resources)
        raise UsageError(
            f"{what} is {text[:40]!r}; a unit is read only when the resource is known.",
            remedy=f"plain numbers in one unit, or --resource with one of {known}",
        )
    return float(getattr(units, _UNITS[resource][0]).parse(text))


def _horizon(text: str | None) -> int | None:
    from selextract_infra.errors import UsageError
    from selextract_infra.policy.units import DURATION

    if text is None:
        return None
    days = float(text) if text.strip().isdecimal() else DURATION.parse(text) / _DAY_SECONDS
    if days != int(days):
        raise UsageError(f"--horizon takes whole days, not {text[:40]!r}.")
    return int(days)


def _show_linear(exhaustion: Exhaustion, form: Format) -> None:
    from selextract_infra.operations.forecast.show import show_exhaustion

    emit(exhaustion, show_exhaustion(exhaustion), form)
    if 0 < exhaustion.weekly_growth < 1 <= exhaustion.current:
        say(
            f"A growth of {exhaustion.weekly_growth:g} is an amount;"
            f" write {exhaustion.weekly_growth * 100:g}% for a share."
        )


def _gate_level(text: str | None) -> Level | None:
    from selextract_infra.errors import UsageError
    from selextract_infra.model.assessment import Level

    levels = {
        "warning": Level.WARNING,
        "minor": Level.WARNING,
        "critical": Level.CRITICAL,
        "major": Level.CRITICAL,
        "breaking": Level.CRITICAL,
    }
    if text is not None and text not in levels:
        raise UsageError(f"--fail-on takes warning or critical, not {text[:40]!r}.")
    return None if text is None else levels[text]


def _gate_forecast(forecast: Forecast, gate: Level | None) -> None:
    from selextract_infra.planning.forecast.alert import exhaustion_of

    exhaustion = exhaustion_of(forecast)
    if exhaustion is not None:
        _gate(exhaustion.level, exhaustion.sentence, gate)


def _gate(level: Level, sentence: str, gate: Level | None) -> None:
    from selextract_infra.errors import GateError

    if gate is not None and level.rank >= gate.rank:
        raise GateError(sentence)
