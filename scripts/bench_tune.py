"""pgbench on a lab host: our settings against the defaults and against PGTune's, in one container, in turn.

The container is the guide's for the database, with as many connections as X-02 finds room for at its full work_mem. The
three take turns on the same data with a restart in between; the order changes from round to round, so that neither the
machine's noise nor a cache that is warm by now favours one of them. Takes about eleven minutes.
"""

from __future__ import annotations

import itertools
import shlex
import statistics
import sys
from collections.abc import Mapping

from pgtune import pgtune_settings

from selextract_infra.assess.postgres.settings_for import tune_postgres
from selextract_infra.lab import Lab
from selextract_infra.model.postgres import Storage, Workload
from selextract_infra.model.postgres_conf import conf_text
from selextract_infra.model.tuning import PostgresFacts
from selextract_infra.policy import default_policy

CONTAINER = default_policy().containers["database"]
CONNECTIONS, VERSION = 50, 17
SCALE, CLIENTS, SECONDS, ROUNDS = 30, 8, 6, 7
TARGET = 0.97
TELLING = ("shared_buffers", "work_mem", "max_wal_size", "wal_compression", "max_parallel_workers")
BOX, DATA, BIN = "bench-postgres", "/var/lib/postgresql/data", "/usr/lib/postgresql/17/bin"
REPORT = "SELECT count(*) FROM (SELECT bid, aid FROM pgbench_accounts WHERE aid % 20 = 0 ORDER BY filler, aid) o;"
WORKLOADS = {"writes": "-b tpcb-like", "reads": "-S", "sorts": f"-f {DATA}/report.sql"}


class Server:
    """Postgres in a container of its own, with limits like those of a production one."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def host(self, command: str) -> str:
        """Run a command on the lab host; it must succeed."""
        done = self.lab.ssh("app1", command, timeout=300)
        if done.returncode:
            sys.exit(f"{command}\n{done.stdout}{done.stderr}")
        return str(done.stdout)

    def inside(self, command: str) -> str:
        """Run a command in the container as Postgres' own user."""
        return self.host(f"docker exec -u postgres {BOX} sh -c {shlex.quote(command)}")

    def prepare(self) -> None:
        """Make the container and the data."""
        self.host(f"docker rm -f {BOX} >/dev/null 2>&1; true")
        memory = CONTAINER.memory
        limits = f"--memory {memory} --memory-swap {memory} --cpus {CONTAINER.cpus} --shm-size 256m"
        self.host(f"docker run -d --name {BOX} {limits} --init selextract/stack:lab sleep infinity")
        self.inside(f"{BIN}/initdb -D {DATA} -A trust -N >/dev/null && mkdir {DATA}/conf.d")
        self.inside(f"echo \"include_dir = 'conf.d'\" >> {DATA}/postgresql.conf")
        self.inside(f"cat > {DATA}/report.sql <<'SQL'\n{REPORT}\nSQL")
        self.use("")
        self.inside(f"{BIN}/pgbench -i -q -s {SCALE} postgres 2>/dev/null")

    def use(self, settings: str) -> None:
        """Restart with these settings."""
        self.inside(f"{BIN}/pg_ctl -D {DATA} -m fast -w stop >/dev/null 2>&1; true")
        self.inside(f"cat > {DATA}/conf.d/tuned.conf <<'CONF'\n{settings}\nCONF")
        self.inside(f"{BIN}/pg_ctl -D {DATA} -w -l /tmp/log start >/dev/null")

    def transactions(self, workload: str) -> float:
        """Transactions a second, after a checkpoint and a second that does not count."""
        run = f"{BIN}/pgbench -n -c {CLIENTS} -j 2 {WORKLOADS[workload]}"
        said = self.inside(f"psql -qc CHECKPOINT && {run} -T 1 >/dev/null 2>&1; {run} -T {SECONDS} postgres 2>&1")
        found = [line.split()[2] for line in said.splitlines() if line.startswith("tps = ")]
        if not found:
            sys.exit(f"pgbench measured nothing: {said}")
        return float(found[0])


def main() -> None:
    """Bring a lab up, measure, print."""
    lab = Lab("bench")
    lab.up("single", on_progress=lambda line: print(f"  {line}", file=sys.stderr))
    try:
        print_medians(measure(Server(lab), variants()))
    finally:
        lab.down()


def variants() -> dict[str, str]:
    """The three files by whose they are."""
    memory, cpus = CONTAINER.memory, CONTAINER.cpus
    tuning = tune_postgres(
        PostgresFacts(memory=memory, cpus=cpus, version=VERSION, connections=CONNECTIONS), default_policy()
    )
    pgtune = pgtune_settings(memory, round(cpus), CONNECTIONS, Workload.WEB, Storage.SSD, VERSION)
    return {
        "ours": conf_text(tuning),
        "defaults": "",
        "PGTune": conf_text(tuning.model_copy(update={"settings": pgtune})),
    }


def measure(server: Server, files: Mapping[str, str]) -> dict[tuple[str, str], list[float]]:
    """Transactions a second by workload and whose settings, round by round."""
    server.prepare()
    found: dict[tuple[str, str], list[float]] = {}
    orders = itertools.cycle(itertools.permutations(files))
    for _, order in zip(range(ROUNDS), orders, strict=False):
        for name in order:
            server.use(files[name])
            for workload in WORKLOADS:
                found.setdefault((workload, name), []).append(server.transactions(workload))
    return found


def print_medians(found: Mapping[tuple[str, str], list[float]]) -> None:
    """A line for each workload and rival: medians, and the median of the ratios pair by pair; and what makes them."""
    for workload, rival in itertools.product(WORKLOADS, ("defaults", "PGTune")):
        ours, theirs = found[workload, "ours"], found[workload, rival]
        ratio = statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
        print(
            f"{workload:<8} ours {statistics.median(ours):9.1f} TPS against {rival:<8}"
            f" {statistics.median(theirs):9.1f} TPS   {ratio:5.2f} x   target >= {TARGET:g} x"
        )
    for name, text in variants().items():
        print(f"         {name:<8} {', '.join(_shown(text)) or 'Postgres as it comes'}")


def _shown(text: str) -> list[str]:
    """The settings that make the difference, as the file has them."""
    return [line for line in text.splitlines() if line.split(" ")[0] in TELLING]


if __name__ == "__main__":
    main()
