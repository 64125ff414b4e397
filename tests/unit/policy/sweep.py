"""The mutation sweep over the policy's schema: which values change what some operation decides, plans, sends or prints.

A value is changed by itself, and each recorded situation that reads it is gone through again. What ``policy`` commands
print does not count, nor does the digest of a policy.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from selextract_infra.errors import SelextractError
from selextract_infra.policy import Policy
from selextract_infra.policy.section import FrozenTable, Section, bound_annotations, row_of, section_in

__all__ = ["Path", "Situation", "leaves", "mutated", "readers", "unread"]

Path = tuple[str, ...]
Situation = Callable[[Callable[[Policy], Policy]], object]
"""Something recorded that an operation is asked about; it is given what is to be done to its policy before."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Leaf:
    """One value of the schema: where it stands, its type, and what it is in a policy."""

    path: Path
    kind: Any
    value: Any


def leaves(policy: Policy) -> Iterator[Leaf]:
    """Each value of the policy, generated from its schema, that is not its own prose about itself."""
    for name, field in Policy.model_fields.items():
        yield from _below(field.annotation, getattr(policy, name), (name,))


def _below(kind: Any, value: Any, path: Path) -> Iterator[Leaf]:
    kind = _plain(kind)
    if isinstance(value, Section):
        for name, inner in bound_annotations(kind if section_in(kind) else type(value)).items():
            yield from _below(inner, getattr(value, name), (*path, name))
    elif isinstance(value, Mapping) and value and any(isinstance(row, Section) for row in value.values()):
        for name, row in value.items():
            yield from _below(row_of(kind), row, (*path, name))
    else:
        yield Leaf(path, kind, value)


def _plain(kind: Any) -> Any:
    if get_origin(kind) in (Union, UnionType):
        return next((part for part in get_args(kind) if part is not NoneType), kind)
    return kind


def mutated(leaf: Leaf) -> Callable[[Policy], Policy] | None:
    """What changes that value and nothing else; None where there is no other value that it could have."""
    other = _other(leaf.value, leaf.kind)
    if other is None:
        return None

    def change(policy: Policy) -> Policy:
        changed: Policy = _replaced(policy, leaf.path, other)
        return changed

    return change


def _replaced(here: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(here, Mapping):
        return FrozenTable({**here, step: _replaced(here[step], rest, value)}) if step in here else here
    if isinstance(here, Section):
        return here.model_copy(update={step: _replaced(getattr(here, step), rest, value)})
    assert isinstance(here, BaseModel)
    copy = here.model_copy(update={step: _replaced(getattr(here, step), rest, value)})
    copy.__dict__.pop("digest", None)
    return copy


def _other(value: Any, kind: Any) -> Any:
    """Another value of that kind; None where there is none."""
    kind = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    if get_origin(kind) is Literal:
        return next((choice for choice in get_args(kind) if choice != value), None)
    if value is None:
        return {float: 60.0, int: 3, str: "x", bool: True}.get(kind)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value * 2 + 1
    if isinstance(value, float):
        return value * 1.5 + 0.01
    if isinstance(value, str):
        return f"{value}x"
    if isinstance(value, datetime | date):
        return value.replace(day=value.day % 27 + 1)
    if isinstance(value, tuple) and value:
        return value[1:] if len(value) > 1 else (*value, *value)
    return None


def readers(situations: Mapping[str, Situation]) -> dict[Path, list[str]]:
    """By value, the situations that read it at all; the others need not be gone through for it."""
    found: dict[Path, list[str]] = defaultdict(list)
    for name, situation in situations.items():
        seen: set[tuple[int, str]] = set()
        policies: list[Policy] = []

        def noted(policy: Policy, policies: list[Policy] = policies) -> Policy:
            policies.append(policy)
            return policy

        original = Section.__getattribute__

        def traced(section: Any, field: str, seen: set[tuple[int, str]] = seen, get: Any = original) -> Any:
            seen.add((id(section), field))
            return get(section, field)

        Section.__getattribute__ = traced  # type: ignore[method-assign]
        try:
            outcome_of(situation, noted)
        finally:
            del Section.__getattribute__
        for policy in policies:
            for path in _read(policy, seen):
                if name not in found[path]:
                    found[path].append(name)
    return found


def _read(policy: Policy, seen: set[tuple[int, str]]) -> Iterator[Path]:
    for leaf in leaves(policy):
        owner: Any = policy
        for step in leaf.path[:-1]:
            owner = owner[step] if isinstance(owner, Mapping) else getattr(owner, step)
        if not isinstance(owner, Section) or (id(owner), leaf.path[-1]) in seen:
            yield leaf.path


def outcome_of(situation: Situation, change: Callable[[Policy], Policy]) -> str:
    """What it comes to, as text without digests; what a changed value makes impossible is different from before."""
    try:
        answer = situation(change)
    except (SelextractError, ArithmeticError, LookupError, TypeError, ValueError) as problem:
        return f"{type(problem).__name__}: {_DIGEST.sub('', str(problem))}"
    text = answer.model_dump_json() if isinstance(answer, BaseModel) else repr(answer)
    return _DIGEST.sub("", text)


def unread(policy: Policy, situations: Mapping[str, Situation]) -> list[str]:
    """The values for which no situation comes to anything else when they change, as dotted paths."""
    by_path = readers(situations)
    usual: dict[str, str] = {}
    silent = []
    for leaf in leaves(policy):
        change = mutated(leaf)
        if change is None or not any(_differs(name, change, situations, usual) for name in by_path.get(leaf.path, ())):
            silent.append(".".join(leaf.path))
    return silent


def _differs(
    name: str, change: Callable[[Policy], Policy], situations: Mapping[str, Situation], usual: dict[str, str]
) -> bool:
    if name not in usual:
        usual[name] = outcome_of(situations[name], lambda policy: policy)
    return outcome_of(situations[name], change) != usual[name]
