"""Pieces of terminal output that every table uses: harmless text and one look of tables."""

from __future__ import annotations

from rich import box
from rich.table import Table
from rich.text import Text

from selextract_infra.model.text import displayable

__all__ = ["new_table", "plain"]


def plain(text: object, style: str = "", *, limit: int = 4000) -> Text:
    """Text that is shown as it is: no markup, no terminal sequences, at most ``limit`` characters."""
    return Text(displayable(str(text), limit=limit), style)


def new_table(*columns: str) -> Table:
    """A table in the look of all tables, as wide as the screen; ``columns`` are those of plain words on the left."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, expand=True, header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold", no_wrap=False)
    return table
