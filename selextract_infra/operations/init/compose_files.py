"""A Compose project read from its files alone: those that Compose would take, with what they extend and include."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from selextract_infra.errors import ComposeFileError
from selextract_infra.hosts.bounded_process import bounded
from selextract_infra.operations.init.compose_merge import merged_files, merged_service
from selextract_infra.operations.init.compose_service import ComposeService, as_mapping, compose_service
from selextract_infra.operations.init.compose_yaml import read_compose_text
from selextract_infra.operations.init.interpolation import filled_in

__all__ = ["ComposeProject", "read_compose_project"]

_DEFAULTS = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_OVERRIDES = tuple(name.replace("compose.", "compose.override.") for name in _DEFAULTS)
_CONFIG_SECONDS = 60.0
_DEEPEST = 10
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9_-]")
_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=\s*(.*?)\s*\Z")


@dataclass(frozen=True)
class ComposeProject:
    """A project as its files say; ``read_by`` is who read them: ``docker compose`` or this program."""

    name: str
    directory: Path
    files: tuple[Path, ...]
    services: tuple[ComposeService, ...]
    read_by: str


def read_compose_project(place: str, caller: Mapping[str, str]) -> ComposeProject:
    """The project of a folder, a file, or several files with ``:`` between them as in ``COMPOSE_FILE``.

    ``caller`` is the environment in which Compose would be called; ``.env`` beside the files counts below it. Raises
    ComposeFileError for what cannot be read for what it means.
    """
    files = tuple(_files(place))
    folder = files[0].parent
    variables = {**_variables(folder / ".env"), **caller}
    read_by, content = "docker compose", _read_by_compose(files)
    if content is None:
        read_by, content = "this program", _read_by_us(files)
    name = str(filled_in(content.get("name"), variables, "name") or folder.resolve().name)
    services = content.get("services")
    if not isinstance(services, dict) or not services:
        raise ComposeFileError(f"{files[0]} has no services, so there is nothing to look at.")
    return ComposeProject(
        name=_NOT_IN_A_NAME.sub("", name.lower()).lstrip("_-"),
        directory=folder.resolve(),
        files=files,
        services=tuple(_service(name, written, folder, variables) for name, written in services.items()),
        read_by=read_by,
    )


def _files(place: str) -> Iterator[Path]:
    given = Path(place)
    if not given.exists() and ":" in place:
        yield from (_existing(Path(part)) for part in place.split(":") if part)
        return
    if not _existing(given).is_dir():
        yield given
        return
    base = next((given / name for name in _DEFAULTS if (given / name).is_file()), None)
    if base is None:
        raise ComposeFileError(f"{given} has no Compose file ({', '.join(_DEFAULTS)}).")
    yield base
    override = next((given / name for name in _OVERRIDES if (given / name).is_file()), None)
    if override is not None:
        yield override


def _existing(path: Path) -> Path:
    if not path.exists():
        raise ComposeFileError(f"There is no {path}.")
    return path


def _read_by_compose(files: tuple[Path, ...]) -> dict[str, Any] | None:
    """As Compose itself puts the files together; None where it is not there or does not take them.

    Its variables stay in the text: which of them nobody has set is what a person has to be asked.
    """
    if not _has_compose():
        return None
    # Compose leaves a service out whose profile is not asked for; a host may run it all the same.
    named = [word for file in files for word in ("--file", str(file))]
    command = ["docker", "compose", *named, "--profile", "*", "config", "--no-interpolate", "--format", "json"]
    try:
        done = subprocess.run(
            bounded(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_CONFIG_SECONDS,
            check=False,
        )
        answer = json.loads(done.stdout) if done.returncode == 0 else None
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None
    return answer if isinstance(answer, dict) else None


@cache
def _has_compose() -> bool:
    command = ["docker", "compose", "version", "--short"]
    try:
        done = subprocess.run(bounded(command), stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _read_by_us(files: tuple[Path, ...]) -> dict[str, Any]:
    together: dict[str, Any] = {}
    for file in files:
        together = merged_files(together, _content(file, 0))
    return together


def _content(file: Path, depth: int) -> dict[str, Any]:
    """One file with what it includes and what its services extend."""
    if depth > _DEEPEST:
        raise ComposeFileError(f"{file} includes or extends itself.")
    try:
        content = read_compose_text(file.read_text(encoding="utf-8-sig"), str(file))
    except UnicodeDecodeError as problem:
        raise ComposeFileError(f"{file} is not text in UTF-8.") from problem
    except OSError as problem:
        raise ComposeFileError(f"{file} cannot be read: {problem.strerror}.") from problem
    services = content.get("services") or {}
    if not isinstance(services, dict) or not all(isinstance(service, dict) for service in services.values()):
        raise ComposeFileError(f"{file}: its services are no mapping of names to services.")
    extended = {name: _extended(name, services, file, depth) for name, service in services.items()}
    included: dict[str, Any] = {}
    for entry in content.get("include") or []:
        path = entry.get("path") if isinstance(entry, dict) else entry
        for part in path if isinstance(path, list) else [path]:
            included = merged_files(included, _content(_beside(file, part), depth + 1))
    return merged_files(included, {**content, "services": extended})


def _extended(name: str, services: Mapping[str, Any], file: Path, depth: int) -> dict[str, Any]:
    service = dict(services[name])
    extends = service.pop("extends", None)
    if extends is None:
        return service
    if depth > _DEEPEST:
        raise ComposeFileError(f"{file}: the service {name} extends itself.")
    extends = {"service": extends} if isinstance(extends, str) else extends
    other = extends.get("service") if isinstance(extends, dict) else None
    base = services
    if isinstance(extends, dict) and extends.get("file"):
        base = _content(_beside(file, extends["file"]), depth + 1)["services"]
    if not isinstance(other, str) or other not in base:
        raise ComposeFileError(f"{file}: the service {name} extends {str(other)[:60]}, which is not there.")
    return merged_service(_extended(other, base, file, depth + 1), service)


def _beside(file: Path, path: Any) -> Path:
    text = str(path)
    if "$" in text or "://" in text or text.startswith("oci:"):
        raise ComposeFileError(f"{file}: {text[:80]} can only be read by Compose itself.")
    return _existing(file.parent / text)


def _service(name: str, written: Any, folder: Path, variables: Mapping[str, str]) -> ComposeService:
    where = f"services.{name}"
    mounts = [_without_content(mount) for mount in written.get("volumes") or []]
    service = filled_in({**written, "volumes": mounts}, variables, where)
    # As in Compose: what stands beside `environment` counts less than what stands in it.
    environment: dict[str, str | None] = {}
    unread: list[str] = []
    for entry in _env_files(service.get("env_file")):
        path = folder / entry
        if path.is_file():
            environment.update(_variables(path))
        else:
            unread.append(entry)
    own = as_mapping(service.get("environment"), f"{where}.environment")
    passed = {key: variables.get(key) if value is None else value for key, value in own.items()}
    return compose_service(name, {**service, "environment": {**environment, **passed}}, where, tuple(unread))


def _without_content(mount: Any) -> Any:
    """A mount without the text of a file that some platforms let stand in it: that has variables of its own."""
    return {key: value for key, value in mount.items() if key != "content"} if isinstance(mount, dict) else mount


def _env_files(written: Any) -> Iterator[str]:
    for entry in written if isinstance(written, list) else [written]:
        path = entry.get("path") if isinstance(entry, dict) else entry
        if path:
            yield str(path)


def _variables(file: Path) -> dict[str, str]:
    """The assignments of an env file; quotes are taken off, nothing is filled in."""
    if not file.is_file() or not os.access(file, os.R_OK):
        return {}
    values = {}
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        match = _ASSIGNMENT.match(line) if not line.lstrip().startswith("#") else None
        if match:
            text = match[2]
            quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
            values[match[1]] = text[1:-1] if quoted else re.sub(r"\s+#.*\Z", "", text)
    return values
