"""The guide's prediction, run as it is written (X-19, X-20)."""

from __future__ import annotations

import math

from selextract_infra.defects.rule import Breach, rule
from selextract_infra.model.finding import RuleClass, Severity
from selextract_infra.policy.model import Policy
from selextract_infra.policy.schema.operation import GuideFormula
from selextract_infra.policy.schema.system import Host

WEEK = 7
CASES: dict[str, tuple[float, float, float]] = {
    "no_growth": (1000, 900, 0),
    "shrinking": (1000, 900, -20),
    "exhausted": (1000, 1100, 50),
    "not_a_number": (1000, 900, math.nan),
}
"""Special cases a prediction has to know: limit, usage and growth in a week."""


def guide_days(formula: GuideFormula, limit: float, usage: float, weekly_growth: float) -> float:
    """Days until exhaustion as the guide computes them; raises ZeroDivisionError where it does."""
    if formula.divides_growth_first:
        return (limit - usage) / (weekly_growth / WEEK)
    return (limit - usage) * WEEK / weekly_growth


def guide_alert(policy: Policy, days: float) -> str | None:
    """The alert that the guide's tests, in their order, give for so many days."""
    levels = {"warning": policy.prediction.warning, "critical": policy.prediction.critical}
    for name in policy.prediction.guide_formula.tests:
        if days < levels[name].days:
            return levels[name].alert
    return None


@rule(
    "X-19",
    "the critical prediction is never reached",
    Severity.BREAKING,
    RuleClass.FIX,
    subject="prediction",
    items="PRE-01 PRE-02 PRE-03",
    resolution="The shorter time is tested first.",
)
def unreachable(policy: Policy, _: Host) -> Breach | None:
    """The first test that matches ends the question, and everything below the critical days is also below the
    warning's.
    """
    prediction = policy.prediction
    days = {"warning": prediction.warning.days, "critical": prediction.critical.days}
    tests = prediction.guide_formula.tests
    dead = [name for i, name in enumerate(tests) if any(days[earlier] >= days[name] for earlier in tests[:i])]
    if not dead:
        return None
    limit, usage, growth = 1000, 900, 200
    left = guide_days(prediction.guide_formula, limit, usage, growth)
    order = ", ".join(f"< {days[name]:g} days" for name in tests)
    return Breach(
        f"tests in the order {order}: {', '.join(dead)} is never reached. "
        f"{usage} of {limit} with {growth} more a week is {left:g} days and gives {guide_alert(policy, left)}.",
        {
            "warning_days": days["warning"],
            "critical_days": days["critical"],
            "example_days": left,
            "example_alert": guide_alert(policy, left) or "none",
        },
    )


def _shown(formula: GuideFormula, case: str) -> str:
    try:
        days = guide_days(formula, *CASES[case])
    except ZeroDivisionError:
        return "division by zero"
    return f"{days:.1f} days"


@rule(
    "X-20",
    "the prediction fails where there is no growth",
    Severity.BREAKING,
    RuleClass.FIX,
    subject="prediction",
    items="PRE-01 PRE-04",
    resolution="Used up is critical and 0 days; no growth is no alert; the growth is an amount in a week, with a unit.",
)
def domain(policy: Policy, _: Host) -> Breach | None:
    """Without growth it divides by zero, shrinking use gives negative days and an alert, and so does a resource that is
    used up already. Dividing the growth first makes exactly seven days a little less and critical.
    """
    formula = policy.prediction.guide_formula
    missing = [case for case in CASES if case not in formula.handles]
    rounded = sum(1 for growth in range(1, 400) if guide_days(formula, growth, 0, growth) != WEEK)
    if not missing and not rounded:
        return None
    limit, usage, rate = 1000, 900, 0.05
    linear = guide_days(formula, limit, usage, usage * rate)
    return Breach(
        "; ".join(f"{case.replace('_', ' ')}: {_shown(formula, case)}" for case in missing)
        + f". {rounded} of 399 growths that leave exactly {WEEK} days do not give {WEEK}; at "
        f"{rate * 100:g} %/week {usage} to {limit} take {linear:.1f} days by a line and "
        f"{math.log(limit / usage) / math.log(1 + rate) * WEEK:.1f} compound.",
        {
            "cases_missing": len(missing),
            **{f"{case}_result": _shown(formula, case) for case in missing},
            "inexact_of_399": rounded,
            "linear_days": round(linear, 1),
            "compound_days": round(math.log(limit / usage) / math.log(1 + rate) * WEEK, 1),
            "fraction_as_amount_days": guide_days(formula, 10, 0, rate),
        },
    )
