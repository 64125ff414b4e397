"""The base backup of a replica: a container of its own from the primary's image, whole or nothing of it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from typing import Any

from ..docker.containers import Container
from ..docker.program import docker, remove_containers
from ..state.act import Act, Work
from ..state.lock import held_run
from ..state.options import DOCKER, STATE, STEP
from ..state.state import StateFolder
from ..system.amounts import disk
from ..system.contained_folder import ContainedFolder
from ..system.failure import HostSideError
from ..system.waiting import waited_for
from .diagnosis import diagnosed
from .project import INSIDE, ReplicaProject, image_tag

__all__ = ["REPLICA_CLONE", "Clone", "progress_in"]

_LABEL = "selextract-infra=replica"
_PROGRESS = re.compile(r"(\d+)/(\d+) kB \(\d+%\)")
_MARK = "cloned"
_CONFIG = "/etc/selextract-replica"


class Clone:
    """The clone that ``wanted`` asks for. Raises ``HostSideError`` of kind ``clone`` with a diagnosis."""

    def __init__(self, project: ReplicaProject, wanted: Mapping[str, Any]) -> None:
        self.project = project
        self.wanted = wanted

    @property
    def finished(self) -> bool:
        """Whether the volume holds all of a clone of this primary."""
        volume = self._volume()
        return volume is not None and volume.read(_MARK) == str(self.wanted["system_identifier"]).encode("ascii")

    def forget(self) -> None:
        """Take what the volume holds for nothing, so that it is cloned anew."""
        volume = self._volume()
        if volume is not None:
            volume.remove(_MARK)

    def start(self, needed: int, rate: int) -> None:
        """Remove what an earlier attempt has left, look whether there is room, and start the base backup.

        ``needed`` is in bytes, ``rate`` in bytes per second.
        """
        container: Container | None = self.project.container()
        remove_containers(self.project.clone, *([container.id] if container else []))
        if self._volume() is not None:
            self._must(["volume", "rm", "--force", self.project.volume])
        self._must(["volume", "create", "--label", _LABEL, self.project.volume])
        volume = self._volume()
        if volume is None:
            raise HostSideError("Docker made no volume for the replica.", kind="docker")
        self._refuse_small_disk(volume.root, needed)
        owner = (int(self.wanted["uid"]), int(self.wanted["gid"]))
        volume.make_folder("data", owner=owner)
        volume.give_to(owner)
        self._must(self._command(rate))

    def progress(self) -> tuple[int, int] | None:
        """Bytes done and bytes in all while it goes on, None once it is finished. Raises when it failed."""
        answer = docker(["inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", self.project.clone])
        if answer.code:
            raise HostSideError("The clone was removed from outside while it ran.", kind="clone")
        status, code = answer.text.split()
        logs = docker(["logs", "--tail", "40", self.project.clone])
        output = logs.text + logs.err.decode("utf-8", "replace")
        if status == "running" or status == "created":
            return progress_in(output)
        if code != "0":
            diagnosis = diagnosed(output)
            last = next((line.strip() for line in reversed(output.splitlines()) if "error" in line.lower()), "")
            stopped = "It was stopped from outside." if code in ("137", "143", "130") and not diagnosis else ""
            raise HostSideError(
                f"The clone failed. {diagnosis or stopped or last[:200] or f'It ended with {code}.'}", kind="clone"
            )
        self._complete()
        return None

    def _complete(self) -> None:
        volume = self._volume()
        if volume is None:
            raise HostSideError("The replica's volume was removed while it was being filled.", kind="clone")
        owner = (int(self.wanted["uid"]), int(self.wanted["gid"]))
        # The primary's own ALTER SYSTEM settings are for its size; what a replica needs of them is in its file.
        for name in ("postgresql.auto.conf", "standby.signal"):
            volume.write(f"data/{name}", b"", owner=owner)
        volume.write(_MARK, str(self.wanted["system_identifier"]).encode("ascii"))
        remove_containers(self.project.clone)

    @staticmethod
    def _refuse_small_disk(place: str, needed: int) -> None:
        free = shutil.disk_usage(place).free
        if free < needed:
            raise HostSideError(
                f"The disk of the replica's host is too full: the clone needs {disk(needed)} and"
                f" {disk(free)} are free.",
                kind="clone",
            )

    def _command(self, rate: int) -> list[str]:
        wanted, primary = self.wanted, self.wanted["primary"]
        config = f"{self.project.path}/config"
        name = wanted["name"]
        conninfo = (
            f"host={primary['address']} port={primary['port']} user={name} passfile={_CONFIG}/passfile"
            f" sslmode=require channel_binding=require connect_timeout={primary['connect_timeout']}"
        )
        return [
            "run", "--detach", "--name", self.project.clone, "--label", _LABEL,
            "--user", f"{wanted['uid']}:{wanted['gid']}",
            "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true",
            "--env", "LC_ALL=C", "--memory", str(int(wanted["memory"])), "--cpus", f"{float(wanted['cpus']):g}",
            "--volume", f"{self.project.volume}:{INSIDE}", "--volume", f"{config}:{_CONFIG}:ro",
            "--log-opt", "max-size=1m", "--entrypoint", f"{wanted['bindir']}/pg_basebackup",
            image_tag(wanted["image"]["id"]),
            "--dbname", conninfo, "--pgdata", f"{INSIDE}/data", "--wal-method", "stream", "--slot", name,
            "--checkpoint", "fast", "--max-rate", f"{rate // 1024}k", "--progress", "--no-password",
        ]  # fmt: skip

    def _volume(self) -> ContainedFolder | None:
        """The volume, in which whoever works in the replica's container writes as well."""
        answer = docker(["volume", "inspect", "-f", "{{.Mountpoint}}", self.project.volume])
        return ContainedFolder(answer.text.strip()) if answer.code == 0 else None

    @staticmethod
    def _must(command: list[str]) -> None:
        answer = docker(command, bound=60)
        if answer.code:
            raise HostSideError(f"Docker refused {command[0]}: {answer.complaint}.", kind="docker")


def progress_in(output: str) -> tuple[int, int]:
    """Bytes done and bytes in all, from the newest of pg_basebackup's own lines; zeros before the first."""
    matches = _PROGRESS.findall(output)
    if not matches:
        return 0, 0
    done, whole = matches[-1]
    return int(done) * 1024, int(whole) * 1024


def _clone(work: Work) -> dict[str, Any]:
    """Begin it and wait for its end; a volume that is filled is left alone, and an earlier attempt begins anew."""
    given, folder = work.params, StateFolder(work.params["state_folder"])
    clone = Clone(ReplicaProject(folder, given["docker_socket"], given["project"]), given["wanted"])
    if clone.finished or work.check_mode:
        return {"changed": not clone.finished}
    held_run(folder, given["run_id"])
    clone.start(given["needed_bytes"], given["rate"])
    copied = (0, 0)

    def ended() -> bool:
        nonlocal copied
        progress = clone.progress()
        copied = progress or copied
        return progress is None

    if not waited_for(ended, given["bound_seconds"]):
        raise HostSideError(
            f"The clone did not end within {given['bound_seconds']:.0f} s: {disk(copied[0])} of {disk(copied[1])} were"
            " copied.",
            kind="clone",
        )
    return {"changed": True}


REPLICA_CLONE = Act(
    "replica_clone",
    {
        "project": {"type": "str", "required": True},
        "wanted": {"type": "dict", "required": True},
        "needed_bytes": {"type": "int", "default": 0},
        "rate": {"type": "int", "required": True},
        "bound_seconds": {"type": "float", "required": True},
        **STEP,
        **DOCKER,
        **STATE,
    },
    _clone,
)
