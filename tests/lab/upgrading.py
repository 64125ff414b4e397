"""Upgrades of a lab host as tests need them: how it stands, its record, kills at checkpoints, how long it was down."""

from __future__ import annotations

import http.client
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from selextract_infra.lab import Lab, hardware, stack
from selextract_infra.lab.disk import DataDisk
from selextract_infra.lab.host import Host
from selextract_infra.lab.machine import as_root
from tests.lab.program import Program, second_plan_is_empty, wait_for
from tests.lab.rightsizing import as_deployed, started

GIB = 2**30
STATE = "/var/lib/selextract-infra"
BOUND = 400.0
_LIVE = ("preflight", "freeze", "backup", "hardware", "retune", "gate", "unfreeze")
LIVE_STEPS = {
    "memory": _LIVE,
    "cpu": _LIVE,
    "storage": ("preflight", "freeze", "backup", "hardware", "grow", "retune", "gate", "unfreeze"),
    "network": _LIVE,
}
PENDING = "SELECT name FROM pg_settings WHERE pending_restart AND sourcefile LIKE '%selextract-infra%'"
SETTINGS = "SELECT name, setting FROM pg_settings ORDER BY name"  # where a value comes from is told late by the server


def memory(lab: Lab) -> int:
    """Bytes of memory as the host itself sees them."""
    return int(lab.host("app1").execute("head", "-1", "/proc/meminfo").split()[1]) * 1024


def as_bought(lab: Lab, *, cpus: int = 2) -> None:
    """The host with the hardware and the state it was delivered with; everything runs and nobody is at work."""
    host = lab.host("app1")
    if not host.is_on():
        host.power_on()
        host.wait_ready()
    host.set_hardware(memory=4 * GIB, cpus=cpus)
    hardware.set_bandwidth(host, 10**9)
    host.execute(
        "rm", "-rf", f"{STATE}/lock.json", f"{STATE}/freeze.json", f"{STATE}/runs", "/var/backups/selextract-infra"
    )
    # Limits that another test left may be too low for load, and a kill that was seen there would raise them here.
    host.execute("rm", "-rf", f"{STATE}/samples")
    again = "cd /opt/selextract && docker compose up -d --no-deps --force-recreate --wait api worker >/dev/null 2>&1"
    as_deployed(lab)
    host.execute("sh", "-c", again)
    wait_for(lambda: all_healthy(host), bound=180, what="everything is healthy")
    if host.execute("sh", "-c", f'docker exec -u postgres selextract-postgres-1 psql -XAtqc "{PENDING}"').strip():
        host.execute("docker", "restart", "selextract-postgres-1")
    wait_for(lambda: all_healthy(host), bound=180, what="everything is healthy")


def ready_for(lab: Lab, phase: str) -> None:
    """The hardware that the phases before that one bring, so that it may come next (VP-00); its own stays as it is."""
    host, earlier = lab.host("app1"), tuple(LIVE_STEPS)[: tuple(LIVE_STEPS).index(phase)]
    host.set_hardware(
        memory=8 * GIB if "memory" in earlier else None,
        cpus=2 if "cpu" in earlier else None,
    )
    if "storage" in earlier:
        DataDisk(lab.folder.disks / "app1.img", as_root()).grow(2 * 10**9)
        host.execute("xfs_growfs", "/srv/data")


def forgotten(lab: Lab) -> None:
    """No Run is known on the host any more."""
    lab.host("app1").execute("rm", "-rf", f"{STATE}/runs")


def all_healthy(host: Host) -> bool:
    """Whether every container of the app runs and is healthy."""
    shown = host.execute(
        "docker", "ps", "-a", "--filter", "label=com.docker.compose.project=selextract", "--format", "{{.Status}}"
    )
    states = shown.splitlines()
    return len(states) >= 8 and all("(healthy)" in state for state in states)


def standing(lab: Lab) -> dict[str, str]:
    """All that an upgrade may change on the host, as it stands: hardware, limits, who runs, settings, freeze, lock."""
    containers = "docker ps -aq --filter label=com.docker.compose.project=selextract"
    shape = (
        "{{.Name}} {{.State.Health.Status}} {{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.NanoCpus}}"
    )
    commands = {
        "memory": "head -1 /proc/meminfo",
        "cpu": "grep -c ^processor /proc/cpuinfo",
        "storage": "df -B1 --output=size /srv/data | tail -1",
        "network": "tc -j qdisc show dev eth0 root | grep -o '\"rate\":[0-9]*' | cut -d: -f2",
        "containers": f"{containers} | xargs docker inspect --format '{shape}' | sort",
        "settings": f'docker exec -u postgres selextract-postgres-1 psql -XAtqc "{SETTINGS}"',
        "left": f"cd {STATE} && ls lock.json freeze.json 2>/dev/null",
    }
    host = lab.host("app1")
    return {name: host.execute("sh", "-c", command, check=False).strip() for name, command in commands.items()}


def changed(before: dict[str, str], after: dict[str, str]) -> dict[str, tuple[str, str]]:
    """What of a host's standing is not as it was: by name, before and after."""
    return {name: (before[name], after[name]) for name in before if before[name] != after[name]}


def records(lab: Lab) -> list[dict[str, Any]]:
    """The records of Runs on the host, without their plans; none while it is off."""
    shown = lab.host("app1").execute("sh", "-c", f"cat {STATE}/runs/*.json 2>/dev/null", check=False)
    found, decoder = [], json.JSONDecoder()
    while (shown := shown.lstrip()).startswith("{"):  # while it goes off, Docker says something else there
        record, end = decoder.raw_decode(shown)
        record.pop("plan", None)
        found.append(record)
        shown = shown[end:]
    return found


def statuses(lab: Lab) -> dict[str, str]:
    """By step, where the only Run on the host stands."""
    (record,) = records(lab) or [{"steps": {}}]
    return {name: step["status"] for name, step in record["steps"].items()}


def killed_at(program: Program, lab: Lab, step: str, *words: str) -> bool:
    """Start the command and kill it as soon as the host notes that step; False when it had ended before."""
    process = program.start(*words)
    begun = "verified" if statuses(lab).get(step) == "verified" else ""

    def reached() -> bool:
        return process.poll() is not None or statuses(lab).get(step, begun) != begun

    wait_for(reached, bound=BOUND, what=f"it came to {step}")
    ended = process.poll() is not None
    if not ended:
        os.killpg(process.pid, signal.SIGKILL)
    said = "".join(process.communicate())
    assert not ended or process.returncode == 0, said
    return not ended


def resumed(
    program: Program, lab: Lab, folder: Path, steps: Iterable[str], *words: str, more: tuple[str, ...] = ()
) -> list[str]:
    """Start the command, kill it at each of the steps and go on from another machine each time, to the end.

    Returns the steps at which it was killed; ``more`` goes to every ``resume``.
    """
    kills, run, digest = [], "", ""
    for number, step in enumerate(steps):
        if killed_at(elsewhere(program, folder / f"machine-{number}"), lab, step, *words):
            kills.append(step)
        for record in records(lab):  # the host may be off by now
            run, digest = str(record["run_id"]), str(record["plan_digest"])
        words = ("resume", run, "--digest", digest, *more)
    if records(lab)[0]["status"] != "done":
        answer = elsewhere(program, folder / "last").run(*words, timeout=900)
        ended_meanwhile = "unfinished: none" in answer.words  # what was under way on the host went on there
        assert answer.code == 0 or ended_meanwhile, answer.words
    return kills


def carried_through(
    program: Program, lab: Lab, folder: Path, phase: str, steps: tuple[str, ...]
) -> tuple[list[str], str]:
    """Take a phase through live and under load, killed at each of the steps and resumed elsewhere each time.

    Nobody notices it, nothing else is changed on the host, and nothing restarts. Returns the steps at which it was
    killed, and what was measured.
    """
    forgotten(lab)
    before, running = standing(lab), started(lab)
    size, asked = target(lab, phase)
    with probed(lab) as prober, lab.load(rps=2, tasks_per_hour=600) as load:
        kills = resumed(program, lab, folder, steps, "upgrade", phase, "--to", asked, "--apply", "--yes")
    assert load.result.clean, (load.result.failures, load.result.tasks)
    assert prober.gaps == 0
    assert finished(lab)
    assert reached(lab, phase, size)
    different = changed(before, standing(lab))
    assert set(different) - {"settings"} == {phase}, different
    assert started(lab) == running, "nothing was restarted"
    second_plan_is_empty(program, "upgrade", phase, "--to", asked)
    return kills, f"{phase}, live: down {prober.down:.1f} s; {load.result.requests}; {load.result.tasks}"


def finished(lab: Lab) -> bool:
    """Whether the only Run has ended well and left neither a lock nor a freeze."""
    (record,) = records(lab)
    return record["status"] == "done" and standing(lab)["left"] == "" and set(statuses(lab).values()) == {"verified"}


def disk(lab: Lab) -> int:
    """Bytes of the disk under the app's data."""
    return DataDisk(lab.folder.disks / "app1.img", as_root()).size


def target(lab: Lab, phase: str) -> tuple[float, str]:
    """What a phase is to bring a lab host to, in base units and as it is asked for; a disk gets one GB more."""
    more = disk(lab) + 1e9
    return {
        "memory": (8.0 * GIB, "8GiB"),
        "cpu": (2.0, "2 cores"),
        "storage": (more, f"{more / 1e9:.0f}GB"),
        "network": (10e9, "10Gbps"),
    }[phase]


def reached(lab: Lab, phase: str, size: float) -> bool:
    """Whether the host itself shows that size, less what a kernel and a file system keep for themselves."""
    shown = standing(lab)[phase]
    seen = {"memory": lambda: float(shown.split()[1]) * 1024, "network": lambda: float(shown) * 8}.get(
        phase, lambda: float(shown)
    )()
    return seen >= size * {"memory": 0.95, "storage": 0.9}.get(phase, 1.0)


def measured(capsys: pytest.CaptureFixture[str], figures: str) -> None:
    """Show what was measured, also when the test passes."""
    with capsys.disabled():
        sys.stderr.write(f"\n{figures}\n")


@dataclass
class Prober:
    """Asks the API again and again; ``down`` is how many seconds it did not answer in all, ``gaps`` how often.

    An answer may take as long as the load allows it: slow is not down.
    """

    host: str
    port: int
    down: float = 0.0
    gaps: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Ask until told to stop."""
        since: float | None = None
        while not self._stop.is_set():
            asked = time.monotonic()
            if self._answers():
                if since is not None:
                    self.down += time.monotonic() - since
                since = None
            elif since is None:
                since, self.gaps = asked, self.gaps + 1
            self._stop.wait(0.2)

    def _answers(self) -> bool:
        try:
            connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
            try:
                connection.request("GET", "/api/v1/health")
                return connection.getresponse().status == http.client.OK
            finally:
                connection.close()
        except (OSError, http.client.HTTPException):
            return False


@contextmanager
def probed(lab: Lab) -> Iterator[Prober]:
    """How long the application is down while inside."""
    prober = Prober(lab.state().host("app1").address, stack.PORT)
    thread = threading.Thread(target=prober.run, daemon=True)
    thread.start()
    try:
        yield prober
    finally:
        prober._stop.set()
        thread.join(10)


def elsewhere(program: Program, folder: Path) -> Program:
    """The program on another control machine: the same inventory, a journal of its own."""
    return Program(program.inventory, folder)
