"""Why Ansible cannot read an inventory, in one sentence with the file and the line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from selextract_infra.model.text import displayable

__all__ = ["complaint"]

_UNPARSED = re.compile(r"Completely failed to parse inventory source (?P<file>\S+)")
_BY_PLUGIN = re.compile(
    r"\[WARNING\]: Failed to parse inventory with '(?P<plugin>\w+)' plugin: (?P<reason>[^\n]+)"
    r"(?P<rest>.*?)(?=\[WARNING|\[ERROR|$)",
    re.DOTALL,
)
_NO_HOSTS = ("leaves us with no hosts", "no hosts to target", "Could not match supplied host pattern")
_YAML = (".yml", ".yaml", ".json")


def complaint(path: Path, limit: str | None, output: str) -> str:
    """One sentence from what ``ansible-inventory`` wrote to its standard error."""
    if any(words in output for words in _NO_HOSTS):
        return f"No host in {path} matches {limit!r}, so there is nothing to work on."
    return f"The inventory {path} cannot be read: {_reason(path, output).rstrip('.')}."


def _reason(path: Path, output: str) -> str:
    """What the plugin for that kind of file said, else Ansible's own error, with the place where it is known."""
    unparsed = _UNPARSED.search(output)
    if unparsed:
        source = Path(unparsed["file"])
        by_plugin = {match["plugin"]: match for match in _BY_PLUGIN.finditer(output)}
        match = next((by_plugin[name] for name in _plugins_for(source) if name in by_plugin), None)
        if match is not None:
            return f"{_place(source, match['rest'])}{displayable(match['reason'], limit=300)}"
    own = output.partition("[ERROR]:")[2] or next(reversed(output.strip().splitlines()), "")
    return f"{next(_broken_files(path), '')}{displayable(own, limit=300)}"


def _plugins_for(source: Path) -> tuple[str, ...]:
    if os.access(source, os.X_OK) and source.is_file():
        return ("script",)
    return ("yaml", "auto") if source.suffix in _YAML else ("ini",)


def _place(source: Path, rest: str) -> str:
    line = re.search(rf"Origin: {re.escape(str(source))}:(\d+)", rest)
    syntax = next(_broken(source), "") if source.suffix in _YAML and not line else ""
    return f"{source}, line {line[1]}: " if line else syntax


def _broken_files(path: Path) -> Iterator[str]:
    """Ansible does not say which file of variables is broken, so look for it."""
    folder = path if path.is_dir() else path.parent
    for kind in ("group_vars", "host_vars"):
        for file in sorted((folder / kind).rglob("*")):
            if file.is_file() and file.suffix in (*_YAML, ""):
                yield from _broken(file)


def _broken(file: Path) -> Iterator[str]:
    import yaml

    try:
        yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as problem:
        line = problem.problem_mark.line + 1 if problem.problem_mark else 1
        yield f"{file}, line {line}: "
    except (yaml.YAMLError, OSError, UnicodeDecodeError):
        yield f"{file}: "
