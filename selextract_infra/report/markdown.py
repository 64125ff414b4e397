"""Tables as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from selextract_infra.model.text import displayable
from selextract_infra.report.table import Cell, Table

__all__ = ["markdown_table", "markdown_text"]


def markdown_table(table: Table) -> Iterator[str]:
    """The lines of a table; pictures are for terminals."""
    shown = [index for index, column in enumerate(table.columns) if not column.picture]
    if not table.rows:
        yield "Nothing was measured."
        return
    yield f"| {' | '.join(table.columns[index].title for index in shown)} |"
    yield f"|{''.join(' ---: |' if table.columns[index].number else ' --- |' for index in shown)}"
    for row in (*table.rows, *([table.foot] if table.foot else [])):
        yield f"| {' | '.join(_cell(row[index]) for index in shown)} |"
    if table.more:
        yield f"\n{markdown_text(table.more)}"


def markdown_text(text: str) -> str:
    """What came from hosts or people, on one line and without markup of its own."""
    plain = " ".join(displayable(text).split())
    for mark in "\\`*_<>[]|":
        plain = plain.replace(mark, "\\" + mark)
    return plain


def _cell(cell: Cell) -> str:
    return markdown_text(f"{cell.text} {cell.note}".strip())
