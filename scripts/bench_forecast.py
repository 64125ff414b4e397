"""How good forecasts are: simulated series of many kinds, or the columns of CSV files, judged with rolling origins.

Errors are those that ``forecast --backtest`` prints. For simulated series the future is known, so the dates of
exhaustion are judged too: 80 of 100 true dates should lie between the early and the late one.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from selextract_infra.flow.recorded_series import file_series
from selextract_infra.model.forecast import BacktestSummary, Forecast
from selextract_infra.planning.forecast.forecast import forecast
from selextract_infra.planning.forecast.series import Series
from selextract_infra.policy import default_policy

Days = NDArray[np.float64]
Random = np.random.Generator
POLICY = default_policy()
START = date(2024, 1, 1)
FUTURE = 500
LENGTHS = (185, 260, 400, 730)


def week(make: Random, amplitude: float) -> Days:
    """Factors of seven weekdays, mean 1."""
    shape = np.array([0, 0.02, 0.03, 0.02, -0.02, -1, -1.1]) * amplitude + make.normal(0, 0.02, 7)
    return np.asarray(np.maximum(1 + shape - shape.mean(), 0.05))


def lasting_noise(make: Random, days: int, carried: float, size: float) -> Days:
    """Noise of which a share is carried over to the next day."""
    noise = make.normal(0, size, days)
    for day in range(1, days):
        noise[day] += carried * noise[day - 1]
    return noise


def traffic(make: Random, days: int, *, shift: bool = False) -> Days:
    """Requests: weeks, growth, a yearly wave, a wandering level, events, and sometimes a lasting shift."""
    places = np.arange(days)
    level = make.uniform(-0.3, 1) * places / 365 + np.cumsum(make.normal(0, make.choice([0, 0.005, 0.01]), days))
    level += make.uniform(0, 0.2) * np.sin(2 * np.pi * places / 365 + make.uniform(0, 6))
    factors = week(make, make.uniform(0.1, 0.5))[places % 7]
    values = 1000 * np.exp(level + lasting_noise(make, days, make.uniform(0, 0.6), make.uniform(0.02, 0.1))) * factors
    for _ in range(days // 90):
        first = make.integers(0, days)
        values[first : first + make.integers(1, 4)] *= make.choice([0.5, 0.7, 1.5, 2])
    if shift:
        values[make.integers(days // 8, days // 3) :] *= make.choice([0.6, 0.7, 1.4, 1.6, 2])
    return np.asarray(values)


def line(make: Random, days: int) -> Days:
    """A straight line with noise."""
    return np.asarray(make.uniform(100, 600) + make.uniform(0.3, 4) * np.arange(days) + make.normal(0, 4, days))


def walk(make: Random, days: int) -> Days:
    """Every day adds something, now more, now less."""
    slope = make.uniform(0.3, 4)
    return np.asarray(make.uniform(100, 600) + np.cumsum(make.normal(slope, slope * make.uniform(0.5, 2), days)))


def working_days(make: Random, days: int) -> Days:
    """Storage that grows on working days."""
    added = week(make, 0.6)[np.arange(days) % 7] * make.lognormal(0, 0.3, days)
    return np.asarray(make.uniform(100, 600) + make.uniform(0.3, 4) * np.cumsum(added))


def cleaned(make: Random, days: int) -> Days:
    """Storage that is cleaned up now and then."""
    slope, every = make.uniform(0.5, 4), int(make.integers(20, 40))
    grown = make.uniform(100, 600) + np.cumsum(make.normal(slope, slope * 0.5, days))
    return np.asarray(grown - np.arange(days) // every * every * slope * 0.4)


def imported(make: Random, days: int) -> Days:
    """Storage into which much was imported at once."""
    values = walk(make, days)
    values[make.integers(days // 8, days // 3) :] += make.uniform(0.2, 0.5) * values[0]
    return values


KINDS: dict[str, Callable[[Random, int], Days]] = {
    "traffic": traffic,
    "traffic, shifted": lambda make, days: traffic(make, days, shift=True),
    "line": line,
    "random walk": walk,
    "working days": working_days,
    "cleaned up": cleaned,
    "imported": imported,
}


def judge(values: Days, seed: int) -> tuple[BacktestSummary | None, bool | None, float]:
    """The backtest of the days before the future, whether the true date was met, and the seconds it took."""
    known, future = values[:-FUTURE], values[-FUTURE:]
    usable = max(float(known.max()) * 1.02, float(future[20 + seed * 37 % 200]))
    reached = np.flatnonzero(future >= usable)
    start = time.process_time()
    seen = forecast(Series("use", START, known, "UTC"), POLICY, limit=usable)
    seconds = time.process_time() - start
    met = met_date(seen, int(reached[0]) + 1) if len(reached) else None
    return seen.backtest, met, seconds


def met_date(seen: Forecast, true: int) -> bool:
    """Whether the true day lies between the early and the late date."""
    dates = seen.exhaustion
    if dates is None:
        return False
    early, late = (dates.farthest + 1 if days is None else days for days in (dates.p10_days, dates.p90_days))
    return early <= true <= late


def report(name: str, tests: list[BacktestSummary], met: list[bool], seconds: list[float]) -> None:
    """One line for each kind of series."""
    ratios = {
        "last week": [test.error / test.last_week_error for test in tests],
        "line": [test.error / test.line_error for test in tests],
        "rule": [test.error / test.rule_error for test in tests],
    }
    covered = [test.coverage for test in tests if test.coverage is not None]
    sys.stdout.write(
        f"{name:<18}{len(tests):>4}"
        f"{np.median([test.error for test in tests]):>8.1%}"
        + "".join(f"{np.median(values):>7.2f} ({max(values):.2f})" for values in ratios.values())
        + f"{np.mean(covered):>8.1%}"
        + (f"{np.mean(met):>8.0%}" if met else f"{'-':>8}")
        + (f"{np.median(seconds) * 1000:>7.0f} ms" if seconds else "")
        + "\n"
    )


def main() -> None:
    """Print a line for each kind of series or for each column."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=16, help="how many of each kind")
    parser.add_argument("--csv", type=Path, action="append", default=[], help="judge this file instead")
    parser.add_argument("--column", default="value")
    options = parser.parse_args()
    sys.stdout.write(
        f"{'':<18}{'n':>4}{'error':>8}{'/ last week':>14}{'/ line':>14}{'/ rule':>14}{'80 %':>8}{'dates':>8}\n"
    )
    for path in options.csv:
        test = forecast(file_series(path, options.column, POLICY), POLICY).backtest
        if test is None:
            sys.stdout.write(f"{path.name:<18} insufficient data\n")
        else:
            report(path.stem[:17], [test], [], [])
    for kind, make in () if options.csv else KINDS.items():
        found = [
            judge(make(np.random.default_rng(seed), LENGTHS[seed % len(LENGTHS)] + FUTURE), seed)
            for seed in range(options.series)
        ]
        report(
            kind,
            [test for test, _, _ in found if test is not None],
            [met for _, met, _ in found if met is not None],
            [seconds for _, _, seconds in found],
        )


if __name__ == "__main__":
    main()
