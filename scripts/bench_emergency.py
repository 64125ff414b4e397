"""On the lab: from the trigger of an emergency to all granted instances healthy, against plain Compose over ssh.

Same counts, all in one run, alternating. Cold is the whole command; warm is the same from a process that watches
already, with its last look at hand. What ends the Run after that, and telling people, is a line of its own; what is
taken back in between does not count. It ends after some rounds, and begins none when its time is over.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from paired import Pairs, seconds

from selextract_infra.flow.assess import assess_seen
from selextract_infra.flow.context import Context
from selextract_infra.lab import Lab
from selextract_infra.operations.emergency.begin import begin_emergency, plan_emergency
from selextract_infra.operations.emergency.end import revert_emergency
from selextract_infra.operations.emergency.preparation import make_ready

PROGRAM = str(Path(sys.executable).parent / "selextract-infra")
ROUNDS = 5
BOUND = 900.0  # seconds after which no further round begins
STATE = "/var/lib/selextract-infra"
PROJECT = "cd /opt/selextract && docker compose up -d --wait --no-recreate"

AFTER = "after all are healthy: unlock, tell"

Parts = dict[str, float]


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
    granted = _granted(options)
    print(f"granted: {', '.join(f'{name} {count}' for name, count in granted.items())}")
    up = f"{PROJECT} {' '.join(f'--scale {name}={count}' for name, count in granted.items())} {' '.join(granted)}"
    ours: dict[str, list[tuple[float, float]]] = {"cold": [], "warm": []}
    parts: dict[str, list[Parts]] = {"cold": [], "warm": []}
    began = time.monotonic()
    while len(parts["warm"]) < ROUNDS and time.monotonic() - began < BOUND:
        for kind, run in (("cold", lambda: _cold(lab, options)), ("warm", lambda: _warm(lab, inventory, journal))):
            where = run()
            parts[kind].append(where)
            ours[kind].append((sum(where.values()) - where[AFTER], _over_ssh(lab, up)))
            print("  {}: {:.1f} s against {:.1f} s".format(kind, *ours[kind][-1]), file=sys.stderr)
    _print("emergency run, cold, against ssh compose up --wait", ours["cold"], 1.4)
    _print("emergency run, from a running watch", ours["warm"], 0.9)
    for kind, seen in parts.items():
        print(f"where the time goes, {kind}, medians of {len(seen)}:")
        for name in seen[-1]:
            print(f"  {name:<34} {statistics.median(part[name] for part in seen):6.2f} s")


def _granted(options: list[str]) -> dict[str, int]:
    """The instances that the emergency will grant, by service."""
    said = subprocess.run(
        [PROGRAM, "emergency", "assess", *options, "--format", "json"], capture_output=True, check=True, timeout=300
    )
    decisions = json.loads(said.stdout)["needs"]["decisions"]
    return {one["service"]: int(one["granted"]) for one in decisions if one["resource"] == "instances"}


def _cold(lab: Lab, options: list[str]) -> Parts:
    """The whole command."""
    trigger = time.time()
    said = subprocess.run(
        [PROGRAM, "emergency", "run", *options, "--yes", "--format", "json"],
        capture_output=True, check=True, timeout=600,
    )  # fmt: skip
    ended = time.time()
    run = json.loads(said.stdout)
    begun = datetime.fromisoformat(run["started_at"]).timestamp()
    parts = _parts(lab, run["id"], trigger, begun, ended)
    seconds([PROGRAM, "emergency", "revert", *options])
    return parts


def _warm(lab: Lab, inventory: Path, journal: Path) -> Parts:
    """From a look that shows the incident to the end of the Run, in a process that runs already."""
    with Context(inventory, state=journal) as context:
        seen = context.observe()
        found = assess_seen(seen, context.policy).assessment
        make_ready(context)  # as with the first look that shows the incident
        time.sleep(context.policy.monitoring.watch.interval)
        trigger = time.time()
        run = begin_emergency(context, plan_emergency(context, reason="bench", seen=seen, assessment=found))
        ended = time.time()
        if run.exit_code:
            raise SystemExit(run.message)
        parts = _parts(lab, run.id, trigger, run.started_at.timestamp(), ended)
        revert_emergency(context)
    return parts


def _parts(lab: Lab, run: str, trigger: float, begun: float, ended: float) -> Parts:
    """Where the time went: here before and after, and on the host, whose clock is this machine's."""
    on_host = json.loads(lab.ssh("app1", f"cat {STATE}/emergency.json").stdout)["seconds"]
    record = json.loads(lab.ssh("app1", f"cat {STATE}/runs/{run}.json").stdout)
    touched = float(record["steps"]["emergency"]["started"])
    return {
        "start, look, decide": begun - trigger,
        "Ansible, log in, lock": touched - begun,
        **{f"on the host: {name}": float(took) for name, took in on_host.items()},
        AFTER: ended - touched - sum(on_host.values()),
    }


def _over_ssh(lab: Lab, up: str) -> float:
    state = lab.state()
    words = [
        "ssh", "-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={state.known_hosts}", "-i", str(state.key),
        f"root@{state.host('app1').address}",
    ]  # fmt: skip
    took: float = seconds([*words, up])
    seconds([*words, f"{PROJECT} --remove-orphans"])
    return took


def _print(name: str, measured: list[tuple[float, float]], target: float) -> None:
    print(Pairs(tuple(one for one, _ in measured), tuple(two for _, two in measured)).line(name, target))


if __name__ == "__main__":
    main()
