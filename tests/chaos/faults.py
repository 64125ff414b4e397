"""What goes wrong while the program works, and what people do about it afterwards."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from contextlib import suppress
from typing import Any

from tests.chaos.grammar import Draw
from tests.chaos.machine import Answer, Host, Program, VoidError, processes_below
from tests.chaos.project import project_name

__all__ = ["Strike"]

_STATE = "/var/lib/selextract-infra"
# Two processes are of interest on the host: the runner of the steps, and below it the one that carries out an act.
_RUNNER = f"pids=$(pgrep -of {_STATE}/[p]rograms/)"
_ACT = f"pids=$(pgrep -P $(pgrep -of {_STATE}/[p]rograms/ || echo 0) | head -1)"
_CUT = "iptables -I INPUT -p tcp --dport 22 -j DROP; sleep {}; iptables -D INPUT -p tcp --dport 22 -j DROP"
_FIRST_CHANGE = (
    f"for i in $(seq 400); do test -n \"$(find {_STATE} -newer /root/chaos/mark -name 'lock*' 2>/dev/null)\" && exit 0;"
    " sleep 0.1; done; exit 1"
)
_EATS = "python3 -c 'kept = [bytearray(1 << 24) for _ in range(200)]'"


class Strike:
    """The fault of a draw, in a thread of its own while the command runs."""

    def __init__(self, draw: Draw, host: Host, second: Program) -> None:
        self._draw = draw
        self._host = host
        self._machine = second
        self._over = threading.Event()
        self._process: subprocess.Popen[bytes]
        self._words: list[str]
        self.struck_at: float | None = None
        self.team: tuple[int, str] | None = None
        self.answer: Answer | None = None
        self.problem = ""

    def before(self) -> None:
        """What has to stand before the project comes."""
        if self._draw.fault.kind == "disk":
            self._host.run(f"mkdir -p {_STATE} && mount -t tmpfs -o size=24m,mode=700 tmpfs {_STATE}")

    def begin(self, process: subprocess.Popen[bytes], words: list[str]) -> threading.Thread:
        """Start the clock of the fault."""
        self._process, self._words = process, words
        self._host.run("touch /root/chaos/mark")
        thread = threading.Thread(target=self._wait_and_do, daemon=True)
        thread.start()
        return thread

    def heal(self) -> None:
        """The command has ended: who filled a disk frees it, who stopped a container starts it."""
        self._over.set()
        kind = self._draw.fault.kind
        if kind == "disk":
            self._host.run(f"rm -f {_STATE}/fills", check=False)
        if kind == "team" and self.struck_at is not None and self._draw.fault.detail in ("down", "stop"):
            self.team = self._host.team(self._draw, "up -d")
        if kind == "container" and self.struck_at is not None:
            names = self._containers(self._draw.fault.detail, "--filter status=exited")
            self._host.run(f"test -z '{names}' || docker start {names}", check=False)

    def unmount(self) -> None:
        """Nobody can remove a mount point: what lay on it stays, in a folder."""
        if self._draw.fault.kind == "disk":
            self._host.run(
                f"mountpoint -q {_STATE} || exit 0; cp -a {_STATE} /root/chaos/kept && umount -l {_STATE} &&"
                f" rm -rf {_STATE} && mv /root/chaos/kept {_STATE}"
            )

    def _wait_and_do(self) -> None:
        fault, began = self._draw.fault, time.monotonic()
        if fault.begins == "act":
            self._host.run(_FIRST_CHANGE, timeout=60, check=False)
        end = time.monotonic() + fault.after
        while time.monotonic() < end and self._process.poll() is None:
            time.sleep(0.05)
        if self._process.poll() is not None:
            return
        self.struck_at = round(time.monotonic() - began, 1)
        try:
            getattr(self, f"_{fault.kind}")()
        except (VoidError, OSError) as problem:
            self.problem = str(problem)

    def _program(self) -> None:
        self._process.send_signal(getattr(signal, f"SIG{self._draw.fault.detail}"))

    def _child(self) -> None:
        children = processes_below(self._process.pid)
        if children:
            victim = random.Random(self._draw.seed).choice(children)
            with suppress(ProcessLookupError):
                os.kill(victim, getattr(signal, f"SIG{self._draw.fault.detail}"))

    def _carrier(self) -> None:
        self._host.run(f'{_RUNNER}; test -z "$pids" || kill -{self._draw.fault.detail} $pids', check=False)

    def _act(self) -> None:
        self._host.run(f'{_ACT}; test -z "$pids" || kill -{self._draw.fault.detail} $pids', check=False)

    def _engine(self) -> None:
        self._host.run("systemctl restart docker", timeout=150, check=False)

    def _disk(self) -> None:
        self._host.run(f"cat /dev/zero > {_STATE}/fills", check=False)
        self._over.wait(420)

    def _network(self) -> None:
        self._host.run(_CUT.format(self._draw.fault.detail), timeout=120)

    def _container(self) -> None:
        name = self._containers(self._draw.fault.detail).split(" ")[0]
        self._host.run(f"test -z '{name}' || docker kill {name}", check=False)

    def _oom(self) -> None:
        name = self._containers(self._draw.fault.detail).split(" ")[0]
        if name and self._draw.shape.limits != "none":
            self._host.run(f"docker exec {name} {_EATS}", check=False)
        elif name:
            self._host.run(f"kill -KILL $(docker inspect --format '{{{{.State.Pid}}}}' {name})", check=False)

    def _team(self) -> None:
        self.team = self._host.team(self._draw, self._draw.fault.detail)

    def _second(self) -> None:
        wanted = self._words
        if self._draw.fault.detail != "same":
            status = self._machine.status()
            runs: list[Any] = [*(status.get("running") or []), *(status.get("interrupted") or [])]
            wanted = [self._draw.fault.detail, str(runs[0])] if runs else []
        if wanted:
            self.answer = self._machine.run(wanted)

    def _containers(self, service: str, more: str = "") -> str:
        labels = {"project": project_name(self._draw.shape), "service": service, "oneoff": "False"}
        filters = " ".join(f"--filter label=com.docker.compose.{key}={value}" for key, value in labels.items())
        listed = self._host.run(f"docker ps -a {more} {filters} --format '{{{{.Names}}}}'")
        return " ".join(sorted(listed.stdout.decode().split()))
