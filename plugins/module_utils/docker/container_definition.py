"""A container's own definition, from which the engine makes the same container again without Compose or any file."""

from __future__ import annotations

import posixpath
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from .engine import Engine

__all__ = ["ContainerDefinition"]

_COMPOSE = "com.docker.compose."
_SHORT_ID = 12  # digits of an ID that Docker uses as host name and as alias
_WITHOUT_ENDPOINTS = ("host", "none")
_BRIDGE_PREFIX = "02:42"


@dataclass(frozen=True)
class ContainerDefinition:
    """What ``Engine.create`` takes for one container, and the networks that it is on.

    It holds the container's environment, which may be secret: it is kept on the host alone and never printed.
    ``endpoints`` are its networks by name, the one it was created with first.
    """

    name: str
    image: str
    body: dict[str, Any]
    endpoints: dict[str, dict[str, Any]]

    @classmethod
    def parse(cls, details: dict[str, Any]) -> ContainerDefinition:
        """From the answer of ``Engine.inspect``; a container made from it is the same to Compose, data included."""
        short = str(details["Id"])[:_SHORT_ID]
        host = dict(details["HostConfig"])
        mode = str(host.get("NetworkMode") or "default")
        config = dict(details["Config"])
        if config.get("Hostname") == short:
            del config["Hostname"]
        if mode.startswith("container:"):  # Docker refuses these beside another container's network
            for key in ("Hostname", "Domainname", "ExposedPorts"):
                config.pop(key, None)
        body = {**config, "HostConfig": {**host, **_mounts(details), "Links": _links(host.get("Links"))}}
        endpoints = {} if _shares(mode) else _endpoints(details, mode, short)
        return cls(str(details["Name"]).lstrip("/"), str(details["Image"]), body, endpoints)

    @classmethod
    def restore(cls, kept: dict[str, Any]) -> ContainerDefinition:
        """From what ``kept`` returned."""
        return cls(kept["name"], kept["image"], kept["body"], kept["endpoints"])

    @property
    def environment(self) -> dict[str, str]:
        """Its variables; they may hold secrets and never leave the host."""
        return dict(str(entry).partition("=")[::2] for entry in self.body.get("Env") or [])

    def is_made_otherwise(self, details: dict[str, Any], ours: Collection[str] = ()) -> bool:
        """Whether a container that ``Engine.inspect`` describes has another image or environment than this one.

        ``ours`` are variables that are left out of it.
        """
        environment = dict(str(entry).partition("=")[::2] for entry in (details.get("Config") or {}).get("Env") or [])
        names = {*environment, *self.environment}.difference(ours)
        return details.get("Image") != self.image or any(
            environment.get(name) != self.environment.get(name) for name in names
        )

    def kept(self) -> dict[str, Any]:
        """As it is kept on the disk."""
        return {"name": self.name, "image": self.image, "body": self.body, "endpoints": self.endpoints}

    def unlabelled(self) -> ContainerDefinition:
        """The same without Compose's labels: Compose takes whatever carries them for an instance of the service."""
        labels = self.body.get("Labels") or {}
        own = {name: value for name, value in labels.items() if not name.startswith(_COMPOSE)}
        return replace(self, body={**self.body, "Labels": own})

    def labelled(self, label: str, value: str) -> ContainerDefinition:
        """The same with one label more."""
        return replace(self, body={**self.body, "Labels": {**(self.body.get("Labels") or {}), label: value}})

    def without_alias(self, alias: str) -> ContainerDefinition:
        """The same without one name of its own on its networks; Docker knows a container there by its name anyway."""
        endpoints = {
            network: {**endpoint, "Aliases": [other for other in endpoint.get("Aliases") or [] if other != alias]}
            for network, endpoint in self.endpoints.items()
        }
        return replace(self, endpoints=endpoints)

    def limited(self, *, memory: int | None, swap: int | None, cpus: float | None) -> ContainerDefinition:
        """The same with other limits, as Compose would create it; None leaves what there is. ``swap`` -1: unlimited.

        ``cpus`` stands beside a quota that the container has, as Compose would ask for both.
        """
        host = dict(self.body["HostConfig"])
        if memory is not None:
            host["Memory"] = memory
        if swap is not None:
            host["MemorySwap"] = swap
        if cpus is not None:
            host["NanoCpus"] = round(cpus * 1e9)
        return replace(self, body={**self.body, "HostConfig": host})

    def create(self, engine: Engine, name: str) -> str:
        """Create it under a name without starting it, on all of its networks, and return its ID.

        Raises ``EngineRefusedError`` where Docker does not accept it; nothing is left then.
        """
        first, *others = self.endpoints or {"": {}}
        networking = {"EndpointsConfig": {first: self.endpoints[first]}} if first else {}
        body = {**self.body, "Image": self._image(engine), "NetworkingConfig": networking}
        made = engine.create(name, body)
        try:
            for network in others:  # engines before Docker 25 take one network when they create
                engine.connect(network, made, self.endpoints[network])
        except BaseException:
            engine.remove(made)
            raise
        return made

    def _image(self, engine: Engine) -> str:
        """Its image by name, as Compose names it, where that still is the same image; else by its ID."""
        name = str(self.body.get("Image") or "")
        known = engine.image(name) if name else None
        return name if known and known.get("Id") == self.image else self.image


def _shares(mode: str) -> bool:
    return mode in _WITHOUT_ENDPOINTS or mode.startswith("container:")


def _mounts(details: dict[str, Any]) -> dict[str, Any]:
    """The mounts, every volume by its name: an anonymous one would be a new and empty volume else."""
    host = details["HostConfig"]
    volumes = {
        posixpath.normpath(str(mount["Destination"])): mount
        for mount in details.get("Mounts") or []
        if mount.get("Type") == "volume" and mount.get("Name")
    }
    mounts, covered = [], {_target(bind) for bind in host.get("Binds") or []}
    for entry in host.get("Mounts") or []:
        target = posixpath.normpath(str(entry.get("Target")))
        covered.add(target)
        unnamed = entry.get("Type") == "volume" and not entry.get("Source") and target in volumes
        mounts.append({**entry, "Source": volumes[target]["Name"]} if unnamed else entry)
    mounts += [
        {"Type": "volume", "Source": mount["Name"], "Target": target, "ReadOnly": not mount.get("RW", True)}
        for target, mount in sorted(volumes.items())
        if target not in covered
    ]
    return {"Mounts": mounts}


def _target(bind: str) -> str:
    """Where ``source:target[:options]`` is mounted."""
    return posixpath.normpath(str(bind).split(":")[1] if ":" in bind else str(bind))


def _links(links: list[str] | None) -> list[str]:
    """Legacy links: Docker shows ``/target:/container/alias`` and takes ``target:alias``."""
    pairs = (link.partition(":") for link in links or [])
    return [f"{target.lstrip('/')}:{posixpath.basename(alias)}" for target, _, alias in pairs]


def _endpoints(details: dict[str, Any], mode: str, short: str) -> dict[str, dict[str, Any]]:
    networks = (details.get("NetworkSettings") or {}).get("Networks") or {}
    ordered = sorted(networks, key=lambda name: name != mode)
    return {name: _endpoint(networks[name] or {}, short) for name in ordered}


def _endpoint(network: dict[str, Any], short: str) -> dict[str, Any]:
    kept = {key: network[key] for key in ("IPAMConfig", "Links", "DriverOpts", "GwPriority") if network.get(key)}
    aliases = [alias for alias in network.get("Aliases") or [] if alias != short]
    address = network.get("MacAddress")
    if aliases:
        kept["Aliases"] = aliases
    if address and address != _derived(str(network.get("IPAddress") or "")):
        kept["MacAddress"] = address
    return kept


def _derived(address: str) -> str:
    """The hardware address that Docker before 28 makes from an IPv4 address.

    It must not be kept: another container could get that IPv4 address, and with it the same hardware address.
    """
    parts = address.split(".")
    return ":".join([_BRIDGE_PREFIX, *(f"{int(part):02x}" for part in parts)]) if len(parts) == 4 else ""
