"""Reading policy files: YAML to plain data, with the line of each value and the guide's items.

A mapping with ``item:`` or ``origin:`` is an *entry*: ``says`` explains it, ``source`` says where a number of ours
comes from, ``value`` is its one value (or its other keys are its values), ``same_as`` takes the value of another path.
The text is composed by libyaml and turned into data here, so each node keeps its line and a doubled key is an error;
``yes``, ``012`` and ``1:30`` stay what they look like: text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from selextract_infra.errors import PolicyError

__all__ = ["Path", "PolicyEntry", "Reference", "Source", "WrittenMapping", "find", "parse_mapping", "parse_text"]

Path = tuple[str, ...]

_MARKS = frozenset({"item", "origin", "says", "source"})
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?[0-9]+\.[0-9]+")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_WORDS = {"": None, "null": None, "~": None, "true": True, "false": False}
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class PolicyEntry:
    """One commented place of the policy: an item of the guide (``item``) or a rule of ours (``item`` None)."""

    path: Path
    item: str | None
    says: str
    source: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A value that is the same as that at another path."""

    path: Path


@dataclass(frozen=True)
class Source:
    """One layer of the policy: the packaged guide, a file, or the inventory's mapping."""

    name: str
    values: Mapping[str, Any]
    entries: tuple[PolicyEntry, ...] = ()
    root: Node | None = field(default=None, compare=False, repr=False)

    def where(self, path: Path) -> str:
        """``file:line`` of the value at ``path`` or of what encloses it; just the name where there are no lines."""
        if self.root is None:
            return self.name
        return f"{self.name}:{_line(self.root, path)}"


class WrittenMapping(dict[str, Any]):
    """A mapping of overrides with the file in which it is written, and its node there."""

    def __init__(self, values: Mapping[str, Any], *, name: str, root: Node) -> None:
        super().__init__(values)
        self.name = name
        self.root = root


def parse_text(text: str, name: str) -> Source:
    """A policy file's content.

    Raises PolicyError with file and line for broken YAML, doubled keys, keys that are not text, and YAML tags.
    """
    try:
        root = _LOADER(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise PolicyError(f"{name}:{line}: not valid YAML: {error.problem}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise PolicyError(f"{name}:1: not valid YAML: {error}") from error
    if root is None:
        return Source(name, {})
    if not isinstance(root, MappingNode):
        raise PolicyError(f"{name}:1: a policy is a mapping of sections, not a list or a single value")
    reader = _Reader(name)
    values = _spoken(reader.mapping(root, ()))
    return Source(name, values, tuple(reader.entries), root)


def parse_mapping(values: Mapping[str, Any], name: str = "inventory") -> Source:
    """Overrides given as data, copied to plain types so that nothing of where they came from clings to them."""
    entries: list[PolicyEntry] = []
    name, root = (values.name, values.root) if isinstance(values, WrittenMapping) else (name, None)
    plain = {str(k): _plain(v, (str(k),), name, entries) for k, v in values.items()}
    return Source(name, _spoken(plain), tuple(entries), root)


def find(values: Any, path: Path) -> tuple[bool, Any]:
    """Whether there is a value at ``path``, and which."""
    for step in path:
        if not isinstance(values, Mapping) or step not in values:
            return False, None
        values = values[step]
    return True, values


class _Reader:
    """One file on its way from nodes to plain data."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.entries: list[PolicyEntry] = []
        self._seen: set[int] = set()

    def mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        """The values by key, in order; what marks an entry is noted and left out."""
        self._plain_tag(node)
        values: dict[str, Any] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, ScalarNode):
                raise PolicyError(f"{self.name}:{line}: a key must be plain text")
            if key.value in values:
                raise PolicyError(f'{self.name}:{line}: "{key.value}" stands twice in the same mapping')
            values[key.value] = self._value(value, (*path, key.value), line)
        return values if _MARKS.isdisjoint(values) else _entry(values, path, self.entries)

    def _value(self, node: Node, path: Path, line: int) -> Any:
        if id(node) in self._seen:
            raise PolicyError(f"{self.name}:{line}: anchors and aliases have no meaning in a policy")
        self._seen.add(id(node))
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        if isinstance(node, MappingNode):
            return _unwrapped(self.mapping(node, path))
        self._plain_tag(node)
        return [self._value(part, (*path, str(i)), part.start_mark.line + 1) for i, part in enumerate(node.value)]

    def _scalar(self, node: ScalarNode) -> Any:
        self._plain_tag(node)
        text: str = node.value
        if node.style:
            return text
        if text.lower() in _WORDS:
            return _WORDS[text.lower()]
        if _INTEGER.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
        if _DATE.fullmatch(text):
            try:
                return date.fromisoformat(text)
            except ValueError as error:
                raise PolicyError(f"{self.name}:{node.start_mark.line + 1}: {text} is not a date: {error}") from error
        return text

    def _plain_tag(self, node: Node) -> None:
        """Refuse a tag that YAML itself does not have."""
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        if kind == node.tag or "/" in kind:
            raise PolicyError(f'{self.name}:{node.start_mark.line + 1}: the tag "{kind}" has no meaning in a policy')


def _entry(values: dict[str, Any], path: Path, entries: list[PolicyEntry]) -> dict[str, Any]:
    item = values.pop("item", None)
    values.pop("origin", None)
    says, source = values.pop("says", ""), values.pop("source", "")
    entries.append(PolicyEntry(path, item, str(says).strip(), str(source).strip()))
    return values or {"value": _NOTHING}


def _unwrapped(values: dict[str, Any]) -> Any:
    if len(values) == 1:
        if "value" in values:
            return values["value"]
        if "same_as" in values:
            return Reference(tuple(str(values["same_as"]).split(".")))
    return _spoken(values) or (_NOTHING if values else values)


def _spoken(values: dict[str, Any]) -> dict[str, Any]:
    """Without the entries that only say something."""
    return {key: value for key, value in values.items() if value is not _NOTHING}


class _Nothing:
    """Stands for an entry that only says something and has no value."""


_NOTHING = _Nothing()


def _plain(value: Any, path: Path, name: str, entries: list[PolicyEntry]) -> Any:
    if isinstance(value, Mapping):
        inner = {str(k): _plain(v, (*path, str(k)), name, entries) for k, v in value.items()}
        return _unwrapped(_entry(inner, path, entries) if not _MARKS.isdisjoint(inner) else inner)
    if isinstance(value, (list, tuple)):
        return [_plain(part, (*path, str(i)), name, entries) for i, part in enumerate(value)]
    if value is None or isinstance(value, (bool, date)):
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    raise PolicyError(f"{name}: {'.'.join(path)} is a {type(value).__name__}, not text, a number, a list or a mapping")


def _steps(node: Node) -> Iterator[tuple[str, Node, Node]]:
    if isinstance(node, MappingNode):
        for key, value in node.value:
            yield key.value, key, value
    elif isinstance(node, SequenceNode):
        for index, value in enumerate(node.value):
            yield str(index), value, value


def _line(node: Node, path: Path) -> int:
    line = node.start_mark.line + 1
    for step in path:
        for name, key, value in _steps(node):
            if name == step:
                line, node = key.start_mark.line + 1, value
                break
        else:
            break
    return int(line)
