"""The rotation: which instances of the API get requests from a Project's balancer, now and after its restart.

An instance gets requests only after its own health has answered, and it is stopped only after it holds none.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any

from ..docker.containers import Container, find_containers
from ..docker.engine import Engine
from ..docker.instances import instances_of
from ..state.act import Act, Work
from ..state.layout import BALANCER
from ..state.lock import held_run
from ..state.options import DOCKER, STATE, STEP
from ..state.state import StateFolder
from ..system.failure import HostSideError
from ..system.probe import complaint_of
from .haproxy import Server
from .proxy import OwnProxy

__all__ = ["BALANCER_SERVER", "Rotation", "config_text"]

_PAUSE = 0.2  # seconds between two looks
_DRAIN = 70.0  # seconds that an instance may hold requests, where the balancer's settings do not say


class Rotation(OwnProxy):
    """The balancer of one Project on this host, if there is one.

    ``settings.json`` says what it was started with: ``project`` and ``service`` of the app, ``network``, ``port`` and
    ``path`` of an instance, ``options`` of a server, ``rise``, ``config`` (the text before the servers), ``servers``;
    ``drain``, how long answers may go on when an instance leaves, and ``answer``, how long one is waited for (seconds).
    Raises ``HostSideError`` of kind ``balancer``, or ``gate`` for an instance whose health does not answer in time.
    """

    component = BALANCER

    def __init__(self, folder: StateFolder, socket_path: str, project: str) -> None:
        super().__init__(folder, socket_path, project)
        self.cut = 0
        """How many answers were cut, because they still went on when their instance had to leave."""

    def text_of(self, settings: Mapping[str, Any]) -> str:
        """HAProxy's configuration with the servers in rotation."""
        return config_text(settings)

    @property
    def drain(self) -> float:
        """For how many seconds answers may go on when an instance leaves."""
        return float((self.settings or {}).get("drain", _DRAIN))

    @property
    def longest(self) -> float:
        """For how many seconds a request without an answer is waited for."""
        return max(self.drain, float((self.settings or {}).get("answer", 0.0)))

    def serves(self, project: str, service: str) -> bool:
        """Whether requests to that service come from the balancer."""
        return self.settings is not None and (self.settings["project"], self.settings["service"]) == (project, service)

    @property
    def digest(self) -> str | None:
        """What tells the balancer's files, without the servers, from others; None where there is no balancer."""
        if self.settings is None:
            return None
        settings = {name: value for name, value in self.settings.items() if name != "servers"}
        return hashlib.sha256(json.dumps([self.compose_text, settings], sort_keys=True).encode()).hexdigest()

    @property
    def servers(self) -> list[str]:
        """The names in rotation, as they are after a restart."""
        return list(self.settings["servers"]) if self.settings else []

    def join(self, containers: list[Container], bound: float) -> list[str]:
        """Take instances into rotation, each as soon as its own health answers; returns those that were not in it.

        All those that are healthy in time are in it, even where one of them is not.
        """
        joining = [one for one in containers if self._mine(one)]
        known = self.admin.servers() if joining else {}
        waiting = {one.name: one for one in joining if not self._serves_there(known.get(one.name), one)}
        entered: list[str] = []
        answered: dict[str, int] = {}
        until = time.monotonic() + bound
        complaint = ""
        while waiting:
            for name, container in list(waiting.items()):
                address = self._address(container)
                problem = self._complaint(address) if address else f"{name} has no address on the app's network"
                answered[name] = 0 if problem else answered.get(name, 0) + 1
                complaint = problem or complaint
                if answered[name] >= int(self._set("rise")):
                    self.admin.enter(name, address, int(self._set("port")), str(self._set("options")))
                    entered.append(name)
                    del waiting[name]
            if waiting and time.monotonic() > until:
                break
            if waiting:
                time.sleep(_PAUSE)
        self._remember([*self.servers, *(one.name for one in joining if one.name not in waiting)])
        if waiting:
            raise HostSideError(
                f"{', '.join(sorted(waiting))} did not get healthy within {bound:.0f} s: {complaint}.", kind="gate"
            )
        return entered

    def leave(self, names: list[str], bound: float) -> list[str]:
        """Take instances out of rotation when they hold no request any more; returns those that were in it.

        Answers that still go on after ``bound`` seconds are cut: see ``AdminSocket.finish``.
        """
        if self.settings is None:
            return []
        there = self.admin.servers()
        leaving = [name for name in names if name in there]
        if leaving and not [one for one in there.values() if one.serving and one.name not in leaving]:
            raise HostSideError(
                "No other instance serves, so the last one is not taken out of rotation.", kind="refused", rule="LB-03"
            )
        self.cut += self.admin.drain(leaving, bound, max(bound, self.longest))
        for name in leaving:
            self.admin.remove(name)
        self._remember([name for name in self.servers if name not in names])
        return leaving

    def spare(self, container: Container) -> bool:
        """Take an instance out of rotation for a while, where others serve; returns whether it was in it."""
        if not self._mine(container):
            return False
        others = [one for one in self.admin.servers().values() if one.serving and one.name != container.name]
        return bool(others) and bool(self.leave([container.name], self.drain))

    def forget(self, name: str) -> bool:
        """Drop the name of an instance that has another by now, and is in rotation under that; whether it was known.

        No answer is cut: what came under the old name is finished by the balancer's old process.
        """
        if name not in self.servers:
            return False
        self._remember([other for other in self.servers if other != name])
        self.reload()
        return True

    def settle(self) -> bool:
        """Let the balancer read its file again, so that each server is followed by name; returns whether it had to.

        A server that was added at run time is known by its address only, which changes when the app recreates it.
        """
        if self.settings is None or not self.admin.unnamed():
            return False
        self.reload()
        return True

    def _remember(self, names: list[str]) -> None:
        """Keep the rotation for the next start: HAProxy accepts the file before it takes its place."""
        if self.settings is None:
            return
        settings = {**self.settings, "servers": list(dict.fromkeys(names))}
        if settings != self.settings:
            self.accept(settings)

    def _mine(self, container: Container) -> bool:
        return container.running and self.serves(str(container.project), str(container.service))

    def _serves_there(self, server: Server | None, container: Container) -> bool:
        """Whether the balancer sends requests to where the instance is now."""
        where = f"{self._address(container)}:{self._set('port')}"
        return server is not None and server.serving and server.address == where

    def _address(self, container: Container) -> str:
        with Engine(self._socket_path) as engine:
            details = engine.inspect(container.id) or {}
        networks = (details.get("NetworkSettings") or {}).get("Networks") or {}
        return str((networks.get(self._set("network")) or {}).get("IPAddress") or "")

    def _complaint(self, address: str) -> str | None:
        return complaint_of(f"http://{address}:{self._set('port')}{self._set('path')}")

    def _set(self, name: str) -> Any:
        return (self.settings or {})[name]


def config_text(settings: Mapping[str, Any]) -> str:
    """HAProxy's configuration with the servers in rotation, each by the name that Docker's DNS knows it by."""
    lines = [f"    server {name} {name}:{settings['port']}\n" for name in settings["servers"]]
    return str(settings["config"]) + "".join(lines)


def _rotate(work: Work) -> dict[str, Any]:
    given = work.params
    folder = StateFolder(given["state_folder"])
    rotation = Rotation(folder, given["docker_socket"], given["project"])
    if not rotation.serves(given["project"], given["service"]):
        return {"changed": False, "entered": [], "servers": []}
    with Engine(given["docker_socket"]) as engine:
        found = find_containers(engine, given["docker_socket"], given["project"])
    instances = [one for one in instances_of(found, given["project"], given["service"]) if one.running]
    if work.check_mode:
        entered = [one.name for one in instances if one.name not in rotation.servers]
        return {"changed": bool(entered), "entered": entered, "servers": rotation.servers}
    held_run(folder, given["run_id"])
    entered = rotation.join(instances, given["bound_seconds"])
    settled = given["settle"] and rotation.settle()
    return {"changed": bool(entered) or settled, "entered": entered, "servers": rotation.servers}


BALANCER_SERVER = Act(
    "balancer_server",
    {
        "project": {"type": "str", "required": True},
        "service": {"type": "str", "required": True},
        "bound_seconds": {"type": "float", "default": 120},
        "settle": {"type": "bool", "default": False},
        **STEP,
        **DOCKER,
        **STATE,
    },
    _rotate,
)
