"""On the lab: from the trigger of an emergency to all granted instances healthy, against plain Compose over ssh.

Same counts, both in one run, alternating. Cold is the whole command; warm is the same from a process that watches
already, with its last look at hand. What is taken back in between does not count.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from paired import Pairs, seconds

from selextract_infra.hosts.runner import TaskEvent
from selextract_infra.lab import Lab
from selextract_infra.operations.assess import assess_seen
from selextract_infra.operations.emergency import begin_emergency, plan_emergency
from selextract_infra.operations.emergency_end import revert_emergency
from selextract_infra.operations.fleet import Fleet

PROGRAM = str(Path(sys.executable).parent / "selextract-infra")
ROUNDS = 5


def main() -> None:
    """Bring a lab up, measure, print."""
    lab = Lab(sys.argv[1] if len(sys.argv) > 1 else "bench")
    state = lab.up("single", on_progress=lambda line: print(f"  {line}", file=sys.stderr))
    try:
        with tempfile.TemporaryDirectory() as journal:
            _measure(lab, state.inventory, Path(journal))
    finally:
        if len(sys.argv) < 2:
            lab.down()


def _measure(lab: Lab, inventory: Path, journal: Path) -> None:
    options = ["-i", str(inventory), "--state", str(journal)]
    said = subprocess.run(
        [PROGRAM, "emergency", "assess", *options, "--format", "json"], capture_output=True, check=True, timeout=300
    )
    granted = {
        one["service"]: int(one["granted"])
        for one in json.loads(said.stdout)["needs"]["decisions"]
        if one["resource"] == "instances"
    }
    print(f"granted: {', '.join(f'{name} {count}' for name, count in granted.items())}")
    scale = " ".join(f"--scale {name}={count}" for name, count in granted.items())
    up = f"cd /opt/selextract && docker compose up -d --wait --no-recreate {scale} {' '.join(granted)}"
    back = "cd /opt/selextract && docker compose up -d --wait --no-recreate --remove-orphans"
    cold: list[tuple[float, float]] = []
    warm: list[tuple[float, float]] = []
    parts: list[dict[str, float]] = []
    for number in range(ROUNDS + 1):
        ours = seconds([PROGRAM, "emergency", "run", *options, "--yes"])
        parts.append(json.loads(lab.ssh("app1", "cat /var/lib/selextract-infra/emergency.json").stdout)["seconds"])
        seconds([PROGRAM, "emergency", "revert", *options])
        first = _over_ssh(lab, up, back)
        inside = _from_a_watch(inventory, journal)
        second = _over_ssh(lab, up, back)
        if number:  # the first round warms up
            cold.append((ours, first))
            warm.append((inside, second))
    _print("emergency run, cold, against ssh compose up --wait", cold, 1.5)
    _print("emergency run, from a running watch", warm, 1.1)
    print("where the time goes on the host, medians:")
    for name in parts[-1]:
        print(f"  {name:<14} {statistics.median(part[name] for part in parts[1:]):6.2f} s")


def _from_a_watch(inventory: Path, journal: Path) -> float:
    """From a look that shows the incident to the end of the Run, in a process that runs already."""
    with Fleet(inventory, state=journal) as fleet:
        seen = fleet.observe()
        found = assess_seen(seen, fleet.policy).assessment
        tasks: list[tuple[float, TaskEvent]] = []
        fleet.on_event = lambda event: tasks.append((time.perf_counter(), event))
        begin = time.perf_counter()
        run = begin_emergency(fleet, plan_emergency(fleet, reason="bench", seen=seen, assessment=found))
        took = time.perf_counter() - begin
        if run.exit_code:
            raise SystemExit(run.message)
        told = ", ".join(f"{event.task} at {at - begin:.2f}" for at, event in tasks if event.kind == "task_done")
        print(f"  {took:.2f} s: {told}", file=sys.stderr)
        revert_emergency(fleet)
    return took


def _over_ssh(lab: Lab, up: str, back: str) -> float:
    state = lab.state()
    words = [
        "ssh", "-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={state.known_hosts}", "-i", str(state.key),
        f"root@{state.host('app1').address}",
    ]  # fmt: skip
    took: float = seconds([*words, up])
    seconds([*words, back])
    return took


def _print(name: str, measured: list[tuple[float, float]], target: float) -> None:
    print(Pairs(tuple(one for one, _ in measured), tuple(two for _, two in measured)).line(name, target))


if __name__ == "__main__":
    main()
