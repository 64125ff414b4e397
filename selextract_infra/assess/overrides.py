"""The rules that an operator overrides, noted so that each use is recorded."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NoReturn

from selextract_infra.errors import RefusedError

__all__ = ["Overrides"]


@dataclass(slots=True)
class Overrides:
    """The rules that the operator overrides, and which of them were needed."""

    given: Collection[str]
    used: list[str] = field(default_factory=list)

    def refuse(self, sentence: str, rule: str, remedy: str = "") -> None:
        """Raise ``RefusedError`` unless the operator overrides that rule; then note that it was needed."""
        if rule in self.given:
            if rule not in self.used:
                self.used.append(rule)
            return
        flag = f"--override {rule}"
        remedy = f"{remedy}, or override it with {flag}" if remedy else f"override it with {flag}"
        raise RefusedError(f"{sentence} ({rule}).", rule=rule, override=flag, remedy=remedy)

    @staticmethod
    def refuse_always(sentence: str, rule: str, remedy: str | None = None) -> NoReturn:
        """Raise ``RefusedError`` for a rule that nobody overrides."""
        raise RefusedError(f"{sentence} ({rule}, which has no override).", rule=rule, remedy=remedy)
