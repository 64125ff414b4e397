"""How long before a resource is full the forecast warns, where a trend begins, beside lines over 7 and 28 days.

Each series is cut day by day from where its trend begins until it is full. Printed: days from the first warning (that
was not taken back) until it was full, for CAPACITY_WARNING and CAPACITY_CRITICAL.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import date

import numpy as np
from numpy.typing import NDArray

from selextract_infra.model.assessment import Level
from selextract_infra.planning.exhaustion import level_of
from selextract_infra.planning.forecast.alert import exhaustion_of
from selextract_infra.planning.forecast.forecast import forecast
from selextract_infra.planning.forecast.series import Series
from selextract_infra.policy import default_policy

Days = NDArray[np.float64]
POLICY = default_policy()
START = date(2025, 1, 1)
LIMIT = 1000.0
QUIET = 100
Level_of = Callable[[Days], Level]


def trends(seed: int) -> dict[str, Days]:
    """Series by name; the trend of each begins after 100 days."""
    random = np.random.default_rng(seed)
    flat, after = np.full(QUIET, 500.0), np.arange(1, 200)
    found = {f"+{step} a day": np.concatenate([flat, 500 + step * after]) for step in (10, 20, 40)}
    found["ramp"] = np.concatenate([flat, 500 + 0.5 * after**1.8])
    cleaned = np.concatenate([np.full(QUIET, 900.0), 200 + 8.0 * after])
    found["after a clean-up"] = cleaned
    for name in ("+10 a day", "+20 a day"):
        noise = random.normal(0, 8, len(found[name]))
        found[f"{name}, noisy"] = np.maximum(found[name] + noise, 0)
    return found


def by_forecast(values: Days) -> Level:
    """The level that the forecast raises."""
    made = forecast(Series("use", START, values), POLICY, limit=LIMIT)
    exhaustion = exhaustion_of(made)
    return Level.OK if exhaustion is None else exhaustion.level


def by_line(days: int) -> Level_of:
    """The level by a straight line through the last days."""

    def level(values: Days) -> Level:
        last = values[-days - 1 :]
        growth = float(last[-1] - last[0]) / (len(last) - 1)
        left = (LIMIT - float(last[-1])) / growth if growth > 0 else None
        return level_of(None if left is None else max(left, 0.0), POLICY)

    return level


RULES: dict[str, Level_of] = {"forecast": by_forecast, "7 days": by_line(7), "28 days": by_line(28)}


def lead(values: Days, level: Level_of, wanted: Level) -> int:
    """Days between the first day from which it always says at least ``wanted`` and the day on which it is full."""
    full = int(np.argmax(values >= LIMIT))
    first = full
    for day in range(full - 1, QUIET, -1):
        if level(values[: day + 1]).rank < wanted.rank:
            break
        first = day
    return full - first


def main() -> None:
    """Print a line for each trend."""
    parser = argparse.ArgumentParser(description="Measure how early the forecast warns.")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    sys.stdout.write("days before it is full          warning: " + "  ".join(f"{name:>8}" for name in RULES))
    sys.stdout.write("   critical: " + "  ".join(f"{name:>8}" for name in RULES) + "\n")
    for name, values in trends(given.seed).items():
        sys.stdout.write(f"{name:<40} ")
        for wanted in (Level.WARNING, Level.CRITICAL):
            leads = [lead(values, level, wanted) for level in RULES.values()]
            sys.stdout.write(
                "  ".join(f"{days:>8}" for days in leads) + "             "[: 13 * (wanted is Level.WARNING)]
            )
        sys.stdout.write("\n")


if __name__ == "__main__":
    main()
