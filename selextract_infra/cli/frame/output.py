"""What commands print: a table for people, JSON for programs, colour only on a terminal."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selextract_infra.model.text import displayable_lines, laid_out_text

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import Console

    from selextract_infra.report.table import Block

__all__ = ["Format", "columns", "complain", "console", "emit", "say", "show", "write_file", "write_out"]

_WIDEST = 100  # longer lines of prose are hard to read
_UNBROKEN = 100_000
"""Columns of what goes into a file or another program: no line of it is broken, unless COLUMNS says how wide it is."""


class Format(StrEnum):
    """How a command answers."""

    TABLE = "table"
    JSON = "json"


def console(*, stderr: bool = False) -> Console:
    """A console that interprets no markup in what it prints: names and log lines from hosts are data."""
    from rich.console import Console

    piped = not (sys.stderr if stderr else sys.stdout).isatty() and not os.environ.get("COLUMNS")
    width = _UNBROKEN if piped else None
    return Console(stderr=stderr, width=width, markup=False, highlight=False, emoji=False, soft_wrap=False)


def columns() -> int:
    """How wide prose may be: as the terminal, at most 100 columns, which is also the width of a file."""
    return min(_WIDEST, shutil.get_terminal_size((_WIDEST, 0)).columns)


def emit(data: BaseModel | dict[str, Any] | list[Any], blocks: Iterable[Block], form: Format) -> None:
    """Answer in the asked form: ``data`` as JSON on standard output, or ``blocks`` as a person reads them."""
    if form is Format.JSON:
        plain = data if isinstance(data, (dict, list)) else data.model_dump(mode="json")
        write_out(json.dumps(plain, indent=2, ensure_ascii=True) + "\n")
    else:
        show(blocks)


def write_out(text: str) -> None:
    """Print a text that is laid out already, such as a file, on standard output; every such text goes out here.

    It quotes what hosts and files said, so what could act on a terminal is taken out of it.
    """
    sys.stdout.write(laid_out_text(text))
    sys.stdout.flush()


def write_file(out: Path, text: str, what: str, *, mode: int = 0o600) -> None:
    """Save a text to a file that a person named; ``what`` it is, in words. Raises ``UsageError`` where that fails."""
    from selextract_infra.errors import UsageError
    from selextract_infra.hosts.own_file import write_own_file

    try:
        write_own_file(out, text, mode=mode)
    except OSError as problem:
        raise UsageError(f"{what} cannot be saved to {out}: {problem.strerror}.") from problem


def show(blocks: Iterable[Block]) -> None:
    """Print tables and lines on standard output."""
    from selextract_infra.report.terminal import draw

    draw(console(), blocks)


def say(sentence: str) -> None:
    """One line of progress, on standard error, so that standard output stays parseable."""
    console(stderr=True).print(displayable_lines(sentence), soft_wrap=True)


def complain(sentence: str, remedy: str | None = None) -> None:
    """An error as a person should read it: one sentence, and what to do about it.

    The terminal itself breaks what is too long, so that a path or a command in it can be copied whole.
    """
    screen = console(stderr=True)
    screen.print("error: ", style="bold red", end="")
    screen.print(displayable_lines(sentence), soft_wrap=True)
    if remedy:
        screen.print(f"  try: {displayable_lines(remedy)}", soft_wrap=True)
