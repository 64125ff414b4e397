"""A command whose options are given once: of two different values nobody can say which one was meant."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from typer.core import TyperCommand

from selextract_infra.errors import UsageError

__all__ = ["OnceCommand"]

_ONE_VALUE = ("store", "store_const")  # what the parser calls an option that is no list and no count


class OnceCommand(TyperCommand):
    """Refuses an option that is given again with another value, and a flag together with its opposite.

    Typer takes the last one without a word.
    """

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
