"""The Compose program in memory: reads the files of a folder, and makes containers in the simulated engine.

As measured with Compose 2.26 and 2.40: what it takes for the same container, how it names and numbers, what it says.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import yaml

from tests.simulation.engine import RefusalError, SimulatedEngine

__all__ = ["ComposeRejectsError", "SimulatedCompose", "parsed"]

_LABEL = "com.docker.compose."
_NOT_IN_HASH = ("scale", "depends_on", "profiles", "build", "pull_policy")


class ComposeRejectsError(Exception):
    """Compose ends with an error, whose last line this is."""


@dataclass
class _Called:
    """One call: what the options before the command say, and the command with its words."""

    project: str = ""
    directory: str = ""
    files: list[str] = field(default_factory=list)
    profiles: list[str] = field(default_factory=list)
    networks: dict[str, str] = field(default_factory=dict)
    dry: bool = False
    words: list[str] = field(default_factory=list)

    @classmethod
    def parse(cls, arguments: list[str]) -> _Called:
        called = cls()
        waiting = list(arguments)
        while waiting:
            word = waiting.pop(0)
            if word == "--project-name":
                called.project = waiting.pop(0)
            elif word == "--project-directory":
                called.directory = waiting.pop(0)
            elif word == "--file":
                called.files.append(waiting.pop(0))
            elif word == "--profile":
                called.profiles.append(waiting.pop(0))
            elif word in ("--env-file", "--ansi"):
                waiting.pop(0)
            elif word == "--dry-run":
                called.dry = True
            else:
                called.words = [word, *waiting]
                break
        return called


@dataclass
class SimulatedCompose:
    """``inside`` is come to before each container that it makes."""

    engine: SimulatedEngine
    inside: Callable[[str, Callable[[], str]], str] = field(default=lambda _name, effect: effect())

    def changes(self, arguments: list[str]) -> bool:
        """Whether that call changes anything."""
        called = _Called.parse(arguments)
        return not called.dry and called.words[:1] in (["create"], ["up"])

    def run(self, arguments: list[str], feed: str | None) -> tuple[str, str]:
        """Output and complaints. Raises ``ComposeRejectsError``."""
        called = _Called.parse(arguments)
        if called.words[0] == "version":
            return "2.26.1\n", ""
        services = self._services(called, feed)
        if called.words[0] == "config":
            return self._config(called, services), ""
        if called.words[0] == "create":
            lines = self._create(called, services)
            prefix = " DRY-RUN MODE - " if called.dry else ""
            return "", "".join(f"{prefix} {line}\n" for line in lines)
        if called.words[0] == "up":  # of a project of ours: nobody depends on anybody
            return "", "".join(f" {line}\n" for line in self._up_one(called, services))
        raise AssertionError(arguments)

    def _up_one(self, called: _Called, services: Mapping[str, Any]) -> list[str]:
        lines: list[str] = []
        for name, service in services.items():
            again = "--no-recreate" not in called.words
            lines += self._bring(called, name, service, _replicas(service), recreate=again)
            for container in self._instances(called.project, name):
                if not container["State"]["Running"]:
                    self.engine.start(container)
                    lines.append(f"Container {container['Name'][1:]}  Started")
        return lines

    def up(self, project: str, directory: str, files: list[str]) -> None:
        """The team's own ``up -d``: all services, with what they depend on, what differs recreated."""
        called = _Called(project, directory, files)
        services = self._services(called, None)
        for name, service in services.items():
            self._bring(called, name, service, _replicas(service), recreate=True)
            own = self._instances(project, name)
            for container in own[_replicas(service) :]:
                self.engine.stop(container, by_hand=True)
                self.engine.remove(container)
            for container in own[: _replicas(service)]:
                self.engine.start(container)

    # -- the files

    def _services(self, called: _Called, feed: str | None) -> dict[str, dict[str, Any]]:
        merged: dict[str, Any] = {}
        if not called.files:
            called.files.append(f"{called.directory}/compose.yml")
        for path in called.files:
            if path == "-":
                content = json.loads(feed or "{}")
            else:
                try:
                    content = parsed(Path(path).read_text(encoding="utf-8"))
                except (OSError, yaml.YAMLError) as problem:
                    raise ComposeRejectsError(f"{path}: {problem}") from problem
            merged = _merged(merged, content.get("services") or {})
            called.networks.update(
                {name: str(about["name"]) for name, about in (content.get("networks") or {}).items()}
            )
        for name, service in merged.items():
            if "image" not in service:
                raise ComposeRejectsError(f'service "{name}" has neither an image nor a build context specified')
            _refuse_both(name, service)
        return merged

    def _config(self, called: _Called, services: Mapping[str, Any]) -> str:
        if "-q" in called.words:
            return ""
        if "--hash" in called.words:
            return "".join(f"{name} {_hash(service)}\n" for name, service in services.items())
        return json.dumps({"name": called.project, "services": services})

    # -- containers

    def _instances(self, project: str, service: str) -> list[dict[str, Any]]:
        own = [
            one
            for one in self.engine.containers.values()
            if (one["Config"].get("Labels") or {}).get(_LABEL + "project") == project
            and self.engine.service_of(one) == service
        ]
        return sorted(own, key=_number)

    def _create(self, called: _Called, services: Mapping[str, Any]) -> list[str]:
        words, wanted = called.words[1:], list[str]()
        scaled: dict[str, int] = {}
        recreate = "--no-recreate" not in words
        while words:
            word = words.pop(0)
            if word == "--scale":
                name, _, number = words.pop(0).partition("=")
                scaled[name] = int(number)
            elif word == "--pull":
                words.pop(0)
            elif not word.startswith("-"):
                wanted.append(word)
        lines: list[str] = []
        for name in _in_order(wanted, services):
            if name not in services:
                raise ComposeRejectsError(f"no such service: {name}")
            count = scaled.get(name, _replicas(services[name]))
            lines += (
                self._would(called, name, services[name], count, recreate=recreate)
                if called.dry
                else self._bring(called, name, services[name], count, recreate=recreate)
            )
        return lines

    def _would(
        self, called: _Called, name: str, service: Mapping[str, Any], count: int, *, recreate: bool
    ) -> list[str]:
        own = self._instances(called.project, name)
        lines = []
        for container in own:
            verb = "Running" if container["State"]["Running"] else "Created"
            if recreate and self._differs(container, service):
                verb = "Recreate"
            lines.append(f"Container {container['Name'][1:]}  {verb}")
        missing = self._missing(own, count)
        return lines + [f"Container {_name(called.project, name, service, number)}  Creating" for number in missing]

    def _bring(
        self, called: _Called, name: str, service: Mapping[str, Any], count: int, *, recreate: bool
    ) -> list[str]:
        own = self._instances(called.project, name)
        lines = []
        for container in own:
            if recreate and self._differs(container, service):
                if container["State"]["Running"]:
                    self.engine.stop(container, by_hand=True)
                body = self._body(called, name, service, _number(container))
                self.engine.remove(container)
                self.engine.create(str(container["Name"])[1:], body)
                lines.append(f"Container {container['Name'][1:]}  Recreated")
            else:
                lines.append(f"Container {container['Name'][1:]}  Running")
        for number in self._missing(own, count):
            made = _name(called.project, name, service, number)
            body = self._body(called, name, service, number)
            lines += [f"Container {made}  Creating", f"Container {made}  Created"]
            try:
                self.inside(f"create {name}", partial(self.engine.create, made, body))
            except RefusalError as refusal:
                raise ComposeRejectsError(f"Error response from daemon: {refusal}") from refusal
        return lines

    def _missing(self, own: list[dict[str, Any]], count: int) -> range:
        first = max(map(_number, own), default=0) + 1
        return range(first, first + max(0, count - len(own)))

    def _differs(self, container: Mapping[str, Any], service: Mapping[str, Any]) -> bool:
        image = self.engine._known_image(str(service["image"]))
        hashed = (container["Config"].get("Labels") or {}).get(_LABEL + "config-hash")
        return bool(hashed != _hash(service) or container["Image"] != image["Id"])

    def _body(self, called: _Called, name: str, service: Mapping[str, Any], number: int) -> dict[str, Any]:
        image = self.engine._known_image(str(service["image"]))
        limits = ((service.get("deploy") or {}).get("resources") or {}).get("limits") or {}
        memory = int(service.get("mem_limit") or limits.get("memory") or 0)
        cpus = float(service.get("cpus") or limits.get("cpus") or 0)
        labels = {
            "project": called.project, "service": name, "container-number": str(number), "oneoff": "False",
            "config-hash": _hash(service), "project.working_dir": called.directory,
            "project.config_files": ",".join(called.files), "image": image["Id"],
        }  # fmt: skip
        environment = dict(entry.partition("=")[::2] for entry in image["Config"]["Env"])
        environment.update({key: str(value) for key, value in (service.get("environment") or {}).items()})
        volumes = [str(one) for one in service.get("volumes") or []]
        ports = [str(one).split(":") for one in service.get("ports") or []]
        made = _name(called.project, name, service, number)
        joined = service.get("networks") or {f"{called.project}_default": {}}
        networks = {
            called.networks.get(network, network): {"Aliases": [made, name, *((about or {}).get("aliases") or [])]}
            for network, about in joined.items()
        }
        return {
            "Image": service["image"],
            "Env": [f"{key}={value}" for key, value in sorted(environment.items())],
            "Cmd": str(service.get("command") or "serve").split(),
            **({"Entrypoint": service["entrypoint"]} if service.get("entrypoint") else {}),
            "Labels": {_LABEL + key: value for key, value in labels.items()},
            **({"Healthcheck": {"Test": ["CMD", "true"]}} if service.get("healthcheck") else {}),
            "Volumes": {one: {} for one in volumes if ":" not in one},
            "HostConfig": {
                "NetworkMode": next(iter(networks)),
                "Memory": memory,
                "MemorySwap": int(service.get("memswap_limit") or 2 * memory),
                "MemoryReservation": int(service.get("mem_reservation") or 0),
                "NanoCpus": round(cpus * 1e9),
                "Binds": [_bind(one, called) for one in volumes if ":" in one],
                "PortBindings": {f"{inside}/tcp": [{"HostPort": outside}] for outside, inside in ports},
                "RestartPolicy": {"Name": service.get("restart") or "no"},
            },
            "NetworkingConfig": {"EndpointsConfig": networks},
        }


@lru_cache(maxsize=512)
def parsed(text: str) -> dict[str, Any]:
    """The content of a Compose file; nobody changes it. The same texts come again and again."""
    return dict(yaml.safe_load(text) or {})


def _bind(volume: str, called: _Called) -> str:
    source, _, target = volume.partition(":")
    return volume if source.startswith("/") else f"{called.project}_{source}:{target}"


def _name(project: str, name: str, service: Mapping[str, Any], number: int) -> str:
    return str(service.get("container_name") or f"{project}-{name}-{number}")


def _number(container: Mapping[str, Any]) -> int:
    return int((container["Config"].get("Labels") or {}).get(_LABEL + "container-number", 0))


def _replicas(service: Mapping[str, Any]) -> int:
    asked = service.get("scale", (service.get("deploy") or {}).get("replicas"))
    return 1 if asked is None else int(asked)


def _in_order(names: list[str], services: Mapping[str, Any]) -> list[str]:
    """The services with what they depend on, that first."""
    ordered: list[str] = []

    def visit(name: str) -> None:
        for other in (services.get(name) or {}).get("depends_on") or []:
            visit(other)
        if name not in ordered:
            ordered.append(name)

    for name in names:
        visit(name)
    return ordered


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        nested = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if nested else value
    return merged


def _refuse_both(name: str, service: Mapping[str, Any]) -> None:
    deploy = service.get("deploy") or {}
    limits = (deploy.get("resources") or {}).get("limits") or {}
    for one, other in (("mem_limit", "memory"), ("cpus", "cpus")):
        if one in service and other in limits and float(service[one]) != float(limits[other]):
            raise ComposeRejectsError(
                f"services.{name}: can't set distinct values on '{one}' and 'deploy.resources.limits.{other}': invalid"
            )
    if "scale" in service and "replicas" in deploy and service["scale"] != deploy["replicas"]:
        raise ComposeRejectsError(
            f"services.{name}: can't set distinct values on 'scale' and 'deploy.replicas': invalid"
        )


def _hash(service: Mapping[str, Any]) -> str:
    kept = {key: value for key, value in service.items() if key not in _NOT_IN_HASH}
    if "deploy" in kept:
        kept["deploy"] = {key: value for key, value in kept["deploy"].items() if key != "replicas"}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
