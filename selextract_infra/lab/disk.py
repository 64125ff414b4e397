"""The data disk of a lab host: a file of this machine, seen in the host as a block device that can grow."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from selextract_infra.errors import LabUnavailableError, SelextractError

__all__ = ["DEVICE", "DataDisk", "disks_in"]

DEVICE = "/dev/datadisk"
_BOUND = 30.0


class DiskError(SelextractError):
    """A loop device of this machine could not be set up or changed."""


@dataclass(frozen=True)
class DataDisk:
    """One disk: its ``file`` on this machine. ``sudo`` is what to put before a command that only root may run."""

    file: Path
    sudo: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Its size in bytes; 0 while there is none."""
        return self.file.stat().st_size if self.file.exists() else 0

    def attach(self, size: int) -> str:
        """The block device of this machine that the disk is, made with that size in bytes where there is none yet.

        Raises LabUnavailableError where this machine has no loop devices to offer.
        """
        if not self.file.exists():
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self.file.open("xb") as made:
                os.truncate(made.fileno(), size)
        try:
            return self.device or self._losetup("--find", "--show", "--", str(self.file)).strip()
        except DiskError as problem:
            raise LabUnavailableError(f"This machine gives no loop device: {problem}") from problem

    @property
    def device(self) -> str | None:
        """The block device that the disk is attached to, None where it is not."""
        rows = self._losetup("--noheadings", "--output", "NAME", "--associated", str(self.file)).split()
        return rows[0] if rows else None

    def grow(self, size: int) -> None:
        """Make it that large, in bytes, while it is in use; a disk never shrinks."""
        if size > self.size:
            os.truncate(self.file, size)
        device = self.device
        if device:
            self._losetup("--set-capacity", device)

    def remove(self) -> None:
        """Detach it and delete its file."""
        while device := self.device:
            self._losetup("--detach", device)
            if self.device == device:  # still in use; it goes with its last user
                break
        self.file.unlink(missing_ok=True)

    def _losetup(self, *arguments: str) -> str:
        try:
            done = subprocess.run(
                [*self.sudo, "losetup", *arguments],
                capture_output=True, text=True, check=False, timeout=_BOUND, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except (FileNotFoundError, subprocess.TimeoutExpired) as problem:
            raise DiskError(f"losetup does not work: {problem}.") from problem
        if done.returncode:
            raise DiskError(f"losetup {arguments[0]} failed: {' '.join(done.stderr.split())}")
        return done.stdout


def disks_in(folder: Path, sudo: tuple[str, ...]) -> Iterator[DataDisk]:
    """The disks whose files are in that folder."""
    for file in sorted(folder.glob("*.img")):
        yield DataDisk(file, sudo)
