"""The guide's linear rule made right: days until a resource is used up, in exact arithmetic (PRE-01, X-19, X-20).

Days are ``(limit - current) x 7 / growth in a week``, computed with fractions: at a growth of 9 a week, 9 units last
exactly 7 days and are no critical alert. The levels are strict, critical is tested first, what is used up is critical
with 0 days, and what does not grow is never used up. There is one open alert for each resource.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from selextract_infra.errors import UsageError
from selextract_infra.model.assessment import Level
from selextract_infra.model.figures import amount, printable
from selextract_infra.model.forecast import Exhaustion
from selextract_infra.policy import Policy

__all__ = ["Notification", "alert_of", "days_left", "days_text", "exact", "level_of", "linear_exhaustion", "notify"]

Number = int | float | str | Decimal | Fraction

_WEEK = 7
_MOST_DIGITS, _MOST_PLACES = 60, 30
_DAY_SECONDS = 86400


def exact(value: Number, what: str) -> Fraction:
    """The number as written, without binary dust; ``what`` names it in the UsageError that anything else raises."""
    if isinstance(value, Fraction):
        return value
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value).strip())
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite():
        raise UsageError(f'{what} is "{printable(str(value)[:40])}", which is not a number.')
    if number and (abs(number.adjusted()) > _MOST_PLACES or len(number.as_tuple().digits) > _MOST_DIGITS):
        raise UsageError(f"{what} is beyond anything that can be measured: {str(value)[:40]}.")
    return Fraction(number)


def days_left(current: Fraction, weekly_growth: Fraction, limit: Fraction) -> Fraction | None:
    """Days until ``limit`` is reached: 0 when it already is, None when it is not being approached."""
    if current >= limit:
        return Fraction(0)
    if weekly_growth <= 0:
        return None
    return (limit - current) * _WEEK / weekly_growth


def linear_exhaustion(
    resource: str,
    *,
    current: Number,
    weekly_growth: Number,
    limit: Number,
    policy: Policy,
    share: bool = False,
    unit: str = "",
) -> Exhaustion:
    """When ``current`` reaches ``limit`` at that growth, all in the resource's ``unit``.

    With ``share`` the growth is a ratio of the current use, and what compound growth makes of it is given too. Raises
    UsageError for a limit that is not above 0, a use below 0, and what is no number.
    """
    now, top = exact(current, "The current use"), exact(limit, "The limit")
    growth = exact(weekly_growth, "The growth in a week")
    if top <= 0:
        raise UsageError(f"The limit must be above 0, not {_figure(top)}.")
    if now < 0:
        raise UsageError(f"The current use cannot be below 0: {_figure(now)}.")
    rate = growth if share else None
    growth = growth * now if share else growth
    days = days_left(now, growth, top)
    level = level_of(days, policy)
    alert = alert_of(level, policy)
    return Exhaustion(
        resource=resource,
        current=float(now),
        weekly_growth=float(growth),
        limit=float(top),
        days=None if days is None else float(days),
        level=level,
        alert=alert,
        sentence=_sentence(resource, days, [_figure(amount, unit) for amount in (now, top, growth)]),
        compound_days=_compound(now, rate, top, days),
    )


def level_of(days: Fraction | float | None, policy: Policy) -> Level:
    """Strictly fewer days than the thresholds of PRE-02 and PRE-03; critical first."""
    if days is None:
        return Level.OK
    left = Fraction(days) * _DAY_SECONDS
    if left < Fraction(policy.prediction.critical.below):
        return Level.CRITICAL
    return Level.WARNING if left < Fraction(policy.prediction.warning.below) else Level.OK


def alert_of(level: Level, policy: Policy) -> str | None:
    """The name of the alert that a level raises (PRE-02, PRE-03)."""
    if level is Level.CRITICAL:
        return policy.prediction.critical.alert
    return policy.prediction.warning.alert if level is Level.WARNING else None


def days_text(days: Fraction | float) -> str:
    """Days as a person reads them, rounded down, so that 6.98 days are not called 7: ``3.5 days``."""
    tenths = math.floor(Fraction(days) * 10)
    text = f"{tenths // 10:,}" if tenths % 10 == 0 else f"{tenths // 10:,}.{tenths % 10}"
    return f"{text} day" if text == "1" else f"{text} days"


@dataclass(frozen=True, slots=True)
class Notification:
    """One message about a resource: it has reached another level, or (``Level.OK``) the alert is over."""

    resource: str
    level: Level
    alert: str | None
    sentence: str


def notify(
    open_alerts: Mapping[str, Level], exhaustions: Iterable[Exhaustion]
) -> tuple[tuple[Notification, ...], dict[str, Level]]:
    """What to tell now, and which alerts are open afterwards.

    A resource has one open alert at most. It is told about when its level changes, and once when it is over; a level
    that stays is silent. A resource that is not among ``exhaustions`` keeps its alert: not measured is not over.
    """
    still_open = dict(open_alerts)
    notifications = []
    for exhaustion in exhaustions:
        before = still_open.get(exhaustion.resource, Level.OK)
        if exhaustion.level is before:
            continue
        notifications.append(Notification(exhaustion.resource, exhaustion.level, exhaustion.alert, exhaustion.sentence))
        if exhaustion.level is Level.OK:
            still_open.pop(exhaustion.resource, None)
        else:
            still_open[exhaustion.resource] = exhaustion.level
    return tuple(notifications), still_open


def _compound(current: Fraction, rate: Fraction | None, limit: Fraction, days: Fraction | None) -> float | None:
    """Days at a growth of ``rate`` of what is used by then, each week."""
    if rate is None or days is None:
        return None
    if not days:
        return 0.0
    return _WEEK * math.log(limit / current) / math.log1p(rate)


def _sentence(resource: str, days: Fraction | None, figures: Sequence[str]) -> str:
    current, limit, growth = figures
    of_limit = f"{current} of {limit}"
    if days is None:
        return f"{resource}: {of_limit} used and not growing; it is not used up at this rate."
    if not days:
        return f"{resource}: used up, {of_limit}."
    return f"{resource}: capacity exhaustion in {days_text(days)}, {of_limit} used, {growth} more each week."


def _figure(value: Fraction, unit: str = "") -> str:
    number = float(value)
    if unit:
        return amount(number, unit)
    return f"{number:,.0f}" if number == int(number) and abs(number) < 1e15 else f"{number:,.6g}"
