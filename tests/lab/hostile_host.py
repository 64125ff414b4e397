"""A lab host whose root answers what it likes, below every module: in place of Python or Docker, or before a login.

What is drawn by a seed is the kind, and what of an answer is forged.
"""

from __future__ import annotations

import json
import random
import shlex
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import yaml

from selextract_infra.flow.journal.journal import Journal
from selextract_infra.lab import Lab
from selextract_infra.model.observation import HostFacts, HostObservation, Observation
from tests.lab.program import ROOT, Answer, environment
from tests.process_memory import PeakMemory
from tests.unit.seen import MB, history

__all__ = ["HOSTILITIES", "Draw", "Hostility", "Site", "drawn"]

HOSTS = ("app1", "db2", "db3")
OWNED = "/var/tmp/selextract-owned"  # is there once something ran where it must not
MARK = "/var/tmp/selextract-mark"
FROZEN = "/var/lib/selextract-infra/freeze.json"
PLACES = "/etc /opt /usr/bin /usr/sbin /usr/local /root/.ssh /var/spool"
WATCHED = f"find {PLACES} -xdev -newer {MARK} -type f; docker ps -q --no-trunc | sort"
FORGERY = (Path(__file__).parent / "hostile_python.py").read_text(encoding="utf-8")

# The time limits of a real look are 60 and 120 s; these let a hundred draws fit into half an hour.
PROGRAM = """
import sys
from selextract_infra.flow import single_playbook
from selextract_infra.hosts import ansible_process
from selextract_infra.hosts.observe import look
look._ANSWER_SECONDS, look._BOUND_SECONDS, single_playbook._BOUND_SECONDS = 20.0, 80.0, 80.0
ansible_process._ANSWER_SHARE, ansible_process._SHORTEST_ANSWER_SECONDS = 20 / 80, 15.0
from selextract_infra.cli import main
main()
"""
CODES = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 130}


@dataclass(frozen=True)
class Hostility:
    """One kind of answer; ``heard``: a look cannot take it for an honest one, so there is a sentence about the host."""

    kind: str
    place: Literal["python3", "docker", "sshd"] = "python3"
    heard: bool = False
    channel: Literal["stdout", "stderr"] = "stdout"
    code: int = 0

    def __str__(self) -> str:
        return f"{self.place}: {self.kind}" + (" to stderr" if self.channel == "stderr" else "")

    @property
    def host(self) -> str:
        """Whose root it is: where Docker is asked, the app runs."""
        return "app1" if self.place == "docker" else "db2"


HOSTILITIES = (
    *map(Hostility, ("facts", "add host", "add group", "statistics", "internal", "templates", "escapes", "many")),
    *map(Hostility, ("odd numbers", "odd types", "odd paths", "links", "other machine", "far history", "forged run")),
    *map(Hostility, ("junk", "longest text")),
    *(
        Hostility(kind, heard=True)
        for kind in (
            "failure", "unreachable", "gib", "gib of values", "gib of lines", "wide text", "deep", "deep in all",
            "no answer", "cut off", "garbage", "packed bomb", "late", "never", "drop by drop",
        )
    ),
    Hostility("gib", heard=True, channel="stderr"),
    Hostility("gib", "docker"),
    Hostility("garbage", "docker", code=1),
    Hostility("never", "docker"),
    Hostility("escapes", "docker", channel="stderr", code=1),
    Hostility("gib", "sshd", heard=True),
    Hostility("never", "sshd", heard=True),
    Hostility("no answer", "sshd", heard=True),
    Hostility("escapes", "sshd", heard=True, channel="stderr", code=255),
    Hostility("drop by drop", "sshd", heard=True),
)  # fmt: skip


@dataclass(frozen=True)
class Draw:
    """What was drawn by a seed, and what came of it."""

    seed: int
    hostility: Hostility
    codes: tuple[int, ...]
    megabytes: int
    seconds: float
    sentence: str

    def __str__(self) -> str:
        return (
            f"{self.seed:>7}  {self.hostility!s:<24} {self.codes!s:<10} {self.megabytes:>4} MB {self.seconds:>5.1f} s"
            f"  {self.sentence[:90]}"
        )


def drawn(seed: int) -> Hostility:
    """The kind of that seed."""
    return random.Random(seed).choice(HOSTILITIES)


# What another test's sampler goes on to write is usage too, and would look as if somebody had changed it.
NO_SAMPLES = "systemctl stop selextract-sampler 2>/dev/null; rm -rf /var/lib/selextract-infra/samples"


@dataclass
class Site:
    """Three lab hosts, one journal, and what the others were like before anybody was hostile."""

    lab: Lab
    folder: Path
    frozen: bool = False
    machines: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.inventories = {host: self._inventory(host) for host in ("app1", "db2")}
        self.program = self._script(self.folder / "owning", f"#!/bin/sh\ntouch {OWNED}\nprintf '{{}}'\n")
        for host in HOSTS:
            self.machines[host] = self.console(host, "cat", "/etc/machine-id").strip()
            self.console(host, "sh", "-c", f"rm -f {OWNED}; touch {MARK}; rm -f {FROZEN}; {NO_SAMPLES}")
        Path(OWNED).unlink(missing_ok=True)
        self._usage_of_everybody()
        self.before = {host: self.console(host, "sh", "-c", WATCHED) for host in HOSTS}

    def console(self, host: str, *command: str, **more: Any) -> str:
        return self.lab.host(host).execute(*command, **more)

    @contextmanager
    def hostile(self, hostility: Hostility, seed: int) -> Iterator[None]:
        """While inside, root of the host answers in that way."""
        evil, asked = hostility.host, self._asked(hostility, seed)
        forgery = FORGERY.replace("#!/usr/bin/env python3", "#!/usr/bin/python3.real", 1)
        self.console(evil, "sh", "-c", "ln -sfn $(readlink -f /usr/bin/python3) /usr/bin/python3.real")
        self.console(evil, "sh", "-c", "cat > /var/lib/hostile.json", feed=json.dumps(asked).encode())
        self.console(evil, "sh", "-c", "cat > /var/lib/hostile && chmod 755 /var/lib/hostile", feed=forgery.encode())
        try:
            self.console(evil, "sh", "-c", _PUT[hostility.place])
            yield
        finally:
            self.console(evil, "sh", "-c", _TAKE_BACK)

    def draw(self, seed: int, hostility: Hostility | None = None) -> Draw:
        """One hostile answer to a look and to a work on all hosts; raises AssertionError where it did any harm."""
        hostility = hostility or drawn(seed)
        others = [host for host in HOSTS if host != hostility.host]
        usage, began, memory = self._usage(others), time.monotonic(), 0
        with self.hostile(hostility, seed):
            looked, peak = self._run(hostility, "observe", "--format", "json")
            word = "unfreeze" if self.frozen else "freeze"
            worked, other_peak = self._run(hostility, word, "--reason", "a draw")
        memory = max(peak, other_peak)
        self.frozen = not self.frozen
        observation = looked.data
        sentence = self._refuse_harm(hostility, others, observation)
        assert self._usage(others) == usage, f"{hostility} of seed {seed} changed usage of {others}"
        for answer in (looked, worked):
            assert answer.code in CODES - {1}, answer.words
            assert "Traceback" not in answer.words
            dirty = {character for character in answer.words if not (character.isprintable() or character == "\n")}
            assert not dirty, (hostility, seed, dirty, answer.words[-2000:])
        for host in others:
            shown = self.console(host, "sh", "-c", f"test -e {FROZEN} && echo frozen || true").strip()
            assert bool(shown) == self.frozen, (hostility, seed, host, word, worked.words)
        assert memory <= 700 * 10**6, (hostility, seed, memory)
        codes = (looked.code, worked.code)
        return Draw(seed, hostility, codes, memory // 10**6, time.monotonic() - began, sentence)

    def _refuse_harm(self, hostility: Hostility, others: list[str], observation: dict[str, Any]) -> str:
        evil = hostility.host
        hosts = {host["name"]: host for host in observation["hosts"]}
        for host in others:
            assert host in hosts, (hostility, observation["unreachable"])
            assert hosts[host]["problem"] is None, (hostility, hosts[host]["problem"])
            assert hosts[host]["facts"]["machine_id"] == self.machines[host]
            assert self.console(host, "sh", "-c", WATCHED) == self.before[host]
            assert not self.console(host, "sh", "-c", f"ls {OWNED} 2>/dev/null || true")
        assert not Path(OWNED).exists()
        sentence = observation["unreachable"].get(evil) or (hosts.get(evil) or {}).get("problem") or ""
        assert sentence or not hostility.heard, (hostility, hosts.get(evil))
        assert sentence.isprintable()
        assert len(sentence) < 1000
        return str(sentence)

    def _run(self, hostility: Hostility, *words: str) -> tuple[Answer, int]:
        where = ["-i", str(self.inventories[hostility.host]), "--state", str(self.folder / "state")]
        with subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *words, *where],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
            cwd=ROOT, env=environment(),
        ) as process, PeakMemory(process.pid) as memory:  # fmt: skip
            out, err = process.communicate(timeout=200)
        return Answer(process.returncode, out, err), memory.peak

    def _asked(self, hostility: Hostility, seed: int) -> dict[str, Any]:
        other = next(host for host in HOSTS if host != hostility.host)
        return {
            "kind": hostility.kind, "place": hostility.place, "channel": hostility.channel, "code": hostility.code,
            "seed": seed, "other": other, "machine_id": self.machines[other], "program": str(self.program),
            "seconds": 30,
        }  # fmt: skip

    def _inventory(self, evil: str) -> Path:
        """The lab's, of three hosts; to the hostile one each task logs in anew, so that its sshd is asked each time."""
        source = self.lab.state().inventory
        target = self.folder / f"hostile-{evil}"
        subprocess.run(["cp", "-r", str(source), str(target)], check=True, timeout=20)
        (file,) = target.glob("*.yml")
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        hosts = content["all"].get("hosts") or {}
        for name in list(hosts):
            if name not in HOSTS:
                del hosts[name]
        arguments = content["all"]["vars"]["ansible_ssh_common_args"]
        hosts[evil] = {**(hosts[evil] or {}), "ansible_ssh_common_args": f"{arguments} -o ControlPath=none"}
        file.write_text(yaml.safe_dump(content), encoding="utf-8")
        return target

    @staticmethod
    def _script(path: Path, text: str) -> Path:
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
        return path

    def _usage_of_everybody(self) -> None:
        now = datetime.now(UTC)
        used = (history("api", memory=900 * MB, seconds=3600, until=now),)
        hosts = tuple(
            HostObservation(name=host, facts=HostFacts(machine_id=machine), history=used)
            for host, machine in self.machines.items()
        )
        with Journal(self.folder / "state") as journal:
            seen = journal.bind_machines(
                Observation(at=now, hosts=hosts), inventory=str(self.inventories["db2"]), names=HOSTS
            )
            journal.record_observation(seen)

    def _usage(self, hosts: list[str]) -> list[Any]:
        """What the journal holds of these hosts' machines."""
        marks = ", ".join("?" * len(hosts))
        with sqlite3.connect(self.folder / "state" / "journal.sqlite") as database:
            machines = [self.machines[host] for host in hosts]
            rows = database.execute(f"SELECT * FROM buckets WHERE machine_id IN ({marks}) ORDER BY 1, 2, 3", machines)  # noqa: S608 (marks alone)
            names = database.execute(f"SELECT host, machine_id FROM machines WHERE host IN ({marks})", hosts)  # noqa: S608 (marks alone)
            return [*rows, *sorted(names)]


_HOSTILE = shlex.quote("ForceCommand /usr/bin/python3.real /var/lib/hostile")
_CONF = "/etc/ssh/sshd_config.d/00-hostile.conf"
_PUT = {
    "python3": "ln -sfn /var/lib/hostile /usr/bin/python3",
    "docker": "mv /usr/bin/docker /usr/bin/docker.real && ln -sfn /var/lib/hostile /usr/bin/docker",
    "sshd": f"echo {_HOSTILE} > {_CONF} && systemctl reload ssh",
}
_TAKE_BACK = (
    "ln -sfn $(readlink -f /usr/bin/python3.real) /usr/bin/python3;"
    " if [ -e /usr/bin/docker.real ]; then mv -f /usr/bin/docker.real /usr/bin/docker; fi;"
    f" rm -f /var/lib/hostile /var/lib/hostile.json; if [ -e {_CONF} ]; then rm {_CONF}; systemctl reload ssh; fi"
)
