"""Measures simulate: 15-second samples of ten services through the autoscaler, from a file, in growing lengths.

For each length: rows of the file, seconds, rows per second of CPU, what a row costs against the shortest length (1 is
linear), peak memory of the process so far, and how many actions there were. A year of ten services is 21 million rows.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import sys
import tempfile
import time
from pathlib import Path

from selextract_infra.assess.hardware import read_hardware
from selextract_infra.assess.room import DatabaseSide
from selextract_infra.model.postgres import Pooling
from selextract_infra.operations.scaling.simulate import Question, simulate
from selextract_infra.policy import Policy, load_policy

START = 1_735_689_600  # 1 January 2025
INTERVAL, DAY = 15, 86_400
APIS, WORKERS = [f"api{number}" for number in range(1, 6)], [f"worker{number}" for number in range(1, 6)]
HEADER = "at,service,cpu_usage_percent,memory_usage_percent,response_time_p95_ms,requests_per_second,pending_tasks\n"


def main() -> None:
    """Run the bench for the numbers of days on the command line; ``--json`` prints the figures."""
    parser = argparse.ArgumentParser(description="Measure replays of recorded metrics.")
    parser.add_argument("days", nargs="*", type=int, default=[1, 10, 365], help="lengths of the recordings")
    parser.add_argument("--folder", type=Path, help="where the files go meanwhile; a year needs a gigabyte")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args()
    figures: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        for days in given.days:
            figures.append(measure(days, Path(folder) / "metrics.csv"))
            figures[-1]["per_row_ratio"] = figures[0]["rows_per_second"] / figures[-1]["rows_per_second"]
            if not given.json:
                sys.stdout.write(line(figures[-1]))
                sys.stdout.flush()
    if given.json:
        sys.stdout.write(json.dumps(figures, indent=2) + "\n")


def line(row: dict[str, float]) -> str:
    """One length for a person."""
    return (
        f"{row['days']:>4.0f} days   {row['rows']:>12,.0f} rows   {row['seconds']:>7.1f} s"
        f" ({row['cpu_seconds']:.1f} s of CPU)"
        f"   {row['rows_per_second']:>9,.0f} rows/s ({row['values_per_second']:,.0f} values/s)"
        f"   {row['per_row_ratio']:>4.2f} x per row   {row['peak_mb']:>5.0f} MB   {row['actions']:,.0f} actions\n"
    )


def measure(days: int, file: Path) -> dict[str, float]:
    """Replay a recording of that many days."""
    write(days, file)
    policy = application()
    host = read_hardware("256c/1024GB/1TB/1Gbps")
    question = Question(host=host, database=DatabaseSide(pooling=Pooling.POOLED))
    begun, worked = time.perf_counter(), time.process_time()
    found = simulate(file, policy, question)
    elapsed, seconds = time.perf_counter() - begun, time.process_time() - worked
    return {
        "days": days,
        "rows": found.samples,
        "seconds": elapsed,
        "cpu_seconds": seconds,
        "rows_per_second": found.samples / seconds,
        "values_per_second": found.samples * 4 / seconds,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "actions": len(found.actions),
        "flaps": len(found.flaps),
    }


def application() -> Policy:
    """The guide with five services of the API's role and five of the workers'."""
    services = {name: {"role": "api"} for name in APIS} | {name: {"role": "worker"} for name in WORKERS}
    return load_policy({"application": {"services": services}})


def write(days: int, file: Path) -> None:
    """A day like every other, again and again: quiet nights, a busy noon, a queue in the evening."""
    ticks = ["".join(rows(second)) for second in range(0, DAY, INTERVAL)]
    with file.open("w") as out:
        out.write(HEADER)
        for day in range(days):
            for place, tick in enumerate(ticks):
                out.write(tick.replace("@", str(START + day * DAY + place * INTERVAL)))


def rows(second: int) -> list[str]:
    """The rows of one time; ``@`` stands for it."""
    load = 0.5 - 0.5 * math.cos(2 * math.pi * second / DAY)
    queue = 150 if 18 * 3600 <= second < 19 * 3600 else 4
    apis = [f"@,{name},{15 + 60 * load:.1f},{50 + number:.1f},{200 + 500 * load:.0f},{40 + 500 * load:.0f},\n"
            for number, name in enumerate(APIS)]  # fmt: skip
    workers = [f"@,{name},{20 + 45 * load:.1f},{60 + number:.1f},,,{queue}\n" for number, name in enumerate(WORKERS)]
    return apis + workers


if __name__ == "__main__":
    main()
