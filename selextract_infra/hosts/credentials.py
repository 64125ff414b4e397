"""Secrets by reference: named environment variables, or the systemd credentials of the same names.

A policy holds names only. Which variables may come from systemd is an allow-list there; nothing else is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from selextract_infra.errors import UsageError

__all__ = ["HANDED_ON", "filled_in", "references", "with_credentials"]

HANDED_ON = "SELEXTRACT_CREDENTIALS"
"""Names, separated by commas, of the variables that Ansible may see besides those that it always may."""
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def with_credentials(environment: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """The environment with each named variable that systemd handed out as a credential; what is set already stays."""
    filled = dict(environment)
    folder = environment.get("CREDENTIALS_DIRECTORY")
    for name in names:
        file = Path(folder) / name if folder else None
        if not filled.get(name) and file is not None and file.is_file():
            filled[name] = file.read_text(encoding="utf-8").rstrip("\n")
    filled[HANDED_ON] = ",".join(name for name in names if filled.get(name))
    return filled


def references(text: str) -> tuple[str, ...]:
    """The variables that a text refers to as ``${NAME}``."""
    return tuple(_REFERENCE.findall(text))


def filled_in(text: str, environment: Mapping[str, str]) -> str:
    """The text with the value of each variable in it. Raises ``UsageError``, naming the first that is not set."""
    missing = [name for name in references(text) if not environment.get(name)]
    if missing:
        raise UsageError(f"The environment variable {missing[0]} is not set.", remedy="see docs/windows.md")
    return _REFERENCE.sub(lambda reference: environment[reference[1]], text)
