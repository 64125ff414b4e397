"""The guide's own programs, run as they are written: its prediction and its circuit breaker (X-19 to X-21)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from selextract_infra.defects.rule import Breach, check
from selextract_infra.defects.sentence import spaced
from selextract_infra.policy.model import Policy
from selextract_infra.policy.schema.operation import Breaker, GuideFormula
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


@check("X-19")
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
        {"order": order, "dead": ", ".join(dead), "limit": limit, "usage": usage, "growth": growth},
        warning_days=days["warning"],
        critical_days=days["critical"],
        example_days=left,
        example_alert=guide_alert(policy, left) or "none",
    )


def _shown(formula: GuideFormula, case: str) -> str:
    try:
        days = guide_days(formula, *CASES[case])
    except ZeroDivisionError:
        return "division by zero"
    return f"{days:.1f} days"


@check("X-20")
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
        {
            "listed": "; ".join(f"{spaced(case)}: {_shown(formula, case)}" for case in missing),
            "week": WEEK,
            "limit": limit,
            "usage": usage,
            "rate": rate,
        },
        cases_missing=len(missing),
        **{f"{case}_result": _shown(formula, case) for case in missing},
        inexact_of_399=rounded,
        linear_days=round(linear, 1),
        compound_days=round(math.log(limit / usage) / math.log(1 + rate) * WEEK, 1),
        fraction_as_amount_days=guide_days(formula, 10, 0, rate),
    )


REJECTED = 10


@dataclass(slots=True)
class _GuideBreaker:
    """The guide's program, step by step, with an imagined clock."""

    breaker: Breaker
    failures: int = 0
    opened: bool = False
    scalings: int = 0

    def fail(self) -> None:
        """One failing call while it is closed."""
        if not self.breaker.guide_program.defines_failure_handler:
            return
        self.failures += 1
        if self.failures >= self.breaker.thresholds.failures and not self.opened:
            self.opened = True
            self.scalings += self.breaker.guide_program.scales_on == "opening"

    def reject(self) -> None:
        """One call while it is open."""
        self.scalings += self.breaker.guide_program.scales_on == "rejection"


def _faults(breaker: Breaker) -> list[str]:
    program, faults = breaker.guide_program, []
    never = _GuideBreaker(breaker)
    for _ in range(2 * breaker.thresholds.failures):
        never.fail()
    if not never.opened:
        faults.append("never opens, because nothing handles a failure")
    if not (program.initialises_failure_time and program.imports_clock):
        faults.append("reads a time that was never set")
    if program.scales_on == "rejection":
        faults.append(f"scales out {_scalings(breaker)} times for {REJECTED} refused calls")
    if program.resets_count_on_success != "always":
        faults.append("counts failures across successes")
    if program.probes_while_half_open is None:
        faults.append("lets everything through while half open")
    if program.clock == "wall":
        faults.append("trusts the wall clock")
    if not program.locks:
        faults.append("has no lock")
    return faults


def _scalings(breaker: Breaker) -> int:
    """How often it scales out while it refuses calls, once it is open."""
    opened = _GuideBreaker(breaker, opened=True)
    for _ in range(REJECTED):
        opened.reject()
    return opened.scalings


@check("X-21")
def circuit_breaker(policy: Policy, _: Host) -> Breach | None:
    """The guide's program calls a handler that it does not define, so its first failure hides the real error and it
    never opens. If it did, every refused call would scale out once more.
    """
    breaker = policy.emergency.breaker
    faults = _faults(breaker)
    if not faults:
        return None
    factor, floor = policy.emergency.actions.api.factor, policy.scaling.api.instances.minimum
    scalings = _scalings(breaker)
    return Breach(
        {"listed": ", ".join(faults)},
        faults=len(faults),
        refused_calls=REJECTED,
        scalings=scalings,
        unbounded_instances=floor * factor**scalings,
        failures=breaker.thresholds.failures,
    )
