"""Which Compose files are in force in a folder, by their names and by what ``.env`` says."""

from __future__ import annotations

import os

from . import dotenv

__all__ = ["CAPACITY_FILE", "environment_bytes", "files_in_force", "has_usual_name", "separator", "usual_files"]

CAPACITY_FILE = "compose.capacity.yml"
_FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_OVERRIDES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)


def files_in_force(directory: str, environment: bytes | None = None) -> list[str]:
    """The Compose files that ``docker compose up`` finds there by itself, in order, relative where they can be.

    ``COMPOSE_FILE`` in ``.env`` decides, or in ``environment`` where other files stand for that, else Compose's default
    names. Which files a team names with ``-f``, its project says (``read_project``).
    """
    content = environment_bytes(directory) if environment is None else environment
    named = dotenv.resolved(content, "COMPOSE_FILE")
    if named:
        return [_relative(name, directory) for name in named.split(separator(content)) if name]
    main, overrides = usual_files(directory)
    return [*main, *overrides[:1]]


def usual_files(directory: str) -> tuple[list[str], list[str]]:
    """The main file that Compose finds by its name, none or one, and the override files beside it, best first.

    Compose reads the first override alone.
    """
    present = set(os.listdir(directory)) if os.path.isdir(directory) else set()
    main = [name for name in _FILES if name in present][:1]
    return main, [name for name in _OVERRIDES if name in present] if main else []


def has_usual_name(path: str) -> bool:
    """Whether Compose finds a file of that name by itself."""
    return os.path.basename(path) in (*_FILES, *_OVERRIDES)


def environment_bytes(directory: str) -> bytes:
    """The content of ``.env``, empty where there is none."""
    try:
        with open(os.path.join(directory, ".env"), "rb") as source:
            return source.read()
    except (FileNotFoundError, NotADirectoryError):
        return b""


def separator(environment: bytes) -> str:
    """What separates the names in ``COMPOSE_FILE``."""
    return dotenv.resolved(environment, "COMPOSE_PATH_SEPARATOR") or ":"


def _relative(name: str, directory: str) -> str:
    if not os.path.isabs(name):
        return name
    inside = os.path.relpath(name, directory)
    return name if inside.startswith("..") else inside
