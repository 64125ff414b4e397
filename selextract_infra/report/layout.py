"""Tables and lines laid out for a width in columns: text is broken between words and never cut off.

A table is as wide as it needs to be. Where it does not fit, its columns of words become narrower, and a column of
prose that would become hard to read goes below its row. rich's own tables are not used, because they break words where
the columns do not fit, and because no cell of theirs can stand below its row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len, chop_cells

from selextract_infra.model.text import displayable
from selextract_infra.report.table import Block, Cell, Column, Line, Table, Tone

__all__ = ["Spans", "laid_out", "plain_text"]

Spans = tuple[tuple[str, Tone], ...]
"""One line: its pieces, each with how it is meant."""

_GAP = 2
_READABLE = 36
"""Columns that prose needs beside its row; with fewer it goes below."""

_INDENT = 4
"""Columns before prose that stands below its row."""

_LEAST = 8
"""Columns that a column of words keeps where even its longest word has no room; such a word is broken."""

_BETWEEN_WORDS = re.compile(r" (?!(?<=\d )(?:[kMGT]B|%|ms|s|min|h)(?!\w))")
"""A space, but not the one between a number and its unit."""

_LONGEST = 4000
"""Characters of one cell or line: text from a host may be of any length."""


def laid_out(blocks: Iterable[Block], width: int) -> Iterator[Spans]:
    """The lines of ``blocks``, each at most ``width`` columns wide unless a single word is wider.

    Tables with a heading stand between empty lines, of which there are never two in a row.
    """
    blank = True
    wanted = False
    for block in blocks:
        headed = isinstance(block, Table) and block.headed
        for line in _table(block, width) if isinstance(block, Table) else _line(block, width):
            if (wanted or headed) and line and not blank:
                yield ()
            blank, wanted, headed = not line, False, False
            yield line
        wanted = isinstance(block, Table) and block.headed


def plain_text(blocks: Iterable[Block], width: int) -> str:
    """The same without colour."""
    lines = ("".join(text for text, _ in spans).rstrip() for spans in laid_out(blocks, width))
    return "\n".join(lines).strip("\n")


def _line(line: Line, width: int) -> Iterator[Spans]:
    indent = " " * line.indent
    text, note = _clean(line.text), _clean(line.note)
    words = _words(Cell(text, line.tone, note))
    if not words:
        yield ()
        return
    hanging = indent + "  " if indent else ""
    for index, piece in enumerate(_broken(words, width - len(hanging))):
        yield ((hanging if index else indent, Tone.PLAIN), *piece)


def _table(block: Table, width: int) -> Iterator[Spans]:
    rows = [tuple(_cell(cell) for cell in row) for row in (*block.rows, *([block.foot] if block.foot else []))]
    if block.caption:
        yield from _line(Line(block.caption, Tone.STRONG), width)
    if rows:
        yield from (((" " * block.indent, Tone.PLAIN), *line) for line in _rows(block, rows, width - block.indent))
    if block.more:
        yield from _line(Line(block.more, Tone.QUIET), width)


def _rows(block: Table, rows: Sequence[tuple[Cell, ...]], width: int) -> Iterator[Spans]:
    shown = [index for index, column in enumerate(block.columns) if _filled(column, index, rows)]
    columns = [block.columns[index] for index in shown]
    cells = [tuple(row[index] for index in shown) for row in rows]
    below = [
        index
        for index in range(len(columns))
        if block.headed and columns[index].prose and _narrow(columns, cells, index, width)
    ]
    beside = [index for index in range(len(columns)) if index not in below]
    widths = _widths([columns[index] for index in beside], [[row[index] for index in beside] for row in cells], width)
    kinds = [columns[index] for index in beside]
    rule = (("─" * min(width, sum(widths) + _GAP * (len(widths) - 1)), Tone.QUIET),)
    if block.headed:
        yield from _row(kinds, widths, [Cell(column.title, Tone.STRONG) for column in kinds])
        for index in below:
            yield from _line(Line(columns[index].title, Tone.STRONG, indent=_INDENT), width)
        yield rule
    for number, row in enumerate(cells):
        if block.foot and number == len(cells) - 1:
            yield rule
        yield from _row(kinds, widths, [row[index] for index in beside])
        for index in below:
            yield from _line(Line(row[index].text, row[index].tone, row[index].note, _INDENT), width)


def _filled(column: Column, index: int, rows: Sequence[tuple[Cell, ...]]) -> bool:
    """A column in which no row says anything is left out; one of numbers says at least that there are none."""
    return column.number or any(row[index].text or row[index].note for row in rows)


def _row(columns: Sequence[Column], widths: Sequence[int], row: Sequence[Cell]) -> Iterator[Spans]:
    parts = [_broken(_words(cell), width) for cell, width in zip(row, widths, strict=True)]
    for height in range(max((len(part) for part in parts), default=0)):
        line: list[tuple[str, Tone]] = []
        for index, (column, width, part) in enumerate(zip(columns, widths, parts, strict=True)):
            piece = part[height] if height < len(part) else ()
            room = " " * max(0, width - sum(cell_len(text) for text, _ in piece))
            gap = " " * _GAP if index < len(columns) - 1 else ""
            line += [(room, Tone.PLAIN), *piece] if column.number else [*piece, (room, Tone.PLAIN)]
            line.append((gap, Tone.PLAIN))
        while line and not line[-1][0].strip():
            line.pop()
        yield tuple(line)


def _narrow(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], index: int, width: int) -> bool:
    """Whether this column of prose is better read below: a line of its own holds it, or there is little room beside."""
    natural = max(_length(row[index]) for row in rows)
    others = sum(
        max([cell_len(column.title), *(_length(row[at]) for row in rows)]) + _GAP
        for at, column in enumerate(columns)
        if at != index
    )
    room = width - others
    return room < natural and (room < _READABLE or natural <= width - _INDENT)


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int) -> list[int]:
    """Natural widths; where they do not fit, words give way, the widest column first, down to their longest word."""
    natural, least = [], []
    for index, column in enumerate(columns):
        title, cells = Cell(column.title), [row[index] for row in rows]
        whole = column.number or column.picture
        natural.append(max(_length(cell) for cell in (title, *cells)))
        least.append(max(_longest_word(title), *(_length(cell) if whole else _longest_word(cell) for cell in cells)))
    bare = [low if column.number else min(low, _LEAST) for column, low in zip(columns, least, strict=True)]
    room = width - _GAP * (len(columns) - 1)
    return _narrowed(_narrowed(natural, least, room), bare, room)


def _narrowed(widths: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """The widest columns made narrower, none below its ``least``, until all fit."""
    narrowed = list(widths)
    while sum(narrowed) > room:
        giving = [index for index in range(len(narrowed)) if narrowed[index] > least[index]]
        if not giving:
            break
        narrowed[max(giving, key=lambda index: narrowed[index])] -= 1
    return narrowed


def _broken(words: Sequence[tuple[str, Tone]], width: int) -> list[Spans]:
    """Words in lines of at most ``width`` columns; only a word that is wider than a line is broken."""
    lines: list[list[tuple[str, Tone]]] = [[]]
    used = 0
    for word, tone in _pieces(words, max(1, width)):
        length = cell_len(word)
        if lines[-1] and used + 1 + length > width:
            lines.append([])
            used = 0
        if lines[-1]:
            before, last = lines[-1][-1]
            lines[-1][-1] = (before + " ", last)
            used += 1
        if lines[-1] and lines[-1][-1][1] is tone:
            lines[-1][-1] = (lines[-1][-1][0] + word, tone)
        else:
            lines[-1].append((word, tone))
        used += length
    return [tuple(line) for line in lines]


def _pieces(words: Iterable[tuple[str, Tone]], width: int) -> Iterator[tuple[str, Tone]]:
    for word, tone in words:
        yield from ((piece, tone) for piece in ([word] if cell_len(word) <= width else chop_cells(word, width)))


def _words(cell: Cell) -> list[tuple[str, Tone]]:
    """The words of a cell and of its remark, each with how it is meant."""
    pieces = ((cell.text, cell.tone), (cell.note, Tone.QUIET))
    return [(word, tone) for text, tone in pieces for word in _BETWEEN_WORDS.split(text) if word]


def _cell(cell: Cell) -> Cell:
    return Cell(_clean(cell.text), cell.tone, _clean(cell.note))


def _length(cell: Cell) -> int:
    return cell_len(cell.text) + cell_len(cell.note) + bool(cell.text and cell.note)


def _longest_word(cell: Cell) -> int:
    return max((cell_len(word) for word, _ in _words(cell)), default=0)


def _clean(text: str) -> str:
    return displayable(text, limit=_LONGEST)
