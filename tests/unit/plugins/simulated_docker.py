"""A small Docker engine on a Unix socket: containers, networks, images and volumes as far as definitions need them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.unit.plugins.unix_server import serving

__all__ = ["IMAGE", "SimulatedDocker", "instance"]

IMAGE = "sha256:" + "5" * 64
_CONTAINER = re.compile(r"/containers/(?P<name>[^/]+)(?:/(?P<act>\w+))?\Z")


def instance(name: str, number: int = 1, **more: Any) -> dict[str, Any]:
    """A running, healthy instance of service ``web`` of project ``shop``, as the engine describes it."""
    labels = {
        "com.docker.compose.project": "shop",
        "com.docker.compose.service": "web",
        "com.docker.compose.container-number": str(number),
        "com.docker.compose.config-hash": "abc",
    }
    identity = f"{number:x}" * 64
    details: dict[str, Any] = {
        "Id": identity,
        "Name": f"/{name}",
        "Image": IMAGE,
        "Created": f"2026-01-01T00:00:0{number}Z",
        "State": {
            "Status": "running", "Running": True, "Pid": 1, "StartedAt": "2026-01-01T00:00:00Z",
            "Health": {"Status": "healthy"},
        },
        "Config": {
            "Image": "shop/web:1", "Hostname": identity[:12], "Env": ["TOKEN=secret"], "Labels": labels,
            "Healthcheck": {"Test": ["CMD", "true"]},
        },
        "HostConfig": {"NetworkMode": "shop_default", "Memory": 2**28, "Binds": ["/srv:/app:ro"], "Mounts": None},
        "Mounts": [],
        "NetworkSettings": {"Networks": {"shop_default": {"Aliases": [name, "web", identity[:12]]}}},
    }  # fmt: skip
    for key, value in more.items():
        details[key] = {**details[key], **value} if isinstance(value, dict) else value
    return details


@dataclass
class SimulatedDocker:
    """``acts`` is what was done, ``bodies`` what containers were made of, ``oom`` the events.

    ``refused`` makes a creation fail with that reason, ``sick`` names whatever never gets healthy, ``ends``
    what has no health check and ends by itself after some looks.
    """

    containers: dict[str, dict[str, Any]] = field(default_factory=dict)
    images: dict[str, list[str]] = field(default_factory=lambda: {IMAGE: ["shop/web:1"]})
    acts: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    oom: list[dict[str, Any]] = field(default_factory=list)
    refused: str = ""
    sick: str = ""
    ends: str = ""
    looks: int = 5
    _made: int = 0

    def add(self, *instances: dict[str, Any]) -> None:
        """Let these containers be there."""
        self.containers.update({one["Id"]: one for one in instances})

    def named(self, name: str) -> dict[str, Any]:
        """The container of that name."""
        (container,) = [one for one in self.containers.values() if one["Name"] == f"/{name}"]
        return container

    @contextmanager
    def serving(self, folder: Path) -> Iterator[str]:
        """Serve it on a socket in the folder; the path of the socket."""
        with serving(folder / "docker.sock", self._answer) as path:
            yield path

    def _answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        status, content = self._routed(method, parts.path, query, json.loads(body) if body else {})
        if isinstance(content, list) and path.startswith("/events"):
            return status, b"\n".join(json.dumps(event).encode() for event in content)
        return status, json.dumps(content).encode()

    def _routed(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        if path == "/containers/json":
            return 200, self._listed(json.loads(query["filters"])["label"])
        if path == "/events":
            return 200, self.oom
        if path == "/info":
            return 200, {"MemTotal": 2**32, "NCPU": 2, "SwapLimit": True}
        if path == "/containers/create":
            return self._created(query["name"], body)
        if path.startswith("/images/"):
            return self._image(method, path, query)
        if path.startswith("/networks/"):
            self.acts.append(f"connect {path.split('/')[2]}")
            return 200, {}
        match = _CONTAINER.match(path)
        found = self._found(unquote(match["name"])) if match else None
        if match is None or found is None:
            return 404, {"message": "no such thing"}
        return self._changed(method, match["act"] or "", found, query)

    def _listed(self, labels: list[str]) -> list[dict[str, Any]]:
        pairs = [label.partition("=") for label in labels]
        return [
            {"Id": one["Id"], "ImageID": one["Image"], "State": one["State"]["Status"]}
            for one in self.containers.values()
            if all(
                name in one["Config"]["Labels"] and value in ("", one["Config"]["Labels"][name])
                for name, _, value in pairs
            )
        ]

    def _found(self, name: str) -> dict[str, Any] | None:
        return next((one for one in self.containers.values() if name in (one["Id"], one["Name"][1:])), None)

    def _created(self, name: str, body: dict[str, Any]) -> tuple[int, Any]:
        if self.refused:
            return 400, {"message": self.refused}
        if self._found(name):
            return 409, {"message": f"the name {name} is taken"}
        self._made += 1
        self.bodies.append(body)
        identity = f"{self._made:064d}"
        networks = body["NetworkingConfig"]["EndpointsConfig"]
        state = {"Status": "created", "Running": False, "Pid": 0}
        mounts = [
            {"Type": "volume", "Name": one.get("Source") or "e" * 64, "Destination": one["Target"], "RW": True}
            for one in body["HostConfig"].get("Mounts") or []
        ]
        config = {key: value for key, value in body.items() if key not in ("HostConfig", "NetworkingConfig")}
        self.containers[identity] = {
            "Id": identity, "Name": f"/{name}", "Image": IMAGE, "Created": f"2026-02-01T00:00:{self._made:02d}Z",
            "State": state, "Config": {"Labels": {}, **config}, "HostConfig": body["HostConfig"], "Mounts": mounts,
            "NetworkSettings": {"Networks": networks},
        }  # fmt: skip
        self.acts.append(f"create {name}")
        return 201, {"Id": identity}

    def _image(self, method: str, path: str, query: dict[str, str]) -> tuple[int, Any]:
        name = unquote(path.removeprefix("/images/").removesuffix("/json").removesuffix("/tag"))
        image = next((image for image, names in self.images.items() if name == image or name in names), None)
        if image is None:
            return 404, {"message": "no such image"}
        if method == "POST":
            self._untag(f"{query['repo']}:{query['tag']}")
            self.images[image].append(f"{query['repo']}:{query['tag']}")
        elif method == "DELETE":
            self._untag(name)
            if not self.images[image]:
                del self.images[image]
        return 200, {"Id": image, "RepoTags": list(self.images.get(image, [])), "RepoDigests": []}

    def _untag(self, name: str) -> None:
        for names in self.images.values():
            if name in names:
                names.remove(name)

    def _changed(
        self, method: str, act: str, found: dict[str, Any], query: dict[str, str]
    ) -> tuple[int, dict[str, Any] | None]:
        name = found["Name"][1:]
        if act == "json":
            self._age(found)
            return 200, found
        self.acts.append(f"{'remove' if method == 'DELETE' else act} {name}")
        if method == "DELETE":
            del self.containers[found["Id"]]
        elif act == "rename":
            if self._found(query["name"]):
                return 409, {"message": f"the name {query['name']} is taken"}
            found["Name"] = f"/{query['name']}"
        elif act == "stop":
            found["State"] = {"Status": "exited", "Running": False, "Pid": 0}
        elif act == "start":
            health = "unhealthy" if name == self.sick else "healthy"
            found["State"] = {
                "Status": "running", "Running": True, "Pid": 1, "StartedAt": "2026-02-01T00:00:00Z",
                "Health": {"Status": health},
            }  # fmt: skip
            if name == self.ends:
                started = datetime.now(tz=timezone.utc).isoformat()
                found["State"] = {"Status": "running", "Running": True, "Pid": 1, "StartedAt": started}
        return 204, None

    def _age(self, found: dict[str, Any]) -> None:
        if found["Name"][1:] == self.ends and found["State"]["Running"]:
            self.looks -= 1
            if self.looks < 0:
                found["State"] = {"Status": "exited", "Running": False, "Pid": 0}
