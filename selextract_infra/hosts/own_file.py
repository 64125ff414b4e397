"""Files that a person names, such as those of ``--out``: the one way to write one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

__all__ = ["write_own_file"]


def write_own_file(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Replace a file whole; only its owner reads it unless ``mode`` says otherwise, whatever was there before.

    No link is followed: root may be asked to write into a folder of others. Raises OSError.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # readable for its owner alone
    fresh = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(handle, mode)
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
