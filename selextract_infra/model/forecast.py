"""What forecasting answers: the days to come with their uncertainty, the dates on which capacity runs out, and how well
the same procedure did on the past of this very series.

P10, P50 and P90 of a day: the use stays below them in 10, 50 and 90 of 100 cases. P10, P50 and P90 of a date: capacity
has run out by then in 10, 50 and 90 of 100 cases, so P10 is the earliest. Errors are shares of the actual values.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from selextract_infra.model.assessment import Level
from selextract_infra.model.base import Frozen

__all__ = [
    "BacktestSummary",
    "Confidence",
    "Exhaustion",
    "ExhaustionDates",
    "Forecast",
    "ForecastDay",
    "LevelShift",
    "MethodShare",
    "SeriesKind",
]


class Confidence(StrEnum):
    """How much history a forecast rests on; ``insufficient data`` comes without any number."""

    NORMAL = "normal"
    LOW = "low confidence"
    INSUFFICIENT = "insufficient data"


class SeriesKind(StrEnum):
    """What a series follows: traffic has weeks and a level, storage a trend."""

    WEEK_AND_LEVEL = "week and level"
    TREND = "trend"


class Exhaustion(Frozen):
    """When a linear growth uses a resource up (PRE-01), made right (X-19, X-20).

    ``days`` is None when it never does, 0 when it already has. ``alert`` is the name of the alert that this raises.
    ``compound_days`` is given where the growth was stated as a share of the use.
    """

    resource: str
    current: float
    weekly_growth: float
    limit: float
    days: float | None
    level: Level
    alert: str | None
    sentence: str
    compound_days: float | None = None


class ForecastDay(Frozen):
    """The use of one day to come; P10 and P90 are None while too few errors are known."""

    day: date
    p10: float | None
    p50: float
    p90: float | None


class MethodShare(Frozen):
    """How much of a candidate is in the forecast, a ratio."""

    name: str
    share: float


class LevelShift(Frozen):
    """From ``day`` on the level is another; ``change`` is relative to the level before."""

    day: date
    change: float


class BacktestSummary(Frozen):
    """How the procedure did from ``origins`` past days, each ``horizon`` days ahead.

    Errors are medians over the origins of each origin's median absolute error, as shares of the actual values. The
    ratios compare with "same day last week", the line through ``fit`` days, and the guide's linear rule; below 1 is
    better than those, None where the other made no error. ``coverage`` is the share of days inside their interval,
    pooled over all origins, and should be ``interval``.
    """

    origins: int
    horizon: int
    fit: int
    first: date
    last: date
    error: float
    last_week_error: float
    line_error: float
    rule_error: float
    vs_last_week: float | None
    vs_line: float | None
    vs_rule: float | None
    coverage: float | None
    interval: float


class ExhaustionDates(Frozen):
    """When the use first reaches ``usable``; None is later than ``farthest`` days, or never.

    Days count from the series' last day; 0 is already. ``level`` and ``alert`` follow from P50 (PRE-02, PRE-03).
    """

    limit: float
    usable: float
    current: float
    p10_days: int | None
    p50_days: int | None
    p90_days: int | None
    p10: date | None
    p50: date | None
    p90: date | None
    farthest: int
    level: Level
    alert: str | None


class Forecast(Frozen):
    """The forecast of one resource.

    ``unit`` is empty where it is not known. ``values`` are the known days from ``start`` on (None: no value).
    ``reason`` says what limits the confidence; with insufficient data everything below it is empty. ``rule`` is the
    guide's linear rule on the same series. ``restart`` is the day since which the fit looks, after a level shift or a
    long gap.
    """

    resource: str
    unit: str = ""
    start: date
    end: date
    time_zone: str
    values: tuple[float | None, ...]
    days_known: int
    confidence: Confidence
    reason: str = ""
    kind: SeriesKind | None = None
    method: tuple[MethodShare, ...] = ()
    restart: date | None = None
    shifts: tuple[LevelShift, ...] = ()
    days: tuple[ForecastDay, ...] = ()
    backtest: BacktestSummary | None = None
    exhaustion: ExhaustionDates | None = None
    rule: Exhaustion | None = None
    notes: tuple[str, ...] = ()
