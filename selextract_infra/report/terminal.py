"""Tables and lines on a terminal: coloured only on a terminal, and never read as markup."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, Group
from rich.text import Text

from selextract_infra.report.layout import Spans, laid_out
from selextract_infra.report.table import Block, Tone

__all__ = ["draw", "drawn"]

_STYLES = {
    Tone.PLAIN: "",
    Tone.STRONG: "bold",
    Tone.QUIET: "dim",
    Tone.GOOD: "green",
    Tone.ACTIVE: "cyan",
    Tone.WARNING: "yellow",
    Tone.BAD: "red",
    Tone.WORST: "bold red",
}
_ASCII = str.maketrans("▁▂▃▄▅▆▇█░─…", "_.-=+*%#.-~")
"""What stands for the characters of pictures and rules on a terminal that has none of them."""


def draw(screen: Console, blocks: Iterable[Block]) -> None:
    """Print ``blocks``, as wide as the screen."""
    for spans in laid_out(blocks, screen.width):
        screen.print(_text(spans, screen), soft_wrap=True)


def drawn(screen: Console, blocks: Iterable[Block]) -> Group:
    """``blocks`` as rich shows them again and again."""
    return Group(*(_text(spans, screen) for spans in laid_out(blocks, screen.width)))


def _text(spans: Spans, screen: Console) -> Text:
    plain = not screen.encoding.lower().startswith("utf")
    return Text.assemble(*((text.translate(_ASCII) if plain else text, _STYLES[tone]) for text, tone in spans))
