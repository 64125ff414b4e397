"""Files that a person names and only that person is to read."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

__all__ = ["write_own_file"]


def write_own_file(path: Path, text: str) -> None:
    """Replace a file whole; only its owner reads it, whatever was there before. No link is followed. Raises OSError."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # readable for its owner alone
    fresh = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
