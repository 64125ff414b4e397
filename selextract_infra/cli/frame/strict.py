"""A command line that is taken as it was meant, or refused: each option once, numbers and days that can be."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from typer.core import TyperCommand

from selextract_infra.errors import UsageError
from selextract_infra.model.bounds import refuse_unbounded_word
from selextract_infra.model.text import displayable

__all__ = ["StrictCommand"]

_ONE_VALUE = ("store", "store_const")  # what the parser calls an option that is no list and no count


class StrictCommand(TyperCommand):
    """Refuses what Typer takes without a word, or what no calculation bears.

    That is an option that is given again with another value (Typer takes the last one), a flag together with its
    opposite, and a number or a day that nothing here can have.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Typer's own, of words that are within bounds."""
        for word in args:
            try:
                refuse_unbounded_word(word)
            except ValueError as problem:
                raise UsageError(f"{displayable(word, limit=60)}: {problem}.") from problem
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed

    def make_parser(self, ctx: Any) -> Any:
        """Typer's own parser, which compares each value with one that came before."""
        parser: Any = super().make_parser(ctx)
        given: dict[str, Any] = {}
        for option in {*parser._long_opt.values(), *parser._short_opt.values()}:
            if option.action in _ONE_VALUE:
                option.process = partial(_compared, given, option, option.process)
        return parser


def _compared(given: dict[str, Any], option: Any, process: Callable[[Any, Any], None], value: Any, state: Any) -> None:
    chosen = option.const if option.action == "store_const" else value
    if given.setdefault(option.dest, chosen) != chosen:
        name = max(option.obj.opts, key=len)
        raise UsageError(f"{name} is given twice, with different values.", remedy="give it once")
    process(value, state)
