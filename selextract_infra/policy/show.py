"""The policy as it is written: every value with its unit, its item and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from selextract_infra.policy.model import Policy
from selextract_infra.policy.section import Section, bound_annotations, row_of, section_in
from selextract_infra.policy.source import Path
from selextract_infra.policy.units import Quantity

__all__ = ["Shown", "shown"]


class Shown(NamedTuple):
    """One value: its path, how it is written, and what it is in base units; ``item`` is None for our own rules.

    ``where`` is ``guide``, the file and line of an override, or for a rule of ours ``rule:`` and its source.
    """

    path: str
    text: str
    value: Any
    item: str | None
    where: str


def shown(policy: Policy, path: str = "") -> list[Shown]:
    """Every value at or below a dotted path, in the guide's order.

    Raises PolicyError when there is nothing at that path.
    """
    steps = tuple(path.split(".")) if path else ()
    if path:
        policy.value(steps)
    values: list[Shown] = []
    for name, field in Policy.model_fields.items():
        if steps and name != steps[0]:
            continue
        for at, text, value in _leaves(field.annotation, getattr(policy, name), (name,)):
            if at[: len(steps)] == steps:
                values.append(Shown(".".join(at), text, value, *_origin(policy, at)))
    return values


def _origin(policy: Policy, at: Path) -> tuple[str | None, str]:
    provenance = policy.origin(at)
    entry = policy.entry(at)
    if provenance.item_id is None and provenance.where == "guide" and entry is not None:
        return None, f"rule: {entry.source}"
    return provenance.item_id, provenance.where


def _leaves(kind: Any, value: Any, at: Path) -> Iterator[tuple[Path, str, Any]]:
    kind = _without_none(kind)
    if isinstance(value, Section) and "__str__" not in vars(type(value)):
        for name, inner in bound_annotations(kind if section_in(kind) else type(value)).items():
            yield from _leaves(inner, getattr(value, name), (*at, name))
    elif isinstance(value, Mapping) and value:
        row = row_of(kind)
        for name, inner in value.items():
            yield from _leaves(row, inner, (*at, name))
    else:
        yield at, _text(kind, value), _plain(value)


def _text(kind: Any, value: Any) -> str:
    if value is None:
        return "not stated"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (tuple, list)):
        inner = next(iter(get_args(_unannotated(kind))), None)
        return ", ".join(_text(inner, each) for each in value) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_text(None, each)}" for name, each in value.items()) or "none"
    quantity = next((part for part in getattr(kind, "__metadata__", ()) if isinstance(part, Quantity)), None)
    return quantity.format(value) if quantity is not None else str(value)


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float, str, tuple, Mapping)) else str(value)


def _without_none(kind: Any) -> Any:
    if get_origin(kind) in (Union, UnionType):
        return next((part for part in get_args(kind) if part is not type(None)), kind)
    return kind


def _unannotated(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind
