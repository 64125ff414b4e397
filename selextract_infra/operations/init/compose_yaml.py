"""The text of a Compose file as plain data, or one sentence about what stops it. Pure.

Scalars stay what is written (``yes``, ``012`` and ``1:30`` are text), but null, true and false. ``<<`` merges as
Compose merges it; a key that stands twice is refused as by Compose, where YAML's usual readers take the last one.
"""

from __future__ import annotations

from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

from selextract_infra.errors import ComposeFileError

__all__ = ["read_compose_text"]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS = {"": None, "null": None, "~": None, "true": True, "false": False}
_LARGEST_TEXT = 1_000_000
_MOST_NODES = 100_000  # aliases of aliases can make a small file endless
_MERGE = "tag:yaml.org,2002:merge"
_STANDARD = "tag:yaml.org,2002:"


def read_compose_text(text: str, name: str) -> dict[str, Any]:
    """The file's mapping. Raises ComposeFileError, with the line where it is known."""
    if len(text) > _LARGEST_TEXT:
        raise ComposeFileError(f"{name} is larger than a Compose file can be ({_LARGEST_TEXT} bytes).")
    try:
        root = _LOADER(text).get_single_node()
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        line = mark.line + 1 if mark else 1
        raise ComposeFileError(f"{name}, line {line}: this is not valid YAML: {problem.problem}.") from problem
    except (yaml.YAMLError, RecursionError, ValueError) as problem:
        raise ComposeFileError(f"{name} is not valid YAML: {problem}.") from problem
    if not isinstance(root, MappingNode):
        raise ComposeFileError(f"{name} is no Compose file: it holds no mapping of services.")
    return _Reading(name).mapping(root, 0)


class _Reading:
    """One file on its way from nodes to plain data."""

    _DEEPEST = 60

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes = 0

    def mapping(self, node: MappingNode, depth: int) -> dict[str, Any]:
        """The values by key, in order; what is merged comes first and is overridden."""
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                raise self._error(key, "a key has to be plain text")
            if key.tag == _MERGE:
                for name, inner in self._merged(value, depth).items():
                    merged.setdefault(name, inner)
                continue
            # PyYAML would take the last of both; Compose takes neither.
            if key.value in own:
                raise self._error(key, f'"{key.value}" stands twice in the same mapping')
            own[key.value] = self._value(value, depth + 1)
        return {**merged, **own}

    def _merged(self, node: Node, depth: int) -> dict[str, Any]:
        value = self._value(node, depth + 1)
        parts = value if isinstance(value, list) else [value]
        mappings = [part for part in parts if isinstance(part, dict)]
        if len(mappings) != len(parts):
            raise self._error(node, "<< merges something that is no mapping")
        together: dict[str, Any] = {}
        for part in mappings:
            together = {**part, **together}
        return together

    def _value(self, node: Node, depth: int) -> Any:
        self._nodes += 1
        if depth > self._DEEPEST or self._nodes > _MOST_NODES:
            raise self._error(node, "it nests or repeats more than a Compose file can")
        if not node.tag.startswith(_STANDARD):
            raise self._error(node, f"the tag {node.tag[:40]} is only understood by Compose itself")
        if isinstance(node, ScalarNode):
            plain = not node.style and node.value.lower() in _WORDS
            return _WORDS[node.value.lower()] if plain else node.value
        if isinstance(node, MappingNode):
            return self.mapping(node, depth)
        return [self._value(part, depth + 1) for part in node.value]

    def _error(self, node: Node, reason: str) -> ComposeFileError:
        return ComposeFileError(f"{self._name}, line {node.start_mark.line + 1}: {reason}.")
