"""What all parts of the policy share: frozen, no unknown keys, tables that cannot be changed, readings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Generic, NoReturn, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict

__all__ = ["FrozenTable", "Reading", "Section", "Table"]

Value = TypeVar("Value")


class Section(BaseModel):
    """One part of the policy: immutable, and a key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class FrozenTable(dict[str, Value]):
    """Rows by name, in the order in which they are written; changing one raises TypeError."""

    def _refuse(self) -> NoReturn:
        raise TypeError("the policy cannot be changed; load it again with overrides")

    def __setitem__(self, key: str, value: Value) -> NoReturn:
        self._refuse()

    def __delitem__(self, key: str) -> NoReturn:
        self._refuse()

    def clear(self) -> NoReturn:
        """Refused."""
        self._refuse()

    def pop(self, *_: Any) -> NoReturn:
        """Refused."""
        self._refuse()

    def popitem(self) -> NoReturn:
        """Refused."""
        self._refuse()

    def setdefault(self, *_: Any) -> NoReturn:
        """Refused."""
        self._refuse()

    def update(self, *_: Any, **__: Any) -> NoReturn:
        """Refused."""
        self._refuse()

    def __reduce__(self) -> tuple[type[FrozenTable[Value]], tuple[dict[str, Value]]]:
        return type(self), (dict(self),)


Table = Annotated[Mapping[str, Value], AfterValidator(FrozenTable)]


class Reading(Section, Generic[Value]):
    """Something that the guide leaves open or says ambiguously.

    ``stated`` is what the guide (or the team's override) says, None where it says nothing; ``reading`` is what this
    project takes it to mean until somebody states it.
    """

    stated: Value | None = None
    reading: Value

    @property
    def value(self) -> Value:
        """What holds: what is stated, else our reading."""
        return self.reading if self.stated is None else self.stated

    @property
    def open(self) -> bool:
        """Whether nobody has stated it yet."""
        return self.stated is None
