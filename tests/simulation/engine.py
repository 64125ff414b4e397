"""A Docker engine in memory: containers, images, networks and volumes, asked through the paths of its API."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.simulation.clock import SimulatedClock

__all__ = ["RefusalError", "SimulatedEngine"]

_CONTAINER = re.compile(r"/containers/(?P<name>[^/]+)(?:/(?P<act>\w+))?\Z")
_CONFIG = (
    "Hostname", "Env", "Cmd", "Entrypoint", "Labels", "Healthcheck", "ExposedPorts", "StopTimeout", "User", "Volumes",
    "StopSignal", "WorkingDir", "Tty", "MacAddress",
)  # fmt: skip
_EVENTS = "/events"
_ADDRESS = re.compile(r"://[^@/]+@([a-z0-9_.-]+):\d+/")
_DEFAULTS: Mapping[str, Any] = {"Memory": 0, "MemorySwap": 0, "MemoryReservation": 0, "NanoCpus": 0, "CpuQuota": 0}
_NO_CONTENT = 204


class RefusalError(Exception):
    """The engine says no, with an HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class SimulatedEngine:
    """``ready_after`` is by service how many seconds after its start a container is healthy; None for never.

    A container of a ``sick`` service that is started for the first time never gets healthy. ``uses`` is by service the
    memory that its containers use, in bytes. ``outages`` has each service whose last serving instance was stopped.
    """

    clock: SimulatedClock
    memory: int = 8 * 2**30
    cpus: int = 4
    containers: dict[str, dict[str, Any]] = field(default_factory=dict)
    images: dict[str, dict[str, Any]] = field(default_factory=dict)
    networks: set[str] = field(default_factory=set)
    volumes: dict[str, str] = field(default_factory=dict)
    ready_after: dict[str, float | None] = field(default_factory=dict)
    uses: dict[str, int] = field(default_factory=dict)
    sick: set[str] = field(default_factory=set)
    sick_since: set[str] = field(default_factory=set)
    oom: list[dict[str, Any]] = field(default_factory=list)
    execs: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    stopped_by_hand: set[str] = field(default_factory=set)
    made: int = 0
    programs: dict[str, Any] = field(default_factory=dict)
    """What the programs in containers know, by names of theirs; each value is replaced, never changed."""
    volumes_folder: Path = Path()
    outages: list[str] = field(default_factory=list)
    run: Callable[[dict[str, Any], list[str]], tuple[int, str]] = field(default=lambda _container, _words: (0, ""))
    begin: Callable[[dict[str, Any]], None] = field(default=lambda _container: None)
    """Called for each container that starts."""
    serves: Callable[[dict[str, Any]], bool] = field(default=lambda _container: True)
    """Whether the program in a container that is up does its work."""
    _before: dict[str, dict[str, Any]] | None = None

    # -- the API

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """Status and content of an answer."""
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        try:
            status, content = self._routed(method, parts.path, query, json.loads(body) if body else {})
        except RefusalError as refusal:
            return refusal.status, json.dumps({"message": str(refusal)}).encode()
        if isinstance(content, bytes):
            return status, content
        if parts.path == _EVENTS:
            return status, b"\n".join(json.dumps(event).encode() for event in content)
        return status, b"" if status == _NO_CONTENT else json.dumps(content).encode()

    def remember(self) -> None:
        """Keep how it is now, for an answer that is old later."""
        self._before = copy.deepcopy(self.containers)

    def old_answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """An answer from what was remembered."""
        if self._before is None:
            return self.answer(method, path, body)
        now, self.containers = self.containers, self._before
        try:
            return self.answer(method, path, body)
        finally:
            self.containers = now

    def _routed(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        if path == "/containers/json":
            return 200, self._listed(json.loads(query["filters"])["label"])
        if path == "/info":
            return 200, {"MemTotal": self.memory, "NCPU": self.cpus, "SwapLimit": True}
        if path == "/version":
            return 200, {"ApiVersion": "1.45"}
        if path == _EVENTS:
            since, until = float(query["since"]), float(query["until"])
            return 200, [event for event in self.oom if since <= event["timeNano"] / 1e9 <= until]
        if path == "/containers/create":
            return 201, {"Id": self.create(query["name"], body)}
        if path.startswith("/images/"):
            return 200, self._image(method, unquote(path.removeprefix("/images/")), query)
        if path.startswith("/networks/"):
            self._connect(unquote(path.split("/")[2]), body)
            return 200, {}
        if path.startswith("/exec/"):
            return self._exec(path)
        match = _CONTAINER.match(path)
        if match is None:
            raise RefusalError(404, f"page not found: {path}")
        return self._container(method, match["act"] or "", self.found(unquote(match["name"])), query, body)

    def _container(
        self, method: str, act: str, container: dict[str, Any], query: dict[str, str], body: dict[str, Any]
    ) -> tuple[int, Any]:
        answers: dict[str, Callable[[], tuple[int, Any]]] = {
            "json": lambda: (200, self.seen(container)),
            "exec": lambda: self._asked_to_run(container, body),
            "logs": lambda: (200, b""),
        }
        if act in answers:
            return answers[act]()
        if method == "DELETE":
            self.remove(container, volumes=query.get("v") == "1")
        elif act == "rename":
            if query["name"] in self.names:
                raise RefusalError(409, f"the container name {query['name']} is already in use")
            container["Name"] = f"/{query['name']}"
        elif act == "update":
            self._update(container, body)
            return 200, {"Warnings": []}
        elif act == "start":
            self.start(container)
        elif act in ("stop", "restart"):
            self.stop(container, by_hand=True)
            if act == "restart":
                self.start(container)
        else:
            raise RefusalError(404, f"page not found: {act}")
        return _NO_CONTENT, None

    def _asked_to_run(self, container: dict[str, Any], body: dict[str, Any]) -> tuple[int, Any]:
        number = f"{len(self.execs) + 1}"
        self.execs[number] = (container["Id"], [str(word) for word in body["Cmd"]])
        return 201, {"Id": number}

    # -- what is there

    @property
    def names(self) -> dict[str, dict[str, Any]]:
        """Containers by name."""
        return {str(container["Name"])[1:]: container for container in self.containers.values()}

    def found(self, name: str) -> dict[str, Any]:
        """A container by ID or name."""
        container = self.containers.get(name) or self.names.get(name)
        if container is None:
            raise RefusalError(404, f"No such container: {name}")
        return container

    def seen(self, container: dict[str, Any]) -> dict[str, Any]:
        """What ``inspect`` says of it now."""
        state = container["State"]
        if "Healthcheck" not in container["Config"]:
            return container
        return {**container, "State": {**state, "Health": {"Status": self._health(container)}}}

    def healthy(self, container: dict[str, Any]) -> bool:
        """Whether it serves: it is up, its program does its work, and it reaches what its environment leads to."""
        return self.up(container) and self.serves(container) and self.reaches(container)

    def reaches(self, container: dict[str, Any]) -> bool:
        """Whether each address in its environment is that of a container that serves."""
        return all(
            any(self.up(other) and self.serves(other) for other in self.known_as(host)) for host in _hosts(container)
        )

    def pointing_to(self, container: dict[str, Any]) -> list[dict[str, Any]]:
        """The running containers whose environment leads to this one."""
        return [
            other
            for other in self.containers.values()
            if other["State"]["Running"] and any(container in self.known_as(host) for host in _hosts(other))
        ]

    def known_as(self, name: str) -> list[dict[str, Any]]:
        """The containers that a name on a network leads to."""
        return [
            one
            for one in self.containers.values()
            if str(one["Name"])[1:] == name
            or any(name in about["Aliases"] for about in one["NetworkSettings"]["Networks"].values())
        ]

    def addresses(self, container: dict[str, Any]) -> list[str]:
        """Its addresses on its networks."""
        return [about["IPAddress"] for about in container["NetworkSettings"]["Networks"].values()]

    def up(self, container: dict[str, Any]) -> bool:
        """Whether it runs, and for as long as its service takes to come up."""
        ready = self.ready_after.get(self.service_of(container), 1.0)
        if ready is None or container["Id"] in self.sick_since or not container["State"]["Running"]:
            return False
        return bool(self.clock.now >= container["started"] + ready)

    def service_of(self, container: dict[str, Any]) -> str:
        """The service that it is an instance of."""
        return str((container["Config"].get("Labels") or {}).get("com.docker.compose.service", ""))

    def by_process(self, pid: int) -> dict[str, Any] | None:
        """The container whose first process has that ID."""
        return next((one for one in self.containers.values() if one["State"]["Pid"] == pid and pid), None)

    def _health(self, container: dict[str, Any]) -> str:
        if not container["State"]["Running"]:
            return "unhealthy"
        if self.healthy(container):
            return "healthy"
        return "starting" if self.ready_after.get(self.service_of(container), 1.0) is not None else "unhealthy"

    def _listed(self, labels: list[str]) -> list[dict[str, Any]]:
        pairs = [label.partition("=") for label in labels]
        listed = []
        for container in self.containers.values():
            own = container["Config"].get("Labels") or {}
            if all(name in own and (not sign or own[name] == value) for name, sign, value in pairs):
                state = container["State"]["Status"]
                health = f" ({self._health(container)})" if "Healthcheck" in container["Config"] else ""
                health = health.replace("(starting)", "(health: starting)")
                listed.append({
                    "Id": container["Id"], "Names": [container["Name"]], "ImageID": container["Image"],
                    "State": state,
                    "Status": f"Up 1 second{health}" if state == "running" else "Exited (0)",
                })  # fmt: skip
        return listed

    # -- what changes it

    def create(self, name: str, body: dict[str, Any]) -> str:
        """Create a container; refuses what the real one refuses, and leaves nothing then."""
        if name in self.names:
            raise RefusalError(409, f"the container name {name} is already in use")
        image = self._known_image(str(body["Image"]))
        host = {**_DEFAULTS, **copy.deepcopy(body.get("HostConfig") or {})}
        _refuse_limits(host)
        self.made += 1
        identity = hashlib.sha256(f"container {self.made}".encode()).hexdigest()
        config = {key: copy.deepcopy(body[key]) for key in _CONFIG if body.get(key) is not None}
        config["Image"] = body["Image"]
        config.setdefault("Hostname", identity[:12])
        config.setdefault("Env", [])
        endpoints = (body.get("NetworkingConfig") or {}).get("EndpointsConfig") or {}
        self.containers[identity] = {
            "Id": identity, "Name": f"/{name}", "Image": image["Id"], "Created": self.clock.moment(),
            "Path": "", "Args": [], "RestartCount": 0, "started": 0.0,
            "State": {"Status": "created", "Running": False, "Pid": 0, "StartedAt": "0001-01-01T00:00:00Z"},
            "Config": config, "HostConfig": host, "Mounts": self._mounts(host, config, identity),
            "NetworkSettings": {
                "Networks": {network: _endpoint(about, identity) for network, about in endpoints.items()}
            },
        }  # fmt: skip
        return identity

    def start(self, container: dict[str, Any]) -> None:
        """Start it; only here the engine finds that a port or an address is taken."""
        if container["State"]["Running"]:
            return
        for other in self.containers.values():
            if other is not container and other["State"]["Running"]:
                taken = _ports(container) & _ports(other)
                if taken:
                    raise RefusalError(500, f"Bind for 0.0.0.0:{min(taken)} failed: port is already allocated")
        self.made += 1
        self.stopped_by_hand.discard(container["Id"])
        if self.service_of(container) in self.sick and not container["started"]:
            self.sick_since.add(container["Id"])
        container["started"] = self.clock.now
        for about in container["NetworkSettings"]["Networks"].values():
            about["IPAddress"] = f"172.18.{self.made // 250}.{self.made % 250 + 2}"
        container["State"] = {
            "Status": "running", "Running": True, "Pid": 10_000 + self.made, "StartedAt": self.clock.moment(),
        }  # fmt: skip
        self.begin(container)

    def stop(self, container: dict[str, Any], *, by_hand: bool) -> None:
        """Stop it."""
        if container["State"]["Running"]:
            self.clock.sleep(0.3)
        services = {self.service_of(container), *map(self.service_of, self._led_through(container))}
        served = [service for service in sorted(services) if self._serving(service)]
        container["State"] = {
            "Status": "exited", "Running": False, "Pid": 0, "StartedAt": container["State"]["StartedAt"],
        }  # fmt: skip
        if by_hand:
            self.stopped_by_hand.add(container["Id"])
            self.outages += [service for service in served if not self._serving(service)]

    def _led_through(self, container: dict[str, Any]) -> list[dict[str, Any]]:
        """The containers that would be out without this one, where it is one of ours; a database has its pauses."""
        project = str((container["Config"].get("Labels") or {}).get("com.docker.compose.project", ""))
        return self.pointing_to(container) if project.startswith("shop-") else []

    def _serving(self, service: str) -> bool:
        own = [one for one in self.containers.values() if self.service_of(one) == service]
        return any(self.healthy(one) if "Healthcheck" in one["Config"] else one["State"]["Running"] for one in own)

    def remove(self, container: dict[str, Any], *, volumes: bool = False, force: bool = False) -> None:
        """Remove a stopped container."""
        if container["State"]["Running"] and not force:
            raise RefusalError(409, "cannot remove container: container is running")
        del self.containers[container["Id"]]
        for mount in container["Mounts"] if volumes else []:
            if mount["Type"] == "volume" and mount.get("anonymous") and not self._used(mount["Name"]):
                self.volumes.pop(mount["Name"], None)

    def reboot(self) -> None:
        """All stops, and what is to come back comes back."""
        running = [one for one in self.containers.values() if one["State"]["Running"]]
        for container in running:
            self.stop(container, by_hand=False)
        self.clock.sleep(30.0)
        for container in list(self.containers.values()):
            policy = ((container["HostConfig"].get("RestartPolicy") or {}).get("Name")) or "no"
            came = container in running or policy == "always"
            if policy in ("always", "unless-stopped") and came and container["started"]:
                self.start(container)

    def _used(self, volume: str) -> bool:
        return any(mount.get("Name") == volume for one in self.containers.values() for mount in one["Mounts"])

    def _mounts(self, host: dict[str, Any], config: dict[str, Any], identity: str) -> list[dict[str, Any]]:
        mounts = []
        for bind in host.get("Binds") or []:
            source, target, *mode = str(bind).split(":")
            kind = "bind" if source.startswith("/") else "volume"
            mounts.append(_mount(kind, source, target, writable="ro" not in mode))
        for entry in host.get("Mounts") or []:
            named = entry.get("Source")
            source = str(named or hashlib.sha256(f"{identity} {entry['Target']}".encode()).hexdigest())
            mounts.append(_mount(entry["Type"], source, entry["Target"], writable=not entry.get("ReadOnly")))
        covered = {mount["Destination"] for mount in mounts}
        for target in config.get("Volumes") or {}:
            if target not in covered:
                name = hashlib.sha256(f"{identity} {target}".encode()).hexdigest()
                mounts.append(_mount("volume", name, target, writable=True))
        for mount in mounts:
            if mount["Type"] == "volume":
                mount["anonymous"] = bool(re.fullmatch(r"[0-9a-f]{64}", mount["Name"]))
                mount["Source"] = str(self.volumes_folder / mount["Name"])
                self.volumes.setdefault(mount["Name"], f"empty since {identity[:6]}")
        return mounts

    def _update(self, container: dict[str, Any], body: dict[str, Any]) -> None:
        host = {**container["HostConfig"], **body}
        _refuse_limits(host)
        if "NanoCpus" in body and container["HostConfig"].get("CpuQuota"):
            raise RefusalError(400, "Conflicting options: Nano CPUs and CPU Period cannot both be set.")
        memory, used = host["Memory"], self.uses.get(self.service_of(container), 0)
        if body.get("Memory") and container["State"]["Running"] and 0 < memory < used:
            raise RefusalError(500, "failed to write memory.limit_in_bytes: device or resource busy")
        container["HostConfig"] = host

    def _connect(self, network: str, body: dict[str, Any]) -> None:
        if network not in self.networks:
            raise RefusalError(404, f"network {network} not found")
        container = self.found(str(body["Container"]))
        container["NetworkSettings"]["Networks"][network] = _endpoint(body["EndpointConfig"], container["Id"])

    def _exec(self, path: str) -> tuple[int, Any]:
        number = path.split("/")[2]
        container, words = self.execs[number]
        known = self.containers.get(container)
        code, output = self.run(known, words) if known and known["State"]["Running"] else (126, "")
        if path.endswith("/start"):
            content = output.encode()
            return 200, b"\x01\0\0\0" + len(content).to_bytes(4, "big") + content if content else b""
        return 200, {"ExitCode": code}

    # -- images

    def _known_image(self, name: str) -> dict[str, Any]:
        for image in self.images.values():
            if name in (image["Id"], *image["RepoTags"]) or f"{name}:latest" in image["RepoTags"]:
                return image
        raise RefusalError(404, f"No such image: {name}")

    def _image(self, method: str, path: str, query: dict[str, str]) -> Any:
        name = path.removesuffix("/json").removesuffix("/tag")
        image = self._known_image(name)
        if method == "POST":
            tag = f"{query['repo']}:{query['tag']}"
            for other in self.images.values():
                other["RepoTags"] = [known for known in other["RepoTags"] if known != tag]
            image["RepoTags"].append(tag)
        elif method == "DELETE":
            if name == image["Id"]:
                raise RefusalError(409, "image is referenced")
            image["RepoTags"].remove(name)
            used = any(one["Image"] == image["Id"] for one in self.containers.values())
            if not image["RepoTags"] and not used:
                del self.images[image["Id"]]
        return image


@lru_cache(maxsize=1024)
def _host_in(entry: str) -> str | None:
    match = _ADDRESS.search(entry)
    return match[1] if match else None


def _hosts(container: Mapping[str, Any]) -> list[str]:
    """The hosts of the addresses in a container's environment."""
    return [host for entry in container["Config"]["Env"] if (host := _host_in(entry))]


def _refuse_limits(host: dict[str, Any]) -> None:
    memory, swap, reserved = host.get("Memory") or 0, host.get("MemorySwap") or 0, host.get("MemoryReservation") or 0
    if memory and reserved and memory < reserved:
        raise RefusalError(400, "Minimum memory limit can not be less than memory reservation limit, see usage")
    if memory > 0 and 0 < swap < memory:
        raise RefusalError(400, "Minimum memoryswap limit should be larger than memory limit, see usage")
    if swap > 0 and not memory:
        raise RefusalError(400, "You should always set the Memory limit when using Memoryswap limit, see usage")


def _endpoint(about: Mapping[str, Any] | None, identity: str) -> dict[str, Any]:
    known = dict(about or {})
    aliases = [alias for alias in known.get("Aliases") or [] if alias != identity[:12]]
    return {**known, "Aliases": [*aliases, identity[:12]], "IPAddress": "", "MacAddress": ""}


def _mount(kind: str, source: str, target: str, *, writable: bool) -> dict[str, Any]:
    about = {"Type": kind, "Destination": target, "RW": writable}
    return {**about, "Name": source} if kind == "volume" else {**about, "Source": source}


def _ports(container: dict[str, Any]) -> set[str]:
    bindings = container["HostConfig"].get("PortBindings") or {}
    return {str(one["HostPort"]) for bound in bindings.values() for one in bound or [] if one.get("HostPort")}
