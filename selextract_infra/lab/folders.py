"""Where a lab keeps things on this machine: images in the cache, keys and inventory in the state."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from selextract_infra.errors import UsageError

__all__ = ["DEFAULT_NAME", "LabFolder", "cache_folder", "locked"]

DEFAULT_NAME = "lab"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?")


@dataclass(frozen=True)
class LabFolder:
    """The folder of one lab, ``~/.local/state/selextract-infra/lab/NAME``; raises UsageError for an impossible name."""

    name: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UsageError(
                f"“{self.name}” cannot be the name of a lab: use up to 20 lower-case letters, digits and hyphens."
            )

    @property
    def path(self) -> Path:
        """The folder itself; it may not exist yet."""
        return _home("XDG_STATE_HOME", ".local/state") / "lab" / self.name

    @property
    def key(self) -> Path:
        """The private key that logs in to the lab's hosts."""
        return self.path / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """The host keys, read from the hosts themselves and never from the network."""
        return self.path / "known_hosts"

    @property
    def state(self) -> Path:
        """What ``up`` wrote down about the lab."""
        return self.path / "state.json"

    @property
    def inventory(self) -> Path:
        """The lab's inventory folder."""
        return self.path / "inventory"

    @property
    def disks(self) -> Path:
        """The data disks of the lab's hosts, one file each."""
        return self.path / "disks"

    def make(self) -> None:
        """Create the folder, for this user only."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)


def cache_folder() -> Path:
    """The cache for images, ``~/.cache/selextract-infra/lab``; created when missing."""
    folder = _home("XDG_CACHE_HOME", ".cache") / "lab"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file, waiting for it; it ends with the process, so none is ever left behind."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _home(variable: str, otherwise: str) -> Path:
    given = os.environ.get(variable, "")
    base = Path(given) if given.startswith("/") else Path.home() / otherwise
    return base / "selextract-infra"
