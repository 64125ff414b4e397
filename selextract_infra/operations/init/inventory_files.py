"""Write an inventory whole or not at all, and say how one that is there differs from what was seen."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from selextract_infra.errors import UsageError
from selextract_infra.model.text import displayable

__all__ = ["differences", "write_inventory"]

_FILES = ("hosts.yml", "group_vars/all/policy.yml")


def write_inventory(folder: Path, hosts: str, policy: str) -> bool:
    """Write a new inventory; False where there is one already, which is left as it is.

    The folder appears with all of its files at once: it is made beside its place and moved there. Raises UsageError
    where that fails; nothing is left then.
    """
    if folder.exists():
        return False
    made: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        for name, text in zip(_FILES, (hosts, policy), strict=True):
            file = made / name
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("w", encoding="utf-8") as opened:
                opened.write(text)
                os.fsync(opened.fileno())
        made.chmod(0o755)
        made.rename(folder)
    except OSError as problem:
        raise UsageError(f"{folder} cannot be written: {problem.strerror}.", remedy="--into OTHER-FOLDER") from problem
    finally:
        if made is not None and made.exists():
            shutil.rmtree(made, ignore_errors=True)
    return True


def differences(folder: Path, hosts: str, policy: str) -> list[str]:
    """What stands in an inventory otherwise than it was seen now, a sentence each; remarks do not count."""
    sentences: list[str] = []
    for name, text in zip(_FILES, (hosts, policy), strict=True):
        file = folder / name
        if not file.is_file():
            sentences.append(f"{file} is not there; remove {folder} to have it written anew.")
            continue
        try:
            own = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (yaml.YAMLError, OSError, UnicodeDecodeError) as problem:
            raise UsageError(f"{file} cannot be read: {displayable(str(problem), limit=200)}.") from problem
        sentences += [f"{name}: {sentence}" for sentence in _differences(own or {}, yaml.safe_load(text), "")]
    return sentences


def _differences(own: Any, seen: Any, path: str) -> Iterator[str]:
    if isinstance(own, Mapping) and isinstance(seen, Mapping):
        for key in (*own, *(key for key in seen if key not in own)):
            yield from _differences(own.get(key), seen.get(key), f"{path}.{key}".lstrip("."))
    elif seen is None and own is not None:
        yield f"{path} is {_word(own)} in your file and was not seen."
    elif own is None and seen is not None:
        yield f"{path} was seen as {_word(seen)} and is not in your file."
    elif str(own) != str(seen):
        yield f"{path} is {_word(own)} in your file and was seen as {_word(seen)}."


def _word(value: Any) -> str:
    if isinstance(value, Mapping):
        return "there" if value else "empty"
    return displayable(str(value), limit=120)
