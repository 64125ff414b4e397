"""Measures decide: right sizes of many services from 7 days of 1-minute samples, against a bare numpy percentile.

For each size: seconds of the bare 95th percentile over the same array (median of some rounds, alternating),
seconds of decide, their ratio, microseconds per service, the array's size, the peak memory of the process when decide
has run once, and how much of that decide added.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from selextract_infra.model.history import ContainerHistory
from selextract_infra.model.observation import (
    ContainerObservation,
    HostFacts,
    HostObservation,
    Limits,
    Observation,
    ProjectObservation,
    SamplerStatus,
    ServiceDefinition,
    Usage,
)
from selextract_infra.operations.rightsize.decide import decide_rightsize
from selextract_infra.policy import Policy, load_policy

AT = datetime(2026, 3, 1, tzinfo=UTC)
BUCKETS = 7 * 24 * 60
MB = 1 << 20


def main() -> None:
    """Run the bench for the sizes on the command line and print a line for each; ``--json`` prints the figures."""
    parser = argparse.ArgumentParser(description="Measure right-sizing decisions.")
    parser.add_argument("sizes", nargs="*", type=int, default=[10, 1_000, 10_000], help="numbers of services")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, of which the median counts")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args()
    figures = [measure(size, given.rounds) for size in given.sizes]
    if given.json:
        sys.stdout.write(json.dumps(figures, indent=2) + "\n")
        return
    sys.stdout.write(
        "services   bare percentile   decide     ratio   per service   array      peak memory (by decide)\n"
    )
    for row in figures:
        sys.stdout.write(
            f"{row['services']:>8,}   {row['bare']:>13.3f} s   {row['decide']:>6.3f} s   {row['ratio']:>4.2f} x"
            f"   {row['per_service_us']:>8.0f} us   {row['array_mb']:>6,.0f} MB   {row['peak_mb']:>8,.0f} MB"
            f" ({row['added_mb']:,.0f} MB)\n"
        )


def measure(services: int, rounds: int) -> dict[str, float]:
    """Medians of both, alternating."""
    cpu, memory = _columns(services)
    seen, policy = _observation(cpu, memory), _policy(services)
    before = _peak_mb()
    decide_rightsize(seen, policy, at=AT)
    peak = _peak_mb()
    bare: list[float] = []
    decide: list[float] = []
    for _ in range(rounds if services > 100 else rounds * 20):
        bare.append(_seconds(lambda: np.percentile(cpu, 95, axis=1)))
        decide.append(_seconds(lambda: decide_rightsize(seen, policy, at=AT)))
    middle, ours = float(np.median(bare)), float(np.median(decide))
    return {
        "services": services,
        "bare": middle,
        "decide": ours,
        "ratio": ours / middle,
        "per_service_us": ours / services * 1e6,
        "array_mb": (cpu.nbytes + memory.nbytes) / MB,
        "peak_mb": peak,
        "added_mb": peak - before,
    }


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _columns(services: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """CPU and memory of each service, all different, made row by row."""
    random = np.random.default_rng(7)
    cpu = np.empty((services, BUCKETS))
    memory = np.empty((services, BUCKETS), np.int64)
    for row in range(services):
        cpu[row] = random.random(BUCKETS, np.float32) * 0.8
        memory[row] = (cpu[row] * 900 + 100) * MB
    return cpu, memory


def _observation(cpu: NDArray[np.float64], memory: NDArray[np.int64]) -> Observation:
    """One host with a container for each row; columns that say the same for all are the same array."""
    at = np.arange(BUCKETS) * 60 + int(AT.timestamp()) - BUCKETS * 60
    zeros, samples = np.zeros(BUCKETS, np.int64), np.full(BUCKETS, 4)
    names = [f"service-{row}" for row in range(len(cpu))]
    return Observation(
        at=AT,
        hosts=(
            HostObservation(
                name="bench",
                facts=HostFacts(cpus=4 * len(cpu), memory=4096 * MB * len(cpu)),
                sampler=SamplerStatus(installed=True, running=True),
                projects=(
                    ProjectObservation(
                        name="bench",
                        directory="/opt/bench",
                        services=tuple(ServiceDefinition(name=name, limit_form="service") for name in names),
                    ),
                ),
                containers=tuple(
                    ContainerObservation(
                        name=name, id=name, image="bench", project="bench", service=name, number=1,
                        started_at="2026-01-01T00:00:00Z", limits=Limits(memory=2048 * MB, swap=2048 * MB, cpus=2.0),
                        usage=Usage(memory=100 * MB, cpus=0.1, page_cache=0),
                    )
                    for name in names
                ),
                history=tuple(
                    ContainerHistory(
                        name=name, project="bench", service=name, at=at, cpu=cpu[row], cpu_peak=cpu[row],
                        memory=memory[row], page_cache=zeros, oom_kills=zeros, restarts=zeros, samples=samples,
                    )
                    for row, name in enumerate(names)
                ),
            ),
        ),
    )  # fmt: skip


def _policy(services: int) -> Policy:
    mapping = {f"service-{row}": {"role": "api"} for row in range(services)}
    return load_policy({"application": {"project": "bench", "directory": "/opt/bench", "services": mapping}})


if __name__ == "__main__":
    main()
