"""Loading: the packaged guide, then files, then the inventory's mapping, merged and validated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from selextract_infra.errors import PolicyError, UnitError
from selextract_infra.policy.model import Policy, nearest
from selextract_infra.policy.schema.assumptions import ASSUMPTIONS
from selextract_infra.policy.schema.system import SystemProfile
from selextract_infra.policy.section import row_of, section_in
from selextract_infra.policy.source import Path as Steps
from selextract_infra.policy.source import Reference, Source, find, parse_mapping, parse_text

__all__ = ["GUIDE", "default_policy", "load_policy"]

GUIDE = Path(__file__).with_name("guide.yml")
"""The packaged guide."""

_LARGEST_FILE = 1_000_000
_REMOVABLE = frozenset(
    {
        ("seasons",),
        ("planned_events",),
        ("windows",),
        ("blackouts",),
        ("events",),
        ("growth", "scenarios"),
        ("application", "services"),
        ("monitoring", "throughput_hours"),
        ("pgbouncer", "packaged"),
    }
)
_OPTIONAL = frozenset({("load_tests", "stress", "usage")})


def load_policy(overrides: Mapping[str, Any] | None = None, files: Sequence[Path] = ()) -> Policy:
    """The guide with a team's overrides: first the files in their order, then the mapping.

    Values are data and never templates. Raises PolicyError with file and line for an unreadable or broken file, an
    unknown key (naming the nearest known one) or an impossible value, and UnitError for a quantity that cannot be read.
    """
    if not overrides and not files:
        return default_policy()
    layers = [_read(Path(file)) for file in files]
    if overrides:
        layers.append(parse_mapping(overrides))
    return _policy((_guide(), *layers))


@cache
def default_policy() -> Policy:
    """The guide as it is packaged, without overrides."""
    return _policy((_guide(),))


@cache
def _guide() -> Source:
    return parse_text(GUIDE.read_text(encoding="utf-8"), GUIDE.name)


def _read(file: Path) -> Source:
    try:
        if file.stat().st_size > _LARGEST_FILE:
            raise PolicyError(f"{file} is larger than a policy can be ({_LARGEST_FILE} bytes)")
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PolicyError(f"{file}:1: not a text file in UTF-8") from error
    except OSError as error:
        raise PolicyError(f"the policy file {file} cannot be read: {error.strerror}") from error
    return parse_text(text, str(file))


def _policy(sources: tuple[Source, ...]) -> Policy:
    merged: dict[str, Any] = dict(sources[0].values)
    for layer in sources[1:]:
        _refuse_templates(layer.values, (), layer)
        _refuse_removals(merged, layer.values, (), layer)
        merged = _merge(merged, layer.values)
    merged = _without_assumptions(merged, sources[1:])
    try:
        policy = Policy.model_validate(_resolved(merged, merged, sources))
    except ValidationError as error:
        _explain(error, sources)
    object.__setattr__(policy, "__pydantic_private__", {"_sources": sources})
    return policy


def _without_assumptions(merged: dict[str, Any], own: tuple[Source, ...]) -> dict[str, Any]:
    """With ``profile: own``, without what the guide assumes and the team's own policy does not state."""
    if merged.get("profile") != SystemProfile.OWN:
        return merged
    for path, assumption in ASSUMPTIONS.items():
        stated = any(find(layer.values, path)[0] for layer in own)
        if assumption.without is not None and not stated:
            merged = _replaced(merged, path, assumption.without)
        elif path == ("seasons",):  # a team that names one season has that one, and none of the guide's
            merged = _replaced(merged, path, _rows_of(path, own))
    return merged


def _rows_of(path: Steps, own: tuple[Source, ...]) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for layer in own:
        exists, value = find(layer.values, path)
        if exists and isinstance(value, Mapping):
            rows = _merge(rows, {name: row for name, row in value.items() if row is not None or name in rows})
    return rows


def _replaced(values: Mapping[str, Any], path: Steps, value: Any) -> dict[str, Any]:
    first, *rest = path
    return {**values, first: _replaced(values[first], tuple(rest), value) if rest else value}


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """``above`` over ``below``, mapping by mapping; a mapping that is overridden by nothing (null) is removed."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        if isinstance(old, Mapping) and value is None:
            del merged[key]
        elif isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[key] = _merge(old, value)
        else:
            merged[key] = value
    return merged


def _refuse_removals(below: Mapping[str, Any], above: Mapping[str, Any], path: Steps, layer: Source) -> None:
    """Rows of the guide's tables stay, except where less is a choice of the team's."""
    for key, value in above.items():
        old, here = below.get(key), (*path, key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            _refuse_removals(old, value, here, layer)
        elif isinstance(old, Mapping) and value is None and not (path in _REMOVABLE or here in _OPTIONAL):
            raise PolicyError(f"{layer.where(here)}: {'.'.join(here)} cannot be removed")


def _resolved(value: Any, root: Mapping[str, Any], sources: tuple[Source, ...], depth: int = 0) -> Any:
    if isinstance(value, Reference):
        exists, target = find(root, value.path)
        if not exists or depth > len(root):
            raise PolicyError(f"{sources[-1].name}: same_as {'.'.join(value.path)} leads nowhere")
        return _resolved(target, root, sources, depth + 1)
    if isinstance(value, dict):
        return {key: _resolved(inner, root, sources, depth) for key, inner in value.items()}
    return value


def _refuse_templates(value: Any, path: Steps, layer: Source) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _refuse_templates(inner, (*path, key), layer)
    elif isinstance(value, list):
        for inner in value:
            _refuse_templates(inner, path, layer)
    elif isinstance(value, str) and ("{{" in value or "{%" in value):
        raise PolicyError(
            f"{layer.where(path)}: {'.'.join(path)} is a template; policy values are data, never templates"
        )


def _explain(error: ValidationError, sources: tuple[Source, ...]) -> NoReturn:
    """Raise the first problem as one sentence with the place where it stands."""
    problems = error.errors(include_url=False)
    problem = next((each for each in problems if each["type"] == "extra_forbidden"), problems[0])
    path = _steps(problem["loc"])
    source = next((s for s in reversed(sources) if find(s.values, path)[0]), sources[-1])
    where, name = source.where(path), ".".join(path)
    reason = problem.get("ctx", {}).get("error")
    if isinstance(reason, UnitError):
        raise UnitError(f"{where}: {name}: {reason}") from error
    if problem["type"] == "extra_forbidden":
        known = _known(path[:-1])
        raise PolicyError(f"{where}: unknown key {name}{nearest(path[-1], known)}") from error
    if problem["type"] == "missing":
        removed = "; it cannot be removed" if find(sources[0].values, path)[0] else ""
        raise PolicyError(f"{where}: {name} is missing{removed}") from error
    if problem["type"] == "literal_error":
        accepted = problem["ctx"]["expected"]
        raise PolicyError(f'{where}: {name}: "{str(problem["input"])[:60]}" is not carried out; accepted: {accepted}')
    raise PolicyError(f"{where}: {name}: {problem['msg'].removeprefix('Value error, ')}") from error


def _steps(location: tuple[int | str, ...]) -> Steps:
    return tuple(str(step) for step in location)


def _known(path: Steps) -> list[str]:
    """The keys that the section at ``path`` knows; rows of tables are open."""
    kind: Any = Policy.model_fields[path[0]].annotation if path and path[0] in Policy.model_fields else None
    if kind is None:
        return list(Policy.model_fields)
    for step in path[1:]:
        section = section_in(kind)
        kind = section.annotations().get(step) if section is not None else row_of(kind)
    section = section_in(kind)
    return [] if section is None else list(section.annotations())
