"""The private folder of one playbook run: made for it alone, gone after it, swept up when its owner was killed."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

__all__ = ["private_folder", "write_private"]

_PREFIX = "selextract-infra-run-"
_HELD = "held"
_BEING_MADE_SECONDS = 300.0  # on a busy machine a process may rest between two steps


@contextmanager
def private_folder() -> Iterator[Path]:
    """A fresh folder (0700) that is removed at the end; in memory where the system offers that.

    Folders of earlier runs whose process was killed are removed first: a file in each is locked as long as its owner
    lives, so one of a live run is never touched.
    """
    parent = _parent()
    _sweep(parent)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    held = os.open(folder / _HELD, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def write_private(path: Path, content: Any) -> Path:
    """Write text, or anything else as JSON, to a new file that only its owner reads."""
    text = content if isinstance(content, str) else json.dumps(content)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def _parent() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and os.access(runtime, os.W_OK | os.X_OK):
        return Path(runtime)
    return Path(tempfile.gettempdir())


def _sweep(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        with suppress(FileNotFoundError):  # its owner removes it at this very moment
            about = folder.stat(follow_symlinks=False)
            mine = stat.S_ISDIR(about.st_mode) and about.st_uid == os.getuid()
            if mine and time.time() - about.st_mtime > _BEING_MADE_SECONDS and not _owner_lives(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _owner_lives(folder: Path) -> bool:
    held = os.open(folder / _HELD, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(held)
