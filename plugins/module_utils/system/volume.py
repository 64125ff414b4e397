"""Grow the file system of a mounted volume to the size of its disk, and its partition before that."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from typing import Any

from ..state.act import Act, Work
from ..state.lock import begun_step
from ..state.options import STATE, STEP
from .amounts import disk
from .facts import block_device, disk_size
from .failure import HostSideError

__all__ = ["VOLUME_GROW", "Volume"]

_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
_SYSTEMS = {"ext4": "resize2fs", "ext3": "resize2fs", "xfs": "xfs_growfs"}
_SYS_RESOURCE = 24  # the number of the capability
_NOTHING_TO_GROW = 1  # growpart's exit code


class Volume:
    """The volume that is mounted at ``folder``.

    Raises ``HostSideError`` of kind ``refused`` for one that cannot be grown here, ``volume`` when growing it fails.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.device, self.kind = _mounted_at(folder)

    def refuse_hopeless(self) -> None:
        """Raise when it cannot be grown: another file system, no disk of its own, a program that is missing."""
        if block_device(self.folder) is None or not self.device.startswith("/dev/"):
            raise self._refused(f"it is {self.kind}, not a disk of this host")
        if self.device.startswith("/dev/mapper/") or "/dm-" in (block_device(self.folder) or ""):
            raise self._refused("it is a logical volume; extend it by hand and choose its disk's size as it then is")
        if self.kind.startswith("ext") and not _may(_SYS_RESOURCE):
            raise self._refused(f"growing {self.kind} in use takes CAP_SYS_RESOURCE, and root does not have it here")
        program = _SYSTEMS.get(self.kind)
        if program is None:
            raise self._refused(f"its file system is {self.kind}; ext4 and xfs can be grown")
        for name in (program, *(("growpart",) if self._partition else ())):
            if shutil.which(name, path=_PATH) is None:
                raise self._refused(f"the program {name} is not installed")

    @property
    def size(self) -> int:
        """Bytes of the file system."""
        sizes = os.statvfs(self.folder)
        return sizes.f_blocks * sizes.f_frsize

    @property
    def disk(self) -> int | None:
        """Bytes of the disk under it."""
        return disk_size(self.folder)

    def grow(self, bound: float) -> None:
        """Make it as large as its disk; nothing happens where it is."""
        self.refuse_hopeless()
        partition = self._partition
        if partition:
            _run(["growpart", *partition], bound, fine=(0, _NOTHING_TO_GROW))
        target = self.folder if self.kind == "xfs" else self.device
        _run([_SYSTEMS[self.kind], target], bound)

    def refuse_smaller_than(self, least: int) -> None:
        """Raise when the file system has fewer bytes."""
        if self.size < least:
            raise HostSideError(
                f"The volume at {self.folder} has {disk(self.size)} after it was grown, and"
                f" {disk(least)} are the least.",
                kind="volume",
            )

    @property
    def _partition(self) -> tuple[str, str] | None:
        """The disk and the number of the partition that it is; None for a whole disk."""
        folder = block_device(self.folder)
        number = os.path.join(folder or "", "partition")
        if folder is None or not os.path.exists(number):
            return None
        with open(number, encoding="ascii") as source:
            return f"/dev/{os.path.basename(os.path.dirname(folder))}", source.read().strip()

    def _refused(self, why: str) -> HostSideError:
        return HostSideError(f"The volume at {self.folder} cannot be grown: {why}.", kind="refused", rule="X-72")


def _mounted_at(folder: str) -> tuple[str, str]:
    """The device and the file system of what is mounted there, or at the nearest folder above."""
    mounts = {}
    with open("/proc/self/mounts", encoding="utf-8", errors="replace") as source:
        for line in source:
            device, place, kind = line.split()[:3]
            mounts[place.encode().decode("unicode_escape")] = (device, kind)
    nearest = os.path.realpath(folder)
    while nearest not in mounts and nearest != "/":
        nearest = os.path.dirname(nearest)
    return mounts.get(nearest, ("", "unknown"))


def _may(capability: int) -> bool:
    """Whether this process has that capability."""
    with open("/proc/self/status", encoding="ascii") as source:
        held = next(line.split()[1] for line in source if line.startswith("CapEff:"))
    return bool(int(held, 16) >> capability & 1)


def _run(command: list[str], bound: float, fine: tuple[int, ...] = (0,)) -> None:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=bound,
            env={"PATH": _PATH, "LC_ALL": "C"}, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise HostSideError(f"{command[0]} does not work: {problem}.", kind="volume") from problem
    if done.returncode not in fine:
        output = " ".join(done.stdout.decode("utf-8", "replace").split())[-300:].rstrip(".")
        raise HostSideError(f"{command[0]} failed: {output}.", kind="volume")


def _grow(work: Work) -> dict[str, Any]:
    """There is no undoing: storage does not shrink."""
    given = work.params
    volume = Volume(given["folder"])
    before = volume.size
    if work.check_mode:
        return {"changed": before < given["least_bytes"], "before": before, "after": before}
    record = begun_step(given)
    with record.failure_noted(given["step_id"]):
        volume.grow(given["bound_seconds"])
        volume.refuse_smaller_than(given["least_bytes"])
    record.end_step(given["step_id"], "verified", time.time())
    return {"changed": volume.size != before, "before": before, "after": volume.size}


VOLUME_GROW = Act(
    "volume_grow",
    {
        "folder": {"type": "path", "required": True},
        "least_bytes": {"type": "int", "required": True},
        "bound_seconds": {"type": "float", "default": 1200},
        **STEP,
        **STATE,
    },
    _grow,
)
