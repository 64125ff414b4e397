"""The lab host by the engine's ``exec``, which no fault of the network reaches, and the program as a process."""

from __future__ import annotations

import io
import json
import os
import shlex
import shutil
import signal
import subprocess
import tarfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.chaos.grammar import Draw
from tests.chaos.project import PORT, compose, mapping, project_name, root
from tests.chaos.services import superuser

__all__ = ["Answer", "Host", "Program", "VoidError", "processes_below"]

_HERE = Path(__file__).parent
_IMAGES = "for part in shop postgres redis; do docker build -q --target $part -t shop/$part:1 . || exit 1; done"
_HUNG = 124


class VoidError(Exception):
    """The judge could not judge: the shape does not come up by itself, or the host does not answer."""


class Host:
    """The lab's host, asked as root."""

    def __init__(self, lab: str) -> None:
        self.container = f"selextract-lab-{lab}-app1"

    def run(
        self, script: str, *, timeout: float = 90, data: bytes = b"", check: bool = True
    ) -> subprocess.CompletedProcess[bytes]:
        """A shell's script. Raises ``VoidError`` where it fails and that is not expected."""
        words = ["docker", "exec", "-i", self.container, "sh", "-c", script]
        try:
            done = subprocess.run(words, input=data, capture_output=True, timeout=timeout, check=False)
        except subprocess.TimeoutExpired as late:
            done = subprocess.CompletedProcess(words, _HUNG, late.stdout or b"", late.stderr or b"")
        if check and done.returncode:
            raise VoidError(f"{script[:120]}: {done.returncode}: {_text(done)[-500:]}")
        return done

    def is_up(self) -> bool:
        """Whether its engine answers."""
        return self.run("docker info", check=False).returncode == 0

    def prepare(self) -> None:
        """Once a lab: its own application goes, the images and the judge's scripts come."""
        self.run(
            "test ! -e /opt/selextract/compose.yml || (cd /opt/selextract && docker compose down -v -t 2)", timeout=120
        )
        self.put(
            {path.name: (path.read_text(encoding="utf-8"), 0o755) for path in (_HERE / "app").iterdir()},
            "/root/chaos/app",
        )
        self.put(
            {path.name: (path.read_text(encoding="utf-8"), 0o644) for path in (_HERE / "host").iterdir()}, "/root/chaos"
        )
        self.run(f"cd /root/chaos/app && {_IMAGES}", timeout=240)

    def restore(self) -> None:
        """The lab's own application comes back."""
        self.clean()
        self.run("cd /opt/selextract && docker compose up -d --wait", timeout=240)

    def put(self, files: Mapping[str, tuple[str, int]], folder: str) -> None:
        """Files with their modes, below a folder."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for name, (text, mode) in files.items():
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode, entry.mtime = len(text.encode()), mode, 1_700_000_000
                archive.addfile(entry, io.BytesIO(text.encode()))
        self.run(
            f"mkdir -p {folder} && tar -x -C {folder} && find {folder} -type d -exec chmod 755 {{}} +",
            data=packed.getvalue(),
        )

    def clean(self) -> None:
        """As before every draw."""
        self.run("sh /root/chaos/clean.sh", timeout=200, check=False)

    def look(self, draw: Draw) -> dict[str, Any]:
        """What stands there."""
        known = {**self._names(draw), "root": root(draw.shape)}
        shown = self.run(f"python3 /root/chaos/look.py {shlex.quote(json.dumps(known))}", timeout=120)
        facts: dict[str, Any] = json.loads(shown.stdout)
        return facts

    def wrong_answers(self, draw: Draw, within: float) -> list[str]:
        """What does not serve, after so many seconds of asking; nothing where all does."""
        known = {**self._names(draw), "url": f"http://127.0.0.1:{PORT}", "within": within}
        shown = self.run(
            f"python3 /root/chaos/answers.py {shlex.quote(json.dumps(known))}", timeout=within + 150, check=False
        )
        if shown.returncode:
            return [f"nobody could ask: {_text(shown)[-200:]}"]
        problems: list[str] = json.loads(shown.stdout)
        return problems

    def team(self, draw: Draw, words: str, timeout: float = 180) -> tuple[int, str]:
        """The team calls Compose: exit code and words."""
        call = f"cd {root(draw.shape)} && {shlex.join(compose(draw.shape))} {words} 2>&1"
        done = self.run(call, timeout=timeout, check=False)
        return done.returncode, _text(done)

    def lines(self, path: str) -> list[dict[str, Any]]:
        """The whole lines of a file of JSON documents."""
        shown = self.run(f"cat {path}", check=False).stdout.decode(errors="replace").split("\n")[:-1]
        return [json.loads(line) for line in shown if line]

    @staticmethod
    def _names(draw: Draw) -> dict[str, Any]:
        shape = draw.shape
        ports = {"": 0, shape.cache: 6379, shape.database: 5432}
        return {
            "project": project_name(shape),
            "database": shape.database,
            "api": shape.api,
            "worker": shape.worker,
            "superuser": superuser(shape),
            "sidecar": ports[shape.sidecar],
            "neighbour": shape.neighbour,
        }


@dataclass
class Answer:
    """How a command of the program ended, and what it printed."""

    words: list[str]
    code: int
    out: str
    err: str
    seconds: float

    @property
    def text(self) -> str:
        """All of it."""
        return self.out + self.err

    @property
    def hung(self) -> bool:
        """Whether it had to be ended."""
        return self.code == _HUNG


@dataclass
class Program:
    """The command line of the program, on one control machine."""

    executable: Path
    work: Path
    inventory: Path
    calls: list[Answer] = field(default_factory=list)

    @classmethod
    def at(cls, executable: Path, work: Path, lab_inventory: Path, draw: Draw) -> Program:
        """A new control machine with an inventory for the draw; what was there goes."""
        shutil.rmtree(work, ignore_errors=True)
        inventory = work / "inventory"
        (inventory / "group_vars/all").mkdir(parents=True)
        shutil.copy(lab_inventory / "hosts.yml", inventory)
        policy = yaml.safe_load((lab_inventory / "group_vars/all/policy.yml").read_text(encoding="utf-8"))
        values = policy["selextract_policy"]
        values["application"] = mapping(draw.shape)
        if draw.shape.front != "nginx" or not draw.shape.include:
            values.pop("edge", None)
        (inventory / "group_vars/all/policy.yml").write_text(yaml.safe_dump(policy, sort_keys=False), encoding="utf-8")
        return cls(executable, work, inventory)

    def start(self, words: list[str]) -> subprocess.Popen[bytes]:
        """Begin a command. Its words go into files: what a killed program leaves running would hold a pipe open."""
        where = [] if words[0] == "history" else ["-i", str(self.inventory)]
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "USER", "LOGNAME")}
        environment = {
            **kept,
            "HOME": str(self.work),
            "XDG_STATE_HOME": str(self.work / "state"),
            "COLUMNS": "160",
            "NO_COLOR": "1",
        }
        with (self.work / "out").open("wb") as out, (self.work / "err").open("wb") as err:
            return subprocess.Popen(
                [str(self.executable), *words, *where], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                env=environment, cwd=self.work, start_new_session=True,
            )  # fmt: skip

    def end(self, process: subprocess.Popen[bytes], words: list[str], began: float, timeout: float = 420) -> Answer:
        """Wait for it; one that does not end is killed, and counts as hung."""
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)
            code = _HUNG
        out, err = ((self.work / name).read_text(encoding="utf-8", errors="replace") for name in ("out", "err"))
        answer = Answer(words, code, out, err, round(time.monotonic() - began, 1))
        self.calls.append(answer)
        return answer

    def run(self, words: list[str]) -> Answer:
        """A command to its end."""
        began = time.monotonic()
        return self.end(self.start(words), words, began)

    def status(self) -> dict[str, Any]:
        """What it says of its host; nothing where it cannot."""
        answer = self.run(["status", "--format", "json"])
        try:
            document = json.loads(answer.out)
            host: dict[str, Any] = document["hosts"][0] if document["hosts"] else {}
        except (ValueError, LookupError):
            return {"problem": answer.text[-300:], "code": answer.code}
        return {**host, "code": answer.code, "pending": [entry["service"] for entry in document["pending_recreations"]]}


def processes_below(pid: int) -> list[int]:
    """The IDs of the processes that one started, and of theirs, oldest first."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError, ValueError):
                continue
            children.setdefault(parent, []).append(int(folder.name))
    listed = [pid]
    for known in listed:
        listed.extend(sorted(children.get(known, [])))
    return listed[1:]


def _text(done: subprocess.CompletedProcess[bytes]) -> str:
    return (done.stdout + done.stderr).decode(errors="replace")
