"""How long assessing takes: services x 8 metrics, each with five minutes of samples; linear in their number."""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from datetime import UTC, datetime

from selextract_infra.assess.assessment import assess_measurements
from selextract_infra.assess.measurements import Measurement
from selextract_infra.assess.samples import Samples
from selextract_infra.policy import default_policy

METRICS = {
    "cpu_usage": 0.62,
    "memory_usage": 0.71,
    "disk_usage": 0.4,
    "network_bandwidth": 0.2,
    "response_time_p95": 0.48,
    "error_rate": 0.004,
    "requests_per_second": 120.0,
    "pending_tasks": 40.0,
}
AT = datetime(2025, 11, 20, 12, tzinfo=UTC)
SAMPLES, INTERVAL = 20, 15.0


def measurements(services: int) -> list[Measurement]:
    """So many services, some of them in trouble."""
    now = AT.timestamp()
    at = tuple(now - INTERVAL * (SAMPLES - 1 - number) for number in range(SAMPLES))
    return [
        Measurement(metric, f"service-{number}", Samples(at, (value * (1 + number % 7 / 10),) * SAMPLES, INTERVAL))
        for number in range(services)
        for metric, value in METRICS.items()
    ]


def seconds(services: int, rounds: int) -> float:
    """The median CPU time of an Assessment of so many services; other work on the machine does not count."""
    policy, readings, times = default_policy(), measurements(services), []
    for _ in range(rounds):
        start = time.process_time()
        found = assess_measurements(readings, policy, AT, source="bench")
        times.append(time.process_time() - start)
        if not found.judgements:
            raise SystemExit("nothing was judged")
    return statistics.median(times)


def main() -> None:
    """Print a line for each size, and how time grows with it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, nargs="+", default=[1000, 2000, 5000, 10_000])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    first = None
    for services in options.services:
        spent = seconds(services, options.rounds)
        each = spent / services / len(METRICS) * 1e6
        first = first or each
        sys.stdout.write(
            f"assess {services:>6,} services x {len(METRICS)} metrics: {spent:6.2f} s, {each:5.1f} us for each metric, "
            f"{each / first:.2f} x the first\n"
        )


if __name__ == "__main__":
    main()
