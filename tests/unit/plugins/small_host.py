"""A host in small: an engine on a socket with its containers and images, and a Compose that makes more of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from plugins.module_utils.compose.compose import Compose, ComposeCall
from plugins.module_utils.compose.project import Project
from tests.unit.plugins.unix_server import serving

IMAGE = "sha256:app"


class SmallHost:
    """What is on the host; ``done`` has what was asked of its engine that changes something."""

    def __init__(self) -> None:
        self.containers: dict[str, dict[str, Any]] = {}
        self.images: dict[str, dict[str, Any]] = {"app": {"Id": IMAGE, "Config": {"Env": ["PATH=/bin"]}}}
        self.done: list[str] = []
        self.hook_code = 0

    def add(self, service: str, number: int = 1, *, running: bool = True, **changes: Any) -> str:
        """Add a container of the project ``shop`` and return its ID; ``changes`` are keys of Config or HostConfig."""
        name = f"shop-{service}-{number}"
        labels = {
            "com.docker.compose.project": "shop",
            "com.docker.compose.service": service,
            "com.docker.compose.container-number": str(number),
            "com.docker.compose.oneoff": "False",
        }
        config = {"Env": ["PATH=/bin", "TOKEN=1"], "Cmd": ["serve"], "Labels": labels, "Hostname": name[:12]}
        host = {"NetworkMode": "shop_default", "Memory": 0}
        self.containers[name] = {
            "Id": name,
            "Name": f"/{name}",
            "Image": changes.pop("Image", IMAGE),
            "Created": f"2026-01-01T00:00:{len(self.containers):02}Z",
            "State": {"Status": "running" if running else "created", "Pid": 7 if running else 0},
            "Config": {**config, **{key: value for key, value in changes.items() if key in ("Env", "Cmd")}},
            "HostConfig": {**host, **{key: value for key, value in changes.items() if key not in ("Env", "Cmd")}},
            "Mounts": [],
            "NetworkSettings": {"Networks": {"shop_default": {"Aliases": [name, service]}}},
        }
        return name

    @contextmanager
    def serving(self, folder: Path) -> Iterator[str]:
        """Its engine, on a socket whose path is given."""
        with serving(folder / "docker.sock", self._answer) as path:
            yield path

    def _answer(self, method: str, path: str, _body: bytes) -> tuple[int, bytes]:
        words = [unquote(word) for word in urlparse(path).path.strip("/").split("/")]
        if method != "GET":
            self.done.append(f"{method} {path}")
        if words == ["containers", "json"]:
            return 200, json.dumps([{"Id": name} for name in self.containers]).encode()
        if words[0] == "exec":
            return 200, json.dumps({"ExitCode": self.hook_code}).encode() if words[-1] == "json" else b""
        if words[-1] == "exec":
            return 201, b'{"Id": "1"}'
        if words[0] == "images":
            return _described(self.images.get("/".join(words[1:-1])))
        return self._container(method, words)

    def _container(self, method: str, words: list[str]) -> tuple[int, bytes]:
        container = self.containers.get(words[1])
        if container and method == "DELETE":
            del self.containers[words[1]]
        if container and words[-1] == "start":
            container["State"] = {"Status": "running", "Pid": 8}
        return _described(container)


class SmallCompose(Compose):
    """A Compose whose answers are set: ``services`` are those of its files, and each missing instance is made.

    ``made`` are changes of what it makes, ``dependencies`` services without a container that it creates besides.
    """

    def __init__(self, host: SmallHost, services: Mapping[str, Mapping[str, Any]], **made: Any) -> None:
        super().__init__(Project("shop", "/srv/shop", ("/srv/shop/compose.yaml",)))
        self._host = host
        self._services = services
        self._made = made
        self.dependencies: tuple[str, ...] = ()
        self.more: list[ComposeCall] = []
        self.asked: list[Mapping[str, int]] = []

    def for_project(self, project: Project) -> SmallCompose:
        """The same one, asked with more profiles."""
        self.project = project
        return self

    def describe(self) -> dict[str, Any]:
        return {"services": self._services}

    def would_do(self, services: Iterable[str], counts: Mapping[str, int], *, recreate: bool) -> list[ComposeCall]:
        assert set(services) <= set(counts), recreate
        return [*self.more, *(ComposeCall("Container", name, "Running") for name in self._host.containers)]

    def create(self, services: Iterable[str], counts: Mapping[str, int], bound: float) -> list[ComposeCall]:
        assert set(services) <= set(counts), bound
        self.asked.append(dict(counts))
        for service in self.dependencies:
            self._host.add(service, running=False)
        for service, count in counts.items():
            for number in range(1, count + 1):
                if f"shop-{service}-{number}" not in self._host.containers:
                    self._host.add(service, number, running=False, **self._made)
        return [ComposeCall("Container", f"shop-{service}-1", "Creating") for service in self.dependencies]


def _described(known: Mapping[str, Any] | None) -> tuple[int, bytes]:
    return (404, b'{"message": "none"}') if known is None else (200, json.dumps(known).encode())
