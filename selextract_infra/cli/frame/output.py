"""What commands print: a table for people, JSON for programs, colour only on a terminal."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import Console

__all__ = ["Format", "columns", "complain", "console", "emit", "say"]

_WIDEST = 100  # longer lines of prose are hard to read


class Format(StrEnum):
    """How a command answers."""

    TABLE = "table"
    JSON = "json"


def console(*, stderr: bool = False) -> Console:
    """A console that interprets no markup in what it prints: names and log lines from hosts are data."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, highlight=False, emoji=False, soft_wrap=False)


def columns() -> int:
    """How wide prose may be: as the terminal, at most 100 columns, which is also the width of a file."""
    return min(_WIDEST, shutil.get_terminal_size((_WIDEST, 0)).columns)


def emit(data: BaseModel | dict[str, Any] | list[Any], table: Callable[[Console], None], form: Format) -> None:
    """Answer in the asked form: ``data`` as JSON on standard output, or whatever ``table`` draws."""
    if form is Format.JSON:
        plain = data if isinstance(data, (dict, list)) else data.model_dump(mode="json")
        sys.stdout.write(json.dumps(plain, indent=2, ensure_ascii=True) + "\n")
    else:
        table(console())


def say(sentence: str) -> None:
    """One line of progress, on standard error, so that standard output stays parseable."""
    console(stderr=True).print(sentence, soft_wrap=True)


def complain(sentence: str, remedy: str | None = None) -> None:
    """An error as a person should read it: one sentence, and what to do about it."""
    err = console(stderr=True)
    err.print("error: ", style="bold red", end="")
    err.print(sentence, soft_wrap=True)
    if remedy:
        err.print(f"  try: {remedy}", soft_wrap=True)
