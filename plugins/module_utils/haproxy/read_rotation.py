"""The balancer for reads of one Project: its files, which replicas it asks, who may reach the primary.

The files say what holds after a restart; the admin socket makes the same true at once. Nothing is reloaded, so no
connection is lost by a change.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from typing import Any

from ..compose.own_names import take_names
from ..docker.containers import Container, find_containers
from ..docker.engine import Engine
from ..docker.program import docker, remove_containers
from ..state.layout import READ_BALANCER
from ..state.project_state import ProjectState
from ..state.state import StateFolder, remove_folder, write_whole
from ..system.failure import HostSideError
from ..system.waiting import waited_for
from .haproxy import AdminSocket

__all__ = ["BACKENDS", "ReadRotation", "config_text", "joined", "left", "servers_of"]

BACKENDS = ("reads", "analytics")
_SETTINGS = "settings.json"
_INSIDE = "/etc/selextract"
_CHECK_PORT = re.compile(r"check port \d+")
_NOBODY = (65534, 65534)
_PAUSE = 0.2
_START_BOUND = 30.0
_REMOVE_BOUND = 15.0


def servers_of(replicas: list[dict[str, Any]], backend: str, options: Mapping[str, str]) -> dict[str, str]:
    """By name, the address and options of the replicas in a backend (X-63).

    Reads go to those that are not for analytics, and analytics to the one that is. Each stands in for the other before
    the primary does. A replica whose host gave its check another port than the others' names that: ``check``.
    """
    wanted = [replica for replica in replicas if bool(replica["analytics"]) == (backend == "analytics")]
    found = {}
    for replica in replicas:
        spare = "" if replica in wanted or not wanted else " backup"
        checked = (
            _CHECK_PORT.sub(f"check port {replica['check']}", options[backend], 1)
            if "check" in replica
            else options[backend]
        )
        found[replica["name"]] = f"{replica['address']}:{replica['port']} {checked}{spare}"
    if backend == "reads" and wanted:
        return {replica["name"]: found[replica["name"]] for replica in wanted}
    return found


def config_text(settings: Mapping[str, Any]) -> str:
    """HAProxy's configuration with the replicas in rotation."""
    text = str(settings["head"])
    for backend in BACKENDS:
        text += settings["backends"][backend]
        servers = servers_of(settings["replicas"], backend, settings["options"])
        text += "".join(f"    server {name} {rest}\n" for name, rest in servers.items())
    return text


def joined(settings: Mapping[str, Any], replica: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with one replica more, or with another role of it."""
    others = [one for one in settings["replicas"] if one["name"] != replica["name"]]
    replicas = sorted([*others, dict(replica)], key=lambda one: str(one["name"]))
    return {**settings, "replicas": replicas, "allowed": sorted({*settings["allowed"], replica["address"]})}


def left(settings: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The settings without one replica, which may not reach the primary any more."""
    gone = [one["address"] for one in settings["replicas"] if one["name"] == name]
    replicas = [one for one in settings["replicas"] if one["name"] != name]
    return {**settings, "replicas": replicas, "allowed": [one for one in settings["allowed"] if one not in gone]}


class ReadRotation:
    """The balancer of one Project. Raises ``HostSideError`` of kind ``balancer``."""

    def __init__(self, folder: StateFolder, socket_path: str, project: str) -> None:
        self._state = ProjectState(folder, project)
        self._socket_path = socket_path
        self._look()

    def _look(self) -> None:
        folder, self.own = self._state.folder, self._state.beside(READ_BALANCER)
        self.place = os.path.join(folder.path, self.own.folder)
        self.settings: dict[str, Any] | None = folder.read(os.path.join(self.own.folder, _SETTINGS))
        self.admin = AdminSocket(os.path.join(self.place, "run", "admin.sock"))

    def container(self) -> Container | None:
        """Its container, where there is one."""
        with Engine(self._socket_path) as engine:
            found = find_containers(engine, self._socket_path, self.own.name)
        return found[0] if found else None

    def matches(self, settings: Mapping[str, Any]) -> bool:
        """Whether the files say that, whatever replicas there are, and HAProxy runs."""
        own = {key: value for key, value in (self.settings or {}).items() if key != "replicas"}
        container = self.container()
        return own == dict(settings) and container is not None and container.running

    def place_files(self, settings: Mapping[str, Any]) -> None:
        """Write all files; HAProxy accepts its own before it takes its place."""
        if take_names(self._state, READ_BALANCER, settings["compose"], self._socket_path):
            self._look()
        config = os.path.join(self.place, "config")
        try:
            for folder in (config, os.path.join(self.place, "run")):
                os.makedirs(folder, mode=0o700, exist_ok=True)
                os.chown(folder, *_NOBODY)
            self._write("config/replicas.acl", "".join(f"{one}\n" for one in settings["allowed"]))
            self._write("config/haproxy.trial", config_text(settings))
            self._check(config, settings)
            os.replace(os.path.join(config, "haproxy.trial"), os.path.join(config, "haproxy.cfg"))
            write_whole(os.path.join(self.place, "compose.yml"), settings["compose"].encode(), mode=0o600)
        except OSError as problem:
            raise HostSideError(f"{self.place} cannot be written ({problem.strerror}).", kind="state") from problem
        self._state.folder.write(os.path.join(self.own.folder, _SETTINGS), dict(settings))
        self.settings = dict(settings)

    def wait(self) -> None:
        """Wait until HAProxy answers on its socket."""
        end = time.monotonic() + _START_BOUND
        while not self.admin.answers:
            if time.monotonic() > end:
                raise HostSideError(f"The balancer did not start. {self._last_words()}", kind="balancer")
            time.sleep(_PAUSE)

    def bring_into_force(self) -> None:
        """Make what the files say true in the running HAProxy: servers that leave are drained first."""
        settings = self.settings or {}
        self._allow(list(settings["allowed"]))
        for backend in BACKENDS:
            wanted = servers_of(settings["replicas"], backend, settings["options"])
            there = self._there(backend)
            for name in sorted(there):
                if name not in wanted or self._moved(there[name], wanted[name]):
                    self._leave(backend, name, float(settings["drain"]))
                    del there[name]
            for name in wanted:
                if name not in there:
                    self._enter(backend, name, wanted[name])

    def drain(self, name: str, bound: float) -> None:
        """Give a replica nothing new and wait for its connections; those that stay longer are ended."""
        for backend in BACKENDS:
            if name in self._there(backend):
                self.admin.tell(f"set server {backend}/{name} state drain")
        for backend in BACKENDS:
            self._empty(backend, name, bound)

    def admit(self, name: str) -> list[str]:
        """Let a drained replica back in as soon as its check finds it good; the backends that it is in."""
        backends = [backend for backend in BACKENDS if name in self._there(backend)]
        for backend in backends:
            self.admin.tell(f"set server {backend}/{name} state ready")
        return backends

    def ready(self, name: str, bound: float) -> None:
        """Let a drained replica back in, and wait until its check has found it good."""
        backends = self.admit(name)

        def up() -> bool:
            return all(self._there(backend)[name]["status"].startswith("UP") for backend in backends)

        if not waited_for(up, bound):
            raise HostSideError(f"The balancer does not take {name} back within {bound:.0f} s.", kind="balancer")

    def status(self) -> list[dict[str, Any]]:
        """Each replica in each backend: its status as HAProxy sees it, its connections, and what its check said."""
        return [
            {"backend": backend, "name": name, "status": row["status"], "sessions": int(row["scur"] or 0),
             "total": int(row["stot"] or 0), "check": row.get("last_chk") or ""}
            for backend in BACKENDS
            for name, row in sorted(self.admin.rows(backend).items())
        ]  # fmt: skip

    def remove(self) -> bool:
        """Take the balancer off this host; whether anything was there."""
        container = self.container()
        if container is not None:
            remove_containers(container.id)
        gone = remove_folder(self.place) or container is not None
        self._state.note_beside(READ_BALANCER, None)
        self._look()
        return gone

    def _allow(self, wanted: list[str]) -> None:
        """Who may reach the primary, by address."""
        name = f"{_INSIDE}/replicas.acl"
        there = [line.split()[-1] for line in self.admin.ask(f"show acl {name}").splitlines() if line.startswith("0x")]
        for address in wanted:
            if address not in there:
                self.admin.ask(f"add acl {name} {address}")
        for address in there:
            if address not in wanted:
                self.admin.ask(f"del acl {name} {address}")

    def _there(self, backend: str) -> dict[str, dict[str, str]]:
        return {name: row for name, row in self.admin.rows(backend).items() if name != "primary"}

    @staticmethod
    def _moved(row: dict[str, str], wanted: str) -> bool:
        spare = wanted.endswith(" backup")
        return row.get("addr") != wanted.split(" ", 1)[0] or (row.get("bck") == "1") != spare

    def _enter(self, backend: str, name: str, rest: str) -> None:
        self.admin.tell(f"add server {backend}/{name} {rest}", "New server registered.")
        self.admin.tell(f"enable health {backend}/{name}")
        self.admin.tell(f"enable server {backend}/{name}")

    def _leave(self, backend: str, name: str, bound: float) -> None:
        self.admin.tell(f"set server {backend}/{name} state drain")
        self._empty(backend, name, bound)
        self.admin.tell(f"set server {backend}/{name} state maint")
        gone = waited_for(lambda: "deleted" in self.admin.ask(f"del server {backend}/{name}"), _REMOVE_BOUND)
        if not gone:
            raise HostSideError(f"The balancer does not let go of {name}.", kind="balancer")

    def _empty(self, backend: str, name: str, bound: float) -> None:
        """Wait until a drained replica has no connection; those that outlast the bound are ended."""

        def empty() -> bool:
            row = self._there(backend).get(name)
            return row is None or int(row["scur"] or 0) == 0

        if not waited_for(empty, bound):
            self.admin.ask(f"shutdown sessions server {backend}/{name}")
            waited_for(empty, _REMOVE_BOUND)

    def _check(self, config: str, settings: Mapping[str, Any]) -> None:
        answer = docker(
            ["run", "--rm", "--network", "none", "--user", "65534:65534", "--volume", f"{config}:{_INSIDE}:ro",
             "--entrypoint", "haproxy", settings["image"], "-c", "-f", f"{_INSIDE}/haproxy.trial"],
            bound=60,
        )  # fmt: skip
        if answer.code:
            said = (answer.text + answer.err.decode("utf-8", "replace")).splitlines()
            lines = [line for line in said if "ALERT" in line] or [answer.complaint]
            raise HostSideError(f"HAProxy rejects its configuration: {lines[0].strip()[:300]}.", kind="balancer")

    def _write(self, name: str, text: str) -> None:
        write_whole(os.path.join(self.place, name), text.encode(), mode=0o600, owner=_NOBODY)

    def _last_words(self) -> str:
        container = self.container()
        if container is None:
            return "It has no container."
        with Engine(self._socket_path) as engine:
            lines = [line.strip() for line in engine.logs(container.id, 20).splitlines() if line.strip()]
        return f"It said: {lines[-1][:200]}" if lines else ""
