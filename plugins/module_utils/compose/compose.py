"""The Compose program: what the files of a project say, and what it does or would do with them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..system.failure import HostSideError
from .project import Project

__all__ = [
    "ComposeCall",
    "Compose",
    "compose_version",
    "environment_values",
    "with_dependencies",
]

_PLUGIN_FOLDERS = (
    "/root/.docker/cli-plugins",
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
)
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x1f\x7f-\x9f]+")


# One line of what Compose does: ` DRY-RUN MODE -  Container shop-web-1  Recreate`; a volume stands in quotes.
_ACT = re.compile(r"\b(Container|Network|Volume)\s+\"?([^\s\"]+)\"?\s+([A-Z][A-Za-z]*)")
_RECREATE = {"never": ["--no-recreate"], "auto": [], "always": ["--force-recreate"]}
_AS_IT_IS = ("--no-build", "--pull", "never")


@dataclass(frozen=True)
class ComposeCall:
    """What Compose does, or would do, with one thing: ``kind`` is ``Container``, ``Network`` or ``Volume``.

    ``verb`` is Compose's own word: ``Running`` and ``Created`` for what is there already, ``Creating``, ``Recreate``...
    """

    kind: str
    name: str
    verb: str


class Compose:
    """Compose for one project, as the team itself would call it.

    The program is called without Docker's own front end, which takes half of the time. ``bound`` is in seconds.
    Raises ``HostSideError`` of kind ``compose`` when Compose rejects the files, of kind
    ``docker`` when it is missing or too old.
    """

    def __init__(self, project: Project, *, bound: float = 60.0) -> None:
        self.project = project
        self._bound = bound

    def for_project(self, project: Project) -> Compose:
        """Compose for the same project with something more known of it."""
        return Compose(project, bound=self._bound)

    def describe(self) -> dict[str, Any]:
        """The configuration with all profiles."""
        return dict(json.loads(self._collect(self._start(["--profile", "*", "config", "--format", "json"]))))

    def would_do(self, services: Iterable[str], counts: Mapping[str, int], *, recreate: bool) -> list[ComposeCall]:
        """What ``create`` would do; nothing is touched.

        With ``recreate`` what differs from the files in force is named as recreated. It takes a tenth of a second.
        """
        process = self._start(["--ansi", "never", "--dry-run", *_creating(services, counts, recreate=recreate)])
        return _acts(self._collect(process, both=True))

    def hashes(self, configuration: Mapping[str, Any]) -> dict[str, str]:
        """By service, the hash that Compose gives to a container of this configuration, which ``describe`` told.

        Unlike ``config --hash`` of the files themselves it counts what ``env_file`` says, as ``up`` does. For a service
        that shares something of another one's container it is another hash: there ``up`` puts that container's ID.
        """
        described = Compose(replace(self.project, files=("-",)), bound=self._bound)
        process = described._start(["--profile", "*", "config", "--hash", "*"], fed=True)
        rows = [row.split() for row in described._collect(process, feed=json.dumps(configuration)).splitlines()]
        return {row[0]: row[1] for row in rows if len(row) == 2}

    def create(self, services: Iterable[str], counts: Mapping[str, int], bound: float) -> list[ComposeCall]:
        """Create what is missing of these services, without starting anything or recreating what is there.

        ``counts`` is how many instances there are to be, by service: of these and of all that they depend on, since
        Compose would take away what is more than its files say. What they depend on is created too where it has no
        container. Unlike ``up --no-deps`` it gives a container the very configuration hash that the team's own ``up``
        computes, and unlike ``up`` it runs no one-shot service again (measured with Compose 2.26 and 2.40).
        """
        complaint = self._ended(["--ansi", "never", *_creating(services, counts, recreate=False)], bound)
        return _acts(complaint)

    def environments(self, *, filled_in: bool) -> dict[str, dict[str, str]]:
        """By service, the variables that the files set: with their ``${NAME}`` as they stand there, or filled in.

        Filled in, they may hold secrets.
        """
        words = ["--profile", "*", "config", "--format", "json", *([] if filled_in else ["--no-interpolate"])]
        services = (json.loads(self._collect(self._start(words))).get("services") or {}).items()
        return {name: environment_values(service.get("environment")) for name, service in services}

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

    def up(self, bound: float, *, recreate: str = "never") -> bool:
        """Create and start what is missing of a project of ours, and never of the team's: it would start dependencies.

        What is there is recreated ``never``, ``always``, or where its files have changed (``auto``). Returns whether
        anything was done: of what runs already Compose says no more than that.
        """
        output = self._ended(["--ansi", "never", "up", "--detach", *_RECREATE[recreate], *_AS_IT_IS], bound)
        return any(act.verb != "Running" for act in _acts(output))

    def _ended(self, words: list[str], bound: float) -> str:
        """What Compose said while it brought something about."""
        process = self._start(words)
        try:
            output, complaint = process.communicate(timeout=bound)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise HostSideError(f"Compose did not make the instances within {bound:.0f} s.", kind="compose") from None
        if process.returncode:
            raise HostSideError(f"Compose could not make the instances: {_reason(complaint)}.", kind="compose")
        return output + complaint

    def _start(self, arguments: list[str], *, fed: bool = False) -> subprocess.Popen[str]:
        try:
            return subprocess.Popen(
                [*_program(), *self.project.options, *arguments],
                cwd=self.project.directory,
                env=_environment(),
                stdin=subprocess.PIPE if fed else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
            )
        except (FileNotFoundError, NotADirectoryError):
            raise HostSideError(
                f"The folder {self.project.directory} of project {self.project.name} is missing.", kind="compose"
            ) from None

    def _collect(self, process: subprocess.Popen[str], *, both: bool = False, feed: str | None = None) -> str:
        """Its output, with its complaints where ``both`` are asked for."""
        try:
            output, complaint = process.communicate(feed, timeout=self._bound)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise HostSideError(f"Compose did not answer within {self._bound:.0f} s.", kind="compose") from None
        if process.returncode:
            raise HostSideError(
                f"Compose rejects the files in {self.project.directory}: {_reason(complaint)}.", kind="compose"
            )
        return output + complaint if both else output


def environment_values(written: Any) -> dict[str, str]:
    """An ``environment:`` in either form, ``NAME: value`` or a list of ``NAME=value``; names without a value are none.

    Compose prints the form of the file where it is asked not to fill in references.
    """
    if isinstance(written, list):
        pairs = (str(entry).partition("=") for entry in written)
        return {name: value for name, sign, value in pairs if sign}
    return {name: value for name, value in (written or {}).items() if isinstance(value, str)}


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


def _paths(given: Any) -> list[str]:
    """The paths of an ``env_file`` in each of its forms: a path, a list of them, a list of mappings with ``path``."""
    entries = given if isinstance(given, list) else [given] if given else []
    return [str(entry.get("path", "")) if isinstance(entry, dict) else str(entry) for entry in entries]


def with_dependencies(names: Iterable[str], services: Mapping[str, Any]) -> set[str]:
    """These services and all that they depend on; ``services`` are those of Compose's configuration."""
    known: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in known:
            known.add(name)
            waiting += (services.get(name) or {}).get("depends_on") or {}
    return known


def _creating(services: Iterable[str], counts: Mapping[str, int], *, recreate: bool) -> list[str]:
    kept = [] if recreate else ["--no-recreate"]
    scaled = [word for name, count in sorted(counts.items()) for word in ("--scale", f"{name}={count}")]
    return ["create", *kept, *_AS_IT_IS, *scaled, *sorted(services)]


def _acts(text: str) -> list[ComposeCall]:
    return [ComposeCall(*match.groups()) for match in map(_ACT.search, text.splitlines()) if match]


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
