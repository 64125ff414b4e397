"""On the lab: pgbench straight to Postgres and through PgBouncer, at 20, 100 and 400 clients; in turn, in pairs.

Takes about eight minutes.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass

from selextract_infra.lab import Lab

ROUNDS = 7
SECONDS = 5
CLIENTS = (20, 100, 400)
IMAGE, NETWORK, HOME = "selextract/stack:lab", "selextract_default", "/srv/pgbench"
DIRECT, POOLED = ("postgres", 5432), ("pgbouncer", 6432)
_TPS = re.compile(r"tps = ([0-9.]+)")


@dataclass(frozen=True)
class Answer:
    """What one run of pgbench did: transactions a second, None where clients could not connect."""

    tps: float | None


def main() -> None:
    """Bring a lab up, put PgBouncer up, measure, print."""
    lab = Lab("bench")
    state = lab.up("single", on_progress=lambda line: print(f"  {line}", file=sys.stderr))
    try:
        with tempfile.TemporaryDirectory() as journal:
            done = subprocess.run(
                [sys.executable, "-m", "selextract_infra.cli", "pgbouncer", "on", "--apply", "--yes",
                 "-i", str(state.inventory), "--state", journal],
                capture_output=True, text=True, timeout=600, check=False,
            )  # fmt: skip
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
        measure(lab)
    finally:
        lab.down()


def measure(lab: Lab) -> None:
    """Both ways in turn, for each number of clients."""
    found = "sed -n 's/^POSTGRES_PASSWORD=/*:*:*:selextract:/p' /opt/selextract/.env"
    _shell(lab, f"mkdir -p -m 700 {HOME} && (umask 077; {found} > {HOME}/pass)")
    _shell(lab, _pgbench(DIRECT, "-i -s 5 -q"))
    for clients in CLIENTS:
        _run(lab, DIRECT, clients), _run(lab, POOLED, clients)
        pairs = [(_run(lab, DIRECT, clients), _run(lab, POOLED, clients)) for _ in range(ROUNDS)]
        direct, pooled = ([answer.tps for answer in side] for side in zip(*pairs, strict=True))
        print(_line(clients, direct, pooled))
    _shell(lab, f"rm -rf {HOME}")


def _line(clients: int, direct: list[float | None], pooled: list[float | None]) -> str:
    served = [(one, other) for one, other in zip(direct, pooled, strict=True) if one is not None and other is not None]
    through = statistics.median(tps for tps in pooled if tps is not None) if any(pooled) else 0.0
    if not served:
        return f"pgbench, {clients:>3} clients: direct refused (max_connections)   pooled {through:8.0f} tps"
    ratio = statistics.median(other / one for one, other in served)
    straight = statistics.median(one for one, _ in served)
    return f"pgbench, {clients:>3} clients: direct {straight:8.0f} tps   pooled {through:8.0f} tps   {ratio:5.2f} x"


def _run(lab: Lab, target: tuple[str, int], clients: int) -> Answer:
    command = _pgbench(target, f"-n -c {clients} -j 2 -T {SECONDS} -M extended")
    done = lab.ssh("app1", command, timeout=SECONDS + 120)
    match = _TPS.search(done.stdout)
    return Answer(float(match[1]) if match and not done.returncode else None)


def _pgbench(target: tuple[str, int], options: str) -> str:
    host, port = target
    return (
        f"docker run --rm --network {NETWORK} -v {HOME}/pass:/pass:ro -e PGPASSFILE=/pass {IMAGE}"
        f" /usr/lib/postgresql/17/bin/pgbench -h {host} -p {port} -U selextract {options} selextract 2>&1"
    )


def _shell(lab: Lab, command: str) -> None:
    done = lab.ssh("app1", command, timeout=300)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)


if __name__ == "__main__":
    main()
