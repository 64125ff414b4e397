"""What people read, as data: tables and lines. One renderer each makes a terminal, HTML or Markdown of them.

A column is changed where its table is made; the look of all tables is changed in their renderer; the colour of a
severity, a level or a verdict is changed in `_TONES`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

__all__ = [
    "Block",
    "Cell",
    "Column",
    "Line",
    "Row",
    "Table",
    "Tone",
    "fields",
    "number",
    "picture",
    "prose",
    "table",
    "tone_of",
]


class Tone(StrEnum):
    """How a text is meant. Each renderer has one colour for each."""

    PLAIN = "plain"
    STRONG = "strong"
    QUIET = "quiet"
    GOOD = "good"
    ACTIVE = "active"
    WARNING = "warning"
    BAD = "bad"
    WORST = "worst"


_TONES = {
    Tone.WORST: ("emergency", "breaking", "fail", "P1", "rollback failed", "problem"),
    Tone.BAD: ("critical", "overdue", "refused", "failed", "not begun", "unreachable", "P2"),
    Tone.WARNING: (
        "warning",
        "major",
        "due",
        "raise",
        "set",
        "rolled back",
        "partly done",
        "interrupted",
        "cancelled",
        "P3",
        "P4",
    ),
    Tone.ACTIVE: ("notice", "running", "waiting"),
    Tone.GOOD: ("ok", "done", "verified", "lower", "pass"),
    Tone.QUIET: ("unknown", "info", "keep", "pending", "skipped", "upcoming", "not judged"),
}
_TONE_OF = {word: tone for tone, words in _TONES.items() for word in words}


def tone_of(word: str) -> Tone:
    """How the name of a level, a severity, a verdict or a status is meant."""
    return _TONE_OF.get(str(word), Tone.PLAIN)


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its text, a remark in small print after it, how it is meant, and whether it is something to type."""

    text: str
    tone: Tone = Tone.PLAIN
    note: str = ""
    code: bool = False

    @classmethod
    def state(cls, word: str) -> Cell:
        """The name of a level, a severity, a verdict or a status in its own colour."""
        return cls(str(word), tone_of(word))


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its title.

    A ``number`` is aligned to the right and never broken into lines. ``prose`` takes the room that is left, and on a
    narrow terminal stands below its row. A ``picture`` is drawn with characters, so HTML and Markdown leave it out.
    """

    title: str
    number: bool = False
    prose: bool = False
    picture: bool = False


@dataclass(frozen=True)
class Table:
    """Rows under columns; without any title it has no heading.

    ``foot`` sums up, ``more`` says what was left out, ``indent`` is how far a terminal moves it to the right.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""
    foot: tuple[Cell, ...] = ()
    more: str = ""
    indent: int = 0

    @property
    def headed(self) -> bool:
        """Whether any column has a title."""
        return any(column.title for column in self.columns)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text between tables, a remark in small print after it, and how far it is indented."""

    text: str = ""
    tone: Tone = Tone.PLAIN
    note: str = ""
    indent: int = 0


Block = Line | Table
Row = Sequence[str | Cell]
"""A row as it is written down; a string is a plain cell."""


def number(title: str) -> Column:
    """A column of numbers."""
    return Column(title, number=True)


def prose(title: str) -> Column:
    """A column of sentences."""
    return Column(title, prose=True)


def picture(title: str = "") -> Column:
    """A column of small pictures."""
    return Column(title, picture=True)


def table(
    columns: Iterable[str | Column],
    rows: Iterable[Row],
    *,
    caption: str = "",
    foot: Row = (),
    most: int | None = None,
    noun: str = "row",
) -> Table:
    """A Table; a string is a column of words or a plain cell. Rows beyond ``most`` are only counted, as ``noun``."""
    cells = [_cells(row) for row in rows]
    hidden = 0 if most is None else max(0, len(cells) - most)
    return Table(
        tuple(Column(column) if isinstance(column, str) else column for column in columns),
        tuple(cells[:most]),
        caption,
        _cells(foot),
        f"{hidden:,} more {noun}{'s' * (hidden != 1)}" if hidden else "",
    )


def fields(rows: Iterable[tuple[str, str | Cell]], *, indent: int = 0) -> Table:
    """Labels, each with what it names."""
    return replace(table(("", prose("")), rows), indent=indent)


def _cells(row: Row) -> tuple[Cell, ...]:
    return tuple(Cell(cell) if isinstance(cell, str) else cell for cell in row)
