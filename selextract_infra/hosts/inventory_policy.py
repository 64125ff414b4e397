"""Where an inventory has its policy written, so that what is wrong there is said with file and line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node

from selextract_infra.policy.source import WrittenMapping

__all__ = ["written_policy"]

_KEY = "selextract_policy"
_YAML = (".yml", ".yaml")
_LARGEST_FILE = 1_000_000


def written_policy(inventory: Path, overrides: Mapping[str, Any]) -> Mapping[str, Any]:
    """The overrides with the place where they are written, when that is one place in one file of YAML."""
    policies = [(file, node) for file in _files(inventory) for node in _policies(file)]
    if len(policies) != 1:
        return overrides
    file, node = policies[0]
    return WrittenMapping(overrides, name=str(file), root=node)


def _files(inventory: Path) -> Iterator[Path]:
    folder = inventory if inventory.is_dir() else inventory.parent
    own = sorted(path for path in folder.iterdir() if path.is_file()) if inventory.is_dir() else [inventory]
    groups = sorted((folder / "group_vars").glob("all*")) if (folder / "group_vars").is_dir() else []
    for path in (*own, *groups):
        yield from sorted(path.rglob("*")) if path.is_dir() else [path]


def _policies(file: Path) -> Iterator[Node]:
    """Every mapping named ``selextract_policy`` in a file, at its top or among the variables of the group ``all``."""
    if file.suffix not in _YAML or not file.is_file() or file.stat().st_size > _LARGEST_FILE:
        return
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, OSError, UnicodeDecodeError, RecursionError):
        return
    for path in ((_KEY,), ("all", "vars", _KEY)):
        node: Node | None = root
        for step in path:
            node = _below(node, step)
        if isinstance(node, MappingNode):
            yield node


def _below(node: Node | None, name: str) -> Node | None:
    if not isinstance(node, MappingNode):
        return None
    return next((value for key, value in node.value if key.value == name), None)
