"""Nginx at the edge: the files that it includes from us, and switches that are files it looks for at each request.

Both are done and undone here.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from typing import Any

from ..compose.capacity_keys import taken_back
from ..docker.containers import Container
from ..docker.engine import Engine
from ..docker.instances import found_instances
from ..state.act import Act, Work, by_state
from ..state.lock import held_run
from ..state.options import DOCKER, STATE, STEP, STEP_IF_PRESENT
from ..state.project_state import EDGE, ProjectState, known_projects
from ..state.runs import RunRecord
from ..state.state import StateFolder
from ..state.undoing import Undoing
from ..system.contained_folder import ContainedFolder
from ..system.failure import HostSideError

__all__ = [
    "EDGE_FILES",
    "EDGE_SWITCH",
    "SWITCHES",
    "Edge",
    "longest_answer",
    "longest_answer_in",
    "undo_edge_files",
    "undo_edge_switches",
]

SWITCHES = ("balancer", "caching", "throttling")
_SWITCH = re.compile(r"[a-z]{1,30}\Z")
_FILE = re.compile(r"selextract\.[a-z]{1,30}\.conf\Z")
_STATUS_MODE = 0o644
_READ_TIMEOUT = re.compile(r"(?:^|[;{}])\s*proxy_read_timeout\s+([^;#\n]+);", re.MULTILINE)
_TIME = re.compile(r"(\d+)\s*(ms|s|m|h|d|w|)")
_UNITS = {"ms": 0.001, "": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}  # seconds
_USUAL_ANSWER = 60.0  # seconds; Nginx' own where nothing is written


class Edge:
    """Our files in the include folder of one Project's Nginx. ``edge.json`` says which of them Nginx has read.

    Raises ``HostSideError`` of kind ``edge`` where Nginx does not accept them; what was there before is there again.
    """

    def __init__(self, folder: StateFolder, socket_path: str, project: str) -> None:
        self._folder = folder
        self._state = ProjectState(folder, project)
        self._socket_path = socket_path

    @property
    def read_by_nginx(self) -> dict[str, Any]:
        """What Nginx has read: ``folder``, ``digest``, ``project`` and ``service``; empty where nothing."""
        return self._state.read(EDGE) or {}

    def files(self, folder: str) -> dict[str, str]:
        """Our files in the folder, by name."""
        place = ContainedFolder(folder)
        ours = {name: place.read(name) for name in place.names() if _FILE.match(name)}
        return {name: content.decode("utf-8", "replace") for name, content in ours.items() if content is not None}

    def differs(self, folder: str, files: dict[str, str]) -> bool:
        """Whether Nginx works with other files of ours than these."""
        known = self.read_by_nginx
        digest = _digest(files) if files else None
        return self.files(folder) != files or known.get("digest") != digest or known.get("folder", folder) != folder

    def write(self, folder: str, files: dict[str, str], project: str, service: str) -> None:
        """Put exactly these files of ours in place, let Nginx check its whole configuration, and let it read them."""
        if any(not _FILE.match(name) for name in files):
            raise HostSideError("A file for Nginx has a name that is not one of ours.", kind="usage")
        if not os.path.isdir(folder):
            raise HostSideError(f"The include folder {folder} is missing on this host.", kind="edge")
        self._refuse_shared(folder)
        before = self.files(folder)
        self._place(folder, files)
        try:
            with Engine(self._socket_path) as engine:
                nginx = _Nginx(engine, self._container(engine, project, service))
                nginx.check(files)
                nginx.reload()
        except HostSideError:
            self._place(folder, before)
            raise
        if files:
            about = {"folder": folder, "digest": _digest(files), "project": project, "service": service}
            self._state.write(EDGE, about)
        else:
            self._state.write(EDGE, None)

    def take_away(self) -> None:
        """Turn every switch off, and take away the files that Nginx has read; it need not run for that."""
        known = self.read_by_nginx
        folder = str(known.get("folder", ""))
        for switch in SWITCHES if folder else ():
            self.switch(folder, switch, False)
        if folder and os.path.isdir(folder):
            with Engine(self._socket_path) as engine:
                runs = self._running(engine, str(known["project"]), str(known["service"])) is not None
            if runs:
                self.write(folder, {}, str(known["project"]), str(known["service"]))
            else:
                self._place(folder, {})
        self._state.write(EDGE, None)

    @staticmethod
    def is_on(folder: str, switch: str) -> bool:
        """Whether a switch is on."""
        return ContainedFolder(folder).status(_flag(switch)) is not None

    @staticmethod
    def switch(folder: str, switch: str, on: bool) -> None:
        """Turn a switch on or off; Nginx follows with its next request."""
        place, name = ContainedFolder(folder), _flag(switch)
        if on:
            place.write(name, f"on since {time.time():.0f}\n".encode(), mode=_STATUS_MODE)
        else:
            place.remove(name)

    def switch_noted(self, record: RunRecord, step_id: str, folder: str, wanted: dict[str, bool]) -> None:
        """Turn switches on or off; how each was is on the disk before."""
        record.start_step_once(step_id, time.time())
        for name, on in wanted.items():
            before = {"folder": folder, "on": self.is_on(folder, name)}
            record.note_inverse(step_id, "edge_switches", {name: before})
            self.switch(folder, name, on)

    def switch_off(self, switch: str) -> None:
        """Turn a switch off in the folder that Nginx has read our files from; nothing where there is none."""
        folder = self.read_by_nginx.get("folder")
        if folder:
            self.switch(str(folder), switch, False)

    def refuse_unread(self, folder: str) -> None:
        """Raise ``HostSideError`` where Nginx has not read the files that give the switches their meaning."""
        known = self.read_by_nginx
        if known.get("folder") != folder or _digest(self.files(folder)) != known.get("digest"):
            raise HostSideError(
                f"Nginx has not read our files in {folder}, so a switch would do nothing.",
                kind="refused",
                rule="mapping",
            )

    def _refuse_shared(self, folder: str) -> None:
        """Raise where another Project's Nginx reads from the folder: our files have the same names in both."""
        for project in known_projects(self._folder):
            known = ProjectState(self._folder, project).read(EDGE) or {}
            if project != self._state.project and known.get("folder") == folder:
                raise HostSideError(
                    f"{folder} has our files for {project} already; each Project needs an include folder of its own.",
                    kind="refused",
                    rule="mapping",
                )

    def _place(self, folder: str, files: dict[str, str]) -> None:
        place = ContainedFolder(folder)
        for name, text in files.items():
            place.write(name, text.encode(), mode=_STATUS_MODE)
        for name in set(self.files(folder)) - set(files):
            place.remove(name)

    def _container(self, engine: Engine, project: str, service: str) -> Container:
        container = self._running(engine, project, service)
        if container is None:
            raise HostSideError(f"{service} does not run, so its configuration cannot be checked.", kind="edge")
        return container

    def _running(self, engine: Engine, project: str, service: str) -> Container | None:
        own = found_instances(engine, self._socket_path, project, service)
        return next((container for container in own if container.running), None)


def longest_answer(engine: Engine, container: Container) -> float | None:
    """The longest that the running Nginx waits for an answer, in seconds; None where it does not show its files."""
    try:
        return longest_answer_in(_Nginx(engine, container).configuration())
    except HostSideError:
        return None


def longest_answer_in(configuration: str) -> float:
    """The largest ``proxy_read_timeout``, in seconds: whichever place it stands at, nobody behind may wait shorter."""
    times = [
        sum(float(number) * _UNITS[unit] for number, unit in _TIME.findall(match[1]))
        for match in _READ_TIMEOUT.finditer(configuration)
    ]
    return max(times, default=_USUAL_ANSWER)


class _Nginx:
    """A running Nginx, called with the arguments that it was started with."""

    def __init__(self, engine: Engine, container: Container) -> None:
        self._engine, self._container = engine, container
        details = engine.inspect(container.id) or {}
        words = [str(details.get("Path") or ""), *map(str, details.get("Args") or [])]
        place = next((index for index, word in enumerate(words) if os.path.basename(word) == "nginx"), None)
        self._command = ["nginx"] if place is None else words[place:]

    def check(self, files: dict[str, str]) -> None:
        """Let it read its whole configuration; it has to accept it, and to include each of ``files``."""
        configuration = self.configuration()
        left_out = [name for name in files if f"/{name}:" not in configuration]
        if left_out:
            raise HostSideError(f"Nginx does not include {', '.join(left_out)} from its folder.", kind="edge")

    def configuration(self) -> str:
        """All files that it reads, as it would read them now. Raises where it does not accept them."""
        code, configuration, complaints = self._engine.run_inside(self._container.id, [*self._command, "-T"])
        if code:
            lines = [line for line in complaints.strip().splitlines() if "[emerg]" in line] or ["no reason was given"]
            raise HostSideError(f"Nginx rejects its configuration: {lines[-1][:300]}.", kind="edge")
        return configuration

    def reload(self) -> None:
        """Let it read its configuration; its old processes finish what they hold."""
        code, _, complaints = self._engine.run_inside(self._container.id, [*self._command, "-s", "reload"])
        if code:
            raise HostSideError(f"Nginx does not reload: {complaints.strip()[-300:]}.", kind="edge")


def _flag(switch: str) -> str:
    if not _SWITCH.match(switch):
        raise HostSideError(f"{switch!r} is not the name of a switch.", kind="usage")
    return f"selextract.{switch}.on"


def _digest(files: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def _place_files(work: Work) -> dict[str, Any]:
    given = work.params
    folder = StateFolder(given["state_folder"])
    edge = Edge(folder, given["docker_socket"], given["project"])
    before = edge.files(given["folder"])
    changed = edge.differs(given["folder"], given["files"])
    if changed and not work.check_mode:
        record = held_run(folder, given["run_id"])
        record.start_step_once(given["step_id"], time.time())
        about = {name: given[name] for name in ("folder", "project", "service")}
        record.note_inverse(given["step_id"], "edge_files", {**about, "files": before})
        record.note_left(given["step_id"], "edge_files", {"files": given["files"]})
        edge.write(given["folder"], given["files"], given["project"], given["service"])
    names = sorted({*before, *given["files"]})
    return {
        "changed": changed,
        "files": sorted(given["files"]),
        "diff": [
            {"before_header": name, "after_header": name, "before": before.get(name, ""), "after": str(after)}
            for name in names
            if before.get(name, "") != (after := given["files"].get(name, ""))
        ],
    }


def _take_files_away(work: Work) -> dict[str, Any]:
    given = work.params
    folder = StateFolder(given["state_folder"])
    names = [given["project"]] if given["project"] else known_projects(folder)
    edges = [edge for name in names if (edge := Edge(folder, given["docker_socket"], name)).read_by_nginx]
    for edge in edges if not work.check_mode else ():
        edge.take_away()
    return {"changed": bool(edges), "files": [], "diff": []}


def undo_edge_files(undoing: Undoing, inverse: dict[str, Any]) -> None:
    """Put the files that Nginx includes back, and let it read them."""
    edge = Edge(undoing.folder, undoing.socket_path, inverse["project"])
    left, files = undoing.left.get("edge_files"), inverse["files"]
    if left is not None:  # version 0.1 did not note it
        files = taken_back(files, left["files"], edge.files(inverse["folder"]))
    if not edge.differs(inverse["folder"], files):
        return
    if not undoing.check:
        edge.write(inverse["folder"], files, inverse["project"], inverse["service"])
    undoing.done.append(f"Our files in {inverse['folder']} are as before.")


def _switch(work: Work) -> dict[str, Any]:
    given = work.params
    folder, name, on = StateFolder(given["state_folder"]), given["name"], given["enabled"]
    edge = Edge(folder, given["docker_socket"], given["project"])
    was = edge.is_on(given["folder"], name)
    if on and not work.check_mode:
        edge.refuse_unread(given["folder"])
    if was != on and not work.check_mode:
        edge.switch_noted(held_run(folder, given["run_id"]), given["step_id"], given["folder"], {name: on})
    return {"changed": was != on, "was": was}


def undo_edge_switches(undoing: Undoing, inverse: dict[str, dict[str, Any]]) -> None:
    """Turn each switch back to where it was."""
    for name, before in sorted(inverse.items()):
        if Edge.is_on(before["folder"], name) == before["on"]:
            continue
        if not undoing.check:
            Edge.switch(before["folder"], name, before["on"])
        undoing.done.append(f"The switch {name} is {'on' if before['on'] else 'off'} again.")


EDGE_FILES = Act(
    "edge_files",
    {
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "folder": {"type": "path"},
        "files": {"type": "dict"},
        "project": {"type": "str"},
        "service": {"type": "str"},
        **STEP_IF_PRESENT,
        **DOCKER,
        **STATE,
    },
    by_state(present=_place_files, absent=_take_files_away),
    rules={"required_if": [("state", "present", ["folder", "files", "project", "service", "run_id", "step_id"])]},
)

EDGE_SWITCH = Act(
    "edge_switch",
    {
        "project": {"type": "str", "required": True},
        "folder": {"type": "path", "required": True},
        "name": {"type": "str", "choices": list(SWITCHES), "required": True},
        "enabled": {"type": "bool", "required": True},
        **STEP,
        **DOCKER,
        **STATE,
    },
    _switch,
)
