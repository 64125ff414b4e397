"""One service of a Compose file in one form, whichever of Compose's forms its team wrote. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from selextract_infra.errors import ComposeFileError

__all__ = ["ComposeService", "Mount", "as_mapping", "compose_service"]

_PORT = re.compile(r"(?:(?P<address>.*):)?(?P<published>[^:]*):(?P<target>[^:]+)\Z|(?P<alone>[^:]+)\Z")


@dataclass(frozen=True)
class Mount:
    """Where something is mounted in a container; ``source`` is None for a volume without a name."""

    target: str
    source: str | None = None
    read_only: bool = False


@dataclass(frozen=True)
class ComposeService:
    """A service as its files say.

    ``environment`` has its variables by name, None where the value is taken from whoever calls Compose; it may hold
    secrets, so no value of it is ever shown. ``unread`` names files of variables that are not there. ``ports`` are
    those inside the container, ``published`` those of the host (as written). ``conditions`` says of each service that
    it depends on what it waits for. ``aliases`` are its other names in networks.
    """

    name: str
    image: str | None = None
    built: bool = False
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    environment: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    unread: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    published: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()
    networks: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    conditions: Mapping[str, str] = field(default_factory=dict)
    health_check: tuple[str, ...] = ()
    labels: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    profiles: tuple[str, ...] = ()
    container_name: str | None = None
    network_mode: str | None = None
    restart: str | None = None
    replicas: int | None = None


def compose_service(name: str, written: Mapping[str, Any], where: str, unread: tuple[str, ...]) -> ComposeService:
    """The service in one form. Raises ComposeFileError for a form that Compose does not have."""
    image = written.get("image")
    if image is None and written.get("build") is None and "provider" not in written:
        raise ComposeFileError(f"{where}: it has neither an image nor a build, so Compose cannot start it.")
    networks = as_mapping(written.get("networks"), f"{where}.networks")
    check = written.get("healthcheck") or {}
    ports = [_port(port, where) for port in _listed(written.get("ports"), f"{where}.ports")]
    return ComposeService(
        name=name,
        image=_text(image, f"{where}.image"),
        built=written.get("build") is not None,
        command=_words(written.get("command"), f"{where}.command"),
        entrypoint=_words(written.get("entrypoint"), f"{where}.entrypoint"),
        environment=_texts(as_mapping(written.get("environment"), f"{where}.environment"), f"{where}.environment"),
        unread=unread,
        ports=(
            *(inside for inside, _ in ports),
            *(str(port).partition("/")[0] for port in _listed(written.get("expose"), f"{where}.expose")),
        ),
        published=tuple(outside for _, outside in ports if outside),
        mounts=tuple(_mount(each, where) for each in _listed(written.get("volumes"), f"{where}.volumes")),
        networks=tuple(networks),
        aliases=_aliases(written, networks, where),
        conditions=_conditions(as_mapping(written.get("depends_on"), f"{where}.depends_on")),
        health_check=_words(check.get("test"), f"{where}.healthcheck") if isinstance(check, dict) else (),
        labels=_texts(as_mapping(written.get("labels"), f"{where}.labels"), f"{where}.labels"),
        profiles=tuple(map(str, _listed(written.get("profiles"), f"{where}.profiles"))),
        container_name=_text(written.get("container_name"), f"{where}.container_name"),
        network_mode=_text(written.get("network_mode"), f"{where}.network_mode"),
        restart=_text(written.get("restart"), f"{where}.restart"),
        replicas=_replicas(written),
    )


def as_mapping(value: Any, where: str) -> dict[str, Any]:
    """What may be written as a mapping or as a list of ``NAME=VALUE`` or ``NAME``; None without a value."""
    if value is None:
        return {}
    if isinstance(value, dict):
        return dict(value)
    if not isinstance(value, list):
        raise ComposeFileError(f"{where} is neither a mapping nor a list.")
    pairs: dict[str, Any] = {}
    for entry in value:
        if not isinstance(entry, str):
            raise ComposeFileError(f"{where} has an entry that is neither NAME nor NAME=VALUE.")
        name, equals, text = entry.partition("=")
        pairs[name.strip()] = text if equals else None
    return pairs


def _texts(pairs: Mapping[str, Any], where: str) -> dict[str, str | None]:
    return {name: _text(value, f"{where}.{name}") for name, value in pairs.items()}


def _text(value: Any, where: str) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (int, float)):
        return str(value)
    raise ComposeFileError(f"{where} is a {type(value).__name__}, where Compose wants a text.")


def _listed(value: Any, where: str) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, list):
        return value
    raise ComposeFileError(f"{where} is no list.")


def _words(value: Any, where: str) -> tuple[str, ...]:
    """A command as words; a text is split as a shell would, and as it stands where it cannot be."""
    if value is None:
        return ()
    if isinstance(value, list):
        return tuple(_text(word, where) or "" for word in value)
    text = _text(value, where) or ""
    try:
        return tuple(shlex.split(text))
    except ValueError:
        return tuple(text.split())


def _port(port: Any, where: str) -> tuple[str, str | None]:
    """The port inside the container, and the one of the host where it has one."""
    if isinstance(port, dict):
        published = port.get("published")
        return str(port.get("target", "")), None if published is None else str(published)
    match = _PORT.match(str(port).partition("/")[0])
    if match is None:
        raise ComposeFileError(f"{where}.ports: {str(port)[:60]} is no port.")
    if match["alone"] is not None:
        return match["alone"], None
    return match["target"], match["published"] or None


def _mount(mount: Any, where: str) -> Mount:
    if isinstance(mount, dict):
        source = mount.get("source")
        read_only = mount.get("read_only") is True
        return Mount(str(mount.get("target", "")), None if source is None else str(source), read_only)
    parts = str(mount).split(":")
    if not parts[0]:
        raise ComposeFileError(f"{where}.volumes: {str(mount)[:60]} names no source.")
    if len(parts) == 1:
        return Mount(parts[0])
    return Mount(parts[1], parts[0], "ro" in parts[2].split(",") if len(parts) > 2 else False)


def _aliases(written: Mapping[str, Any], networks: Mapping[str, Any], where: str) -> tuple[str, ...]:
    names = [written.get("container_name"), written.get("hostname")]
    for network in networks.values():
        if isinstance(network, dict):
            names += _listed(network.get("aliases"), f"{where}.networks")
    return tuple(dict.fromkeys(str(name) for name in names if name))


def _conditions(dependencies: Mapping[str, Any]) -> dict[str, str]:
    """What is waited for, by service; a list means that each has been started."""
    return {
        name: str(value.get("condition") or "service_started") if isinstance(value, dict) else "service_started"
        for name, value in dependencies.items()
    }


def _replicas(written: Mapping[str, Any]) -> int | None:
    deploy = written.get("deploy")
    asked = written.get("scale")
    if asked is None and isinstance(deploy, dict):
        asked = deploy.get("replicas")
    return int(str(asked)) if asked is not None and str(asked).isdecimal() else None
