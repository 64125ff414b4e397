"""Postgres' settings as a file for its ``conf.d``: the same tuning gives the same bytes on every machine."""

from __future__ import annotations

import re
from collections.abc import Sequence

from selextract_infra.model.figures import GB, KB, MB, printable
from selextract_infra.model.postgres import Unit
from selextract_infra.model.tuning import PostgresTuning, Setting

__all__ = ["conf_text", "conf_value"]

_SIZES = (("TB", KB * GB), ("GB", GB), ("MB", MB), ("kB", KB))
_WORD = re.compile(r"[a-z][a-z0-9_]*")
_HEADER = """\
# Written by selextract-infra; changes made here are lost.
# Settings in postgresql.auto.conf and on the command line win over these.
"""


def conf_text(tuning: PostgresTuning, remarks: Sequence[tuple[str, str]] = ()) -> str:
    """The file's content: a header that says what it was made for, then one setting a line, sorted by name.

    ``remarks`` are what to know of a setting, as comments above it; of one that is not there, below all.
    Nothing in it changes from one run to the next: no time, no host name, no path.
    """
    facts = tuning.facts
    made_for = (
        f"# For PostgreSQL {facts.version}, {facts.role}, {facts.effective_workload} on {facts.storage}:"
        f" {_size(facts.memory)} of memory, {facts.cpus:g} CPUs.\n"
    )
    lines: list[str] = []
    for setting in sorted(tuning.settings, key=lambda s: s.name):
        lines += [f"# {printable(text)}" for name, text in remarks if name == setting.name]
        lines.append(f"{setting.name} = {conf_value(setting)}")
    there = {setting.name for setting in tuning.settings}
    lines += [f"# {printable(name)}: {printable(text)}" for name, text in remarks if name not in there]
    return _HEADER + made_for + "\n" + "\n".join(lines) + "\n"


def conf_value(setting: Setting) -> str:
    """A setting's value as ``postgresql.conf`` takes it: ``512MB``, ``15min``, ``on``, ``1.1``, ``lz4``."""
    value = setting.value
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str):
        return value if _WORD.fullmatch(value) else "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
    if setting.unit is Unit.BYTES:
        return _size(int(value))
    if setting.unit is Unit.SECONDS:
        return _seconds(int(value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _size(value: int) -> str:
    """Bytes in the largest unit that divides them; Postgres takes no fraction of a kB. -1 stands for itself."""
    if value < 0:
        return str(value)
    for unit, size in _SIZES:
        if value % size == 0 and value >= size:
            return f"{value // size}{unit}"
    return f"{value // KB}kB"


def _seconds(value: int) -> str:
    return f"{value // 60}min" if value and value % 60 == 0 else f"{value}s"
