"""The Compose program: which files are in force in a project's folder, and what they say."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from . import dotenv
from .failure import HostSideError

__all__ = ["CAPACITY_FILE", "Compose", "compose_version", "files_in_force", "usual_files"]

CAPACITY_FILE = "compose.capacity.yml"
_PLUGIN_FOLDERS = (
    "/root/.docker/cli-plugins",
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
)
_FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_OVERRIDES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x1f\x7f-\x9f]+")


class Compose:
    """Compose for one project in one folder, as the app team itself would call it there.

    The program is called without Docker's own front end, which takes half of the time. ``files`` are those the team
    names with ``-f``, none where Compose finds them itself; ``environment_file`` is what it names instead of ``.env``.
    Raises ``HostSideError`` of kind ``compose`` when Compose rejects the files, of kind
    ``docker`` when it is missing or too old.
    """

    def __init__(
        self,
        project: str,
        directory: str,
        *,
        files: Sequence[str] = (),
        environment_file: str | None = None,
        bound: float = 60.0,
    ) -> None:
        self.project = project
        self.directory = directory
        self._bound = bound
        self._options = ["-p", project, *(part for name in files for part in ("-f", name))]
        if environment_file and os.path.abspath(environment_file) != os.path.join(os.path.abspath(directory), ".env"):
            self._options += ["--env-file", environment_file]

    def describe(self) -> tuple[dict[str, Any], dict[str, str]]:
        """The configuration with all profiles, and each service's configuration hash; both at the same time."""
        everything = ["--profile", "*", "config"]
        definition = self._start([*everything, "--format", "json"])
        hashes = self._start([*everything, "--hash", "*"])
        rows = (row.split() for row in self._collect(hashes).splitlines())
        by_service = {row[0]: row[1] for row in rows if len(row) == 2}
        return json.loads(self._collect(definition)), by_service

    def environments(self, *, filled_in: bool) -> dict[str, dict[str, str]]:
        """By service, the variables that the files set: with their ``${NAME}`` as they stand there, or filled in.

        Filled in, they may hold secrets.
        """
        words = ["--profile", "*", "config", "--format", "json", *([] if filled_in else ["--no-interpolate"])]
        services = (json.loads(self._collect(self._start(words))).get("services") or {}).items()
        return {
            name: {key: value for key, value in (service.get("environment") or {}).items() if isinstance(value, str)}
            for name, service in services
        }

    def environment_files(self) -> dict[str, list[str]]:
        """By service, the paths of its ``env_file``, absolute or from the project's folder.

        Compose 2.22 and later leave them out, unless nothing is filled in.
        """
        words = ["--profile", "*", "config", "--format", "json", "--no-interpolate"]
        services = (json.loads(self._collect(self._start(words))).get("services") or {}).items()
        return {name: _paths(service.get("env_file")) for name, service in services}

    def check(self) -> None:
        """Let Compose read the files, and raise ``HostSideError`` when it does not accept them."""
        self._collect(self._start(["config", "-q"]))

    def up(self, services: Sequence[str], bound: float, *, counts: Mapping[str, int] | None = None) -> None:
        """Create and start what is missing of these services; nothing that runs is recreated, nothing built or pulled.

        ``counts`` is how many instances there are to be, by service, where it is not what the files say. What they
        depend on is named to Compose too: without it the new containers would get another configuration hash.
        """
        scaled = [word for name, count in (counts or {}).items() for word in ("--scale", f"{name}={count}")]
        self._bring(["--detach", *scaled, *services], bound)

    def create(self, services: Sequence[str], bound: float) -> None:
        """As ``up``, but start nothing: Compose waits half a second there for what runs already."""
        self._bring(["--no-start", *services], bound)

    def start_hooks(self) -> frozenset[str]:
        """The services after whose start Compose itself has something to do (``post_start``)."""
        services = json.loads(self._collect(self._start(["config", "--format", "json"]))).get("services") or {}
        return frozenset(name for name, service in services.items() if service.get("post_start"))

    def _bring(self, words: list[str], bound: float) -> None:
        process = self._start(["up", "--no-recreate", "--no-build", "--pull", "never", *words])
        try:
            _, complaint = process.communicate(timeout=bound)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise HostSideError(f"Compose did not start the instances within {bound:.0f} s.", kind="compose") from None
        if process.returncode:
            raise HostSideError(f"Compose could not start the instances: {_reason(complaint)}.", kind="compose")

    def _start(self, arguments: list[str]) -> subprocess.Popen[str]:
        try:
            return subprocess.Popen(
                [*_program(), *self._options, *arguments],
                cwd=self.directory,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
            )
        except (FileNotFoundError, NotADirectoryError):
            raise HostSideError(
                f"The folder {self.directory} of project {self.project} is missing.", kind="compose"
            ) from None

    def _collect(self, process: subprocess.Popen[str]) -> str:
        try:
            output, complaint = process.communicate(timeout=self._bound)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise HostSideError(f"Compose did not answer within {self._bound:.0f} s.", kind="compose") from None
        if process.returncode:
            raise HostSideError(f"Compose rejects the files in {self.directory}: {_reason(complaint)}.", kind="compose")
        return output


def compose_version(bound: float = 15.0) -> str | None:
    """The version of Compose v2 on this host, None when there is none."""
    try:
        answer = subprocess.run(
            [*_program(), "version", "--short"],
            capture_output=True,
            text=True,
            timeout=bound,
            env=_environment(),
            check=True,
        )
    except (HostSideError, OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip().lstrip("v") or None


def files_in_force(directory: str, started_from: tuple[str, ...] = ()) -> list[str]:
    """The Compose files that the team's next ``docker compose up`` there reads, in order, relative where they can be.

    ``COMPOSE_FILE`` in ``.env`` decides, else Compose's default names. ``started_from`` are the files the running
    containers were made from: where they hold one that has no default name, the team names its files with ``-f``, and
    those count.
    """
    environment = environment_bytes(directory)
    named = dotenv.resolved(environment, "COMPOSE_FILE")
    if named:
        return [_relative(name, directory) for name in named.split(separator(environment)) if name]
    main, overrides = usual_files(directory)
    usual = [*main, *overrides[:1]]
    used = [_relative(name, directory) for name in started_from if os.path.basename(name) != CAPACITY_FILE]
    unusual = [name for name in used if name not in _FILES and name not in _OVERRIDES]
    return used if unusual and all(os.path.exists(os.path.join(directory, name)) for name in used) else usual


def usual_files(directory: str) -> tuple[list[str], list[str]]:
    """The main file that Compose finds by its name, none or one, and the override files beside it, best first.

    Compose reads the first override alone.
    """
    present = set(os.listdir(directory)) if os.path.isdir(directory) else set()
    main = [name for name in _FILES if name in present][:1]
    return main, [name for name in _OVERRIDES if name in present] if main else []


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


def _paths(given: Any) -> list[str]:
    """The paths of an ``env_file`` in each of its forms: a path, a list of them, a list of mappings with ``path``."""
    entries = given if isinstance(given, list) else [given] if given else []
    return [str(entry.get("path", "")) if isinstance(entry, dict) else str(entry) for entry in entries]


def _relative(name: str, directory: str) -> str:
    if not os.path.isabs(name):
        return name
    inside = os.path.relpath(name, directory)
    return name if inside.startswith("..") else inside


def _program() -> list[str]:
    for folder in _PLUGIN_FOLDERS:
        path = os.path.join(folder, "docker-compose")
        if os.access(path, os.X_OK):
            return [path]
    raise HostSideError("Docker Compose v2 is not installed on this host.", kind="docker")


def _environment() -> dict[str, str]:
    """A plain environment: what a login happens to carry must not change what Compose reads."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_HOST") if name in os.environ}
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        **kept,
        "LC_ALL": "C.UTF-8",
    }


def _reason(complaint: str) -> str:
    """Compose's last word, on one line; values of an environment, which may be secret, are left out."""
    lines = [_CONTROL.sub(" ", line).strip() for line in complaint.splitlines()]
    last = next((line for line in reversed(lines) if line), "no reason was given").rstrip(".")
    if "environment" in last:
        last = re.sub(r"(['\"]).*\1|: *[^ ]*=.*$", "(not shown)", last)
    return last[:400]
