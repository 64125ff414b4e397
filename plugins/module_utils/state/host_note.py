"""The host as a Run finds it: what is compared after a failure or a rollback, noted before the first act.

It is one list of containers with the details that Docker has of each, and a few small files: 0.1 s on eight containers.
Container IDs, times and restart counts are left out. What may be secret is kept as a digest with a salt of its own.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
from typing import Any

from ..compose import dotenv
from ..compose.capacity import parse
from ..compose.capacity_keys import key_text, keys_of
from ..compose.files_in_force import environment_bytes, files_in_force
from ..compose.our_file import is_ours, our_file
from ..compose.project import read_project
from ..docker.containers import Container, compose_details
from ..docker.engine import Engine
from ..docker.limits import Capability
from ..haproxy.haproxy import AdminSocket
from ..haproxy.rotation import Rotation
from ..nginx.include_files import SWITCHES, Edge
from ..system.amounts import memory
from ..system.failure import HostSideError
from .project_state import EDGE, POOLER, ProjectState, known_projects
from .run_projects import projects_of_run
from .runs import RunRecord
from .state import StateFolder

__all__ = ["NoteOfRun", "look_at_host", "note_after", "note_before"]

_FOLDER = "runs/notes"
_LABEL = "com.docker.compose."
_ANONYMOUS = re.compile(r"[0-9a-f]{64}\Z")
_LIMITS = {
    "Memory": "memory",
    "MemorySwap": "memory with swap",
    "MemoryReservation": "reserved memory",
    "NanoCpus": "cpus",
    "CpuQuota": "CPU quota",
    "CpuPeriod": "CPU period",
    "CpusetCpus": "set of CPUs",
    "PidsLimit": "processes",
}
_OUT_OF_REACH = 2**62  # bytes; no machine has that much, so it limits nothing
_LED_AWAY = ("DRAIN", "MAINT")
_CONTAINER, _COMMAND = "container ", "command digest"
_OF_THE_HOST = ("nginx", "balancer")

Note = dict[str, dict[str, Any]]


class NoteOfRun:
    """What was noted for a Run: ``before`` its first act, and ``after`` it where it was done. It stays on the host."""

    def __init__(self, folder: StateFolder, run_id: str) -> None:
        self._folder = folder
        self._file = f"{_FOLDER}/{run_id}"
        self.content: dict[str, Any] = folder.read(self._file) or {}
        for when in ("before", "after"):
            if when in self.content:
                self.content[when] = _without_own_names(
                    _by_project(self.content[when], RunRecord(folder, run_id).content)
                )

    @property
    def before(self) -> Note | None:
        """The host before the Run, None where nobody could look."""
        return self.content.get("before")

    @property
    def after(self) -> Note | None:
        """The host as the Run left it when it was done, None where it was not."""
        return self.content.get("after")

    @property
    def at_rest(self) -> frozenset[str]:
        """The containers, by name, that did not run when the Run began: who stopped them starts them again, not we."""
        return frozenset(
            subject[len(_CONTAINER) :]
            for subject, about in (self.before or {}).items()
            if subject.startswith(_CONTAINER) and not about["running"]
        )

    def note(self, when: str, socket_path: str) -> None:
        """Look at the host and keep it as ``before``, once, or as ``after``; a host without Docker keeps nothing."""
        if when == "before" and self.before is not None:
            return
        self.content.setdefault("salt", secrets.token_hex(16))
        seen = self.look(socket_path)
        if seen is not None:
            self.content[when] = seen
            os.makedirs(os.path.join(self._folder.path, _FOLDER), mode=0o700, exist_ok=True)
            self._folder.write(self._file, self.content)

    def look(self, socket_path: str) -> Note | None:
        """The host now, comparable with what was noted; None where it cannot be looked at."""
        try:
            note = look_at_host(self._folder, socket_path, str(self.content.get("salt", "")))
        except HostSideError:
            return None
        return _as_far_as(self.before or {}, _without_own_names(note))

    def forget_ended(self) -> None:
        """Remove the notes of Runs whose records are gone."""
        for name in _names(self._folder):
            if not os.path.exists(os.path.join(self._folder.path, "runs", f"{name}.json")):
                self._folder.remove(f"{_FOLDER}/{name}")


def _as_far_as(before: Note, note: Note) -> Note:
    """The note without the commands of containers that ``before`` has without theirs: version 0.1 did not note them."""
    known = {subject for subject, about in before.items() if subject.startswith(_CONTAINER) and _COMMAND not in about}
    return {
        subject: {name: value for name, value in about.items() if subject not in known or name != _COMMAND}
        for subject, about in note.items()
    }


def _without_own_names(note: Note) -> Note:
    """The note without a container's own name among its names on networks: Docker knows it there by that anyway.

    Compose notes it, and an instance that was made beside another one and then got its name does not have it.
    """
    return {
        subject: {**about, "networks": [_other_names(subject[len(_CONTAINER) :], shown) for shown in about["networks"]]}
        if "networks" in about
        else about
        for subject, about in note.items()
    }


def _other_names(container: str, shown: str) -> str:
    network, of, names = shown.partition(" as ")
    names, at, fixed = names.partition(" at ")
    return f"{network}{of}{'/'.join(name for name in names.split('/') if name != container)}{at}{fixed}"


def _by_project(note: Note, run: dict[str, Any]) -> Note:
    """A note of version 0.1, which knew one balancer and one Nginx on a host, in today's words: those of the Run."""
    old = [subject for subject in _OF_THE_HOST if subject in note]
    if not old:
        return note
    kept = {subject: about for subject, about in note.items() if subject not in old}
    for project in sorted(projects_of_run(run))[:1]:
        kept.update({f"{subject} of {project}": {**note[subject], "project": project} for subject in old})
    return kept


def note_before(folder: StateFolder, run_id: str, socket_path: str) -> None:
    """Note the host before the first act of a Run; one that has begun a step already is too late for that."""
    if not RunRecord(folder, run_id).content["steps"]:
        for earlier in _noted_runs(folder) - {run_id}:
            _note_what_it_left(folder, earlier, socket_path)
        NoteOfRun(folder, run_id).note("before", socket_path)


def note_after(folder: StateFolder, run_id: str, status: str, socket_path: str) -> None:
    """Note the host as a Run that is done leaves it, and forget what was noted for Runs that nobody knows any more."""
    if status == "done":
        _note_what_it_left(folder, run_id, socket_path, status)
    NoteOfRun(folder, run_id).forget_ended()


def _note_what_it_left(folder: StateFolder, run_id: str, socket_path: str, status: str = "") -> None:
    """Once, where the Run is done. Docker may not have answered at its end; then the next Run's beginning is as good:
    without it a rollback would take what that one changes for what it could not put back itself.
    """
    note, record = NoteOfRun(folder, run_id), RunRecord(folder, run_id)
    if note.before is None or note.after is not None or not record.exists:
        return
    if (status or record.content.get("status")) == "done":
        note.note("after", socket_path)


def _noted_runs(folder: StateFolder) -> set[str]:
    """Not what a killed process left half written."""
    return {name for name in _names(folder) if not name.startswith(".")}


def _names(folder: StateFolder) -> list[str]:
    path = os.path.join(folder.path, _FOLDER)
    return os.listdir(path) if os.path.isdir(path) else []


def look_at_host(folder: StateFolder, socket_path: str, salt: str) -> Note:
    """Containers of Compose projects, the files of their folders by key, and who is led where.

    Raises ``HostSideError`` where Docker does not answer or a file cannot be read.
    """
    with Engine(socket_path) as engine:
        host = Capability.parse(engine.info())
    note: Note = {}
    folders: dict[str, str] = {}
    containers: list[Container] = []
    for details in compose_details(socket_path):
        labels = (details.get("Config") or {}).get("Labels") or {}
        note[f"{_CONTAINER}{str(details['Name']).lstrip('/')}"] = _container(details, labels, host, salt)
        directory = labels.get(_LABEL + "project.working_dir")
        containers.append(Container.parse(details))
        if directory and os.path.isdir(directory):
            folders.setdefault(directory, str(labels.get(_LABEL + "project")))
    for directory, project in folders.items():
        note.update(_files(directory, project, _in_force(directory, project, containers), salt))
    return {**note, **_led(folder, socket_path, salt)}


def _container(details: dict[str, Any], labels: dict[str, str], host: Capability, salt: str) -> dict[str, Any]:
    config, state = details["Config"], details["State"]
    environment = sorted(map(str, config.get("Env") or []))
    return {
        "project": labels.get(_LABEL + "project"),
        "service": labels.get(_LABEL + "service"),
        "running": bool(state.get("Running")),
        "image": details.get("Image"),
        "environment digest": _digest(environment, salt),
        _COMMAND: _digest(config.get("Cmd"), salt),
        **_limits(details["HostConfig"], host),
        "mounts": sorted(map(_mount, details.get("Mounts") or [])),
        "networks": sorted(_networks(details)),
    }


def _limits(given: dict[str, Any], host: Capability) -> dict[str, Any]:
    """The limits that limit something: none, and as much as the host has, are the same."""
    limits: dict[str, Any] = {name: given.get(name) or None for name in _LIMITS}
    highest = {"Memory": host.memory, "MemorySwap": host.swap, "NanoCpus": round(host.cpus * 1e9)}
    for name, total in highest.items():
        value = limits[name]
        if value is not None and (value < 0 or value >= total or value >= _OUT_OF_REACH):
            limits[name] = None
    if limits["Memory"] is None:  # Docker's own notion of swap follows the memory
        limits["MemorySwap"] = None
    if limits["PidsLimit"] is not None and limits["PidsLimit"] < 0:
        limits["PidsLimit"] = None
    return {word: _in_words(name, limits[name]) for name, word in _LIMITS.items()}


def _in_words(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name.startswith("Memory"):
        return memory(value)
    return value / 1e9 if name == "NanoCpus" else value


def _mount(mount: dict[str, Any]) -> str:
    name = str(mount.get("Name") or mount.get("Source") or "")
    source = "a volume of its own" if _ANONYMOUS.match(name) else name
    return f"{mount.get('Destination')} from {source}{'' if mount.get('RW') else ', read only'}"


def _networks(details: dict[str, Any]) -> list[str]:
    short = str(details["Id"])[:12]
    found = []
    for name, about in ((details.get("NetworkSettings") or {}).get("Networks") or {}).items():
        aliases = sorted({str(alias) for alias in about.get("Aliases") or []} - {short})
        fixed = (about.get("IPAMConfig") or {}).get("IPv4Address") or ""
        found.append(f"{name} as {'/'.join(aliases)}{' at ' + fixed if fixed else ''}")
    return found


def _in_force(directory: str, project: str, containers: list[Container]) -> list[str]:
    """The Compose files there; those that Compose finds where it cannot be told how the team calls it."""
    try:
        known = read_project(containers, project, directory)
    except HostSideError:
        return files_in_force(directory)
    return known.named_files if known.directory == directory else files_in_force(directory)


def _files(directory: str, project: str, in_force: list[str], salt: str) -> Note:
    """The files that make the project, with their modes: ours and ``.env`` by key, the team's own as a whole."""
    note: Note = {}
    names = [*in_force, ".env", our_file(directory)]
    for name in dict.fromkeys(names):
        path = os.path.join(directory, name)
        if not os.path.isfile(path):
            continue
        about = os.stat(path)
        owner = f"{about.st_uid}:{about.st_gid} {about.st_mode & 0o7777:o}"
        attributes: dict[str, Any] = {"project": project, "owner and mode": owner}
        if name == ".env":
            attributes.update(_entries(environment_bytes(directory), salt))
        else:
            attributes.update(_content(directory, name, salt), ours=is_ours(directory, name))
        note[f"file {path}"] = attributes
    return note


def _entries(content: bytes, salt: str) -> dict[str, Any]:
    rest = content
    digests = {}
    for entry in reversed(dotenv.entries(content)):
        digests[f"{entry.key} digest"] = _digest(entry.raw.decode("latin-1"), salt)
        rest = rest[: entry.start] + rest[entry.end :]
    return {**digests, "the rest digest": _digest(rest.decode("latin-1"), salt)}


def _content(directory: str, name: str, salt: str) -> dict[str, Any]:
    with open(os.path.join(directory, name), encoding="utf-8", errors="replace") as source:
        text = source.read()
    if is_ours(directory, name):
        try:
            services = parse(text).get("services") or {}
        except HostSideError:
            services = {}
        if services:
            return {f"{key_text(key)} digest": _digest(value, salt) for key, value in keys_of(services).items()}
    return {"content digest": _digest(text, salt)}


def _led(folder: StateFolder, socket_path: str, salt: str) -> Note:
    """Who is led where, by Project: Nginx's switches and files of ours, the balancer's servers, PgBouncer."""
    note: Note = {}
    for project in known_projects(folder):
        note.update(_led_of(folder, socket_path, salt, project))
    return note


def _led_of(folder: StateFolder, socket_path: str, salt: str, project: str) -> Note:
    note: Note = {}
    state, edge = ProjectState(folder, project), Edge(folder, socket_path, project)
    place = str((state.read(EDGE) or {}).get("folder") or "")
    if place:
        switches = {f"switch {name}": "on" if edge.is_on(place, name) else "off" for name in SWITCHES}
        note[f"nginx of {project}"] = {"project": project, "files digest": _digest(edge.files(place), salt), **switches}
    rotation = Rotation(folder, socket_path, project)
    if rotation.settings is not None:
        away = [name for name, server in _servers(rotation.admin).items() if server.startswith(_LED_AWAY)]
        led = sorted(set(rotation.servers) - set(away))
        about = {"settings digest": _digest(rotation.digest, salt), "servers": led}
        note[f"balancer of {project}"] = {"project": project, **about}
    settings = state.read(POOLER)
    if settings is not None:
        note[f"pgbouncer of {project}"] = {"project": project, "settings digest": _digest(settings, salt)}
    return note


def _servers(admin: AdminSocket) -> dict[str, str]:
    try:
        return {name: server.status for name, server in admin.servers().items()}
    except HostSideError:
        return {}


def _digest(value: Any, salt: str) -> str:
    text = json.dumps(value, sort_keys=True)
    return hmac.new(salt.encode(), text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]
