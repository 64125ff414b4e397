"""What a container uses, read from its control group; versions 1 and 2."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass

__all__ = ["ControlGroup", "Reading", "cgroup_version", "find_control_group"]

_ROOT = "/sys/fs/cgroup"


@dataclass(frozen=True)
class Reading:
    """One look at a control group.

    ``cpu_seconds`` used since it was made; ``memory`` is the working set in bytes (use without the file cache that the
    kernel may drop at once); ``page_cache`` is the active file cache in bytes; ``oom_kills`` since it was made.
    """

    cpu_seconds: float
    memory: int
    page_cache: int
    oom_kills: int


@dataclass(frozen=True)
class ControlGroup:
    """The folders of one container's control group; the same folder twice on version 2."""

    version: int
    memory_folder: str
    cpu_folder: str

    def read(self) -> Reading | None:
        """What it uses now, or None when it is gone."""
        try:
            return self._read_first() if self.version == 1 else self._read_second()
        except (FileNotFoundError, ProcessLookupError, NotADirectoryError):
            return None
        except OSError as problem:
            if problem.errno == errno.ENODEV:  # removed while its file was open
                return None
            raise

    def _read_first(self) -> Reading:
        stat = _table(self.memory_folder, "memory.stat")
        used = _number(self.memory_folder, "memory.usage_in_bytes")
        return Reading(
            cpu_seconds=_number(self.cpu_folder, "cpuacct.usage") / 1e9,
            memory=max(0, used - stat.get("total_inactive_file", 0)),
            page_cache=stat.get("total_active_file", 0),
            oom_kills=_table(self.memory_folder, "memory.oom_control").get("oom_kill", 0),
        )

    def _read_second(self) -> Reading:
        stat = _table(self.memory_folder, "memory.stat")
        used = _number(self.memory_folder, "memory.current")
        return Reading(
            cpu_seconds=_table(self.cpu_folder, "cpu.stat").get("usage_usec", 0) / 1e6,
            memory=max(0, used - stat.get("inactive_file", 0)),
            page_cache=stat.get("active_file", 0),
            oom_kills=_table(self.memory_folder, "memory.events").get("oom_kill", 0),
        )


def cgroup_version(root: str = _ROOT) -> str | None:
    """``v1`` or ``v2``, None when no control groups are mounted."""
    if os.path.exists(os.path.join(root, "cgroup.controllers")):
        return "v2"
    return "v1" if os.path.isdir(os.path.join(root, "memory")) else None


def find_control_group(pid: int, root: str = _ROOT, proc: str = "/proc") -> ControlGroup | None:
    """The control group of the process ``pid``, None when it has ended or is in none of its own."""
    try:
        with open(os.path.join(proc, str(pid), "cgroup"), encoding="utf-8") as source:
            entries = [line.rstrip("\n").split(":", 2) for line in source]
    except (FileNotFoundError, ProcessLookupError):
        return None
    places = {controller: (names, path) for _, names, path in entries for controller in names.split(",")}
    if "memory" in places:
        memory, cpu = (
            _folder(root, *places["memory"], "memory"),
            _folder(root, *places.get("cpuacct", ("", "/")), "cpuacct"),
        )
        return ControlGroup(1, memory, cpu) if memory and cpu else None
    unified = _folder(root, *places.get("", ("", "/")), "")
    return ControlGroup(2, unified, unified) if unified else None


def _folder(root: str, mounted: str, path: str, controller: str) -> str | None:
    if path == "/" or ".." in path.split("/"):
        return None
    candidates = [os.path.join(root, name, path.lstrip("/")) for name in dict.fromkeys([mounted, controller])]
    return next((candidate for candidate in candidates if os.path.isdir(candidate)), None)


def _number(folder: str, name: str) -> int:
    with open(os.path.join(folder, name), encoding="ascii") as source:
        return int(source.read())


def _table(folder: str, name: str) -> dict[str, int]:
    with open(os.path.join(folder, name), encoding="ascii") as source:
        rows = (line.split() for line in source)
        return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}
