"""Volumes without a name that belong to a replaced instance, handed on to the one in its place.

Compose hands them on where it recreates a container itself. Here the old one is gone before the new one is made, so the
new one begins with empty volumes: a database whose image declares its data folder would begin empty.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from .container_definition import ContainerDefinition
from .containers import Container
from .engine import Engine

__all__ = ["anonymous_volumes", "finish_handing_on", "hand_on", "has_volumes_of", "is_unnamed"]

_BESIDE = "selextract-with-volumes-"  # and the name that it gets
_ANONYMOUS = re.compile(r"[0-9a-f]{64}\Z")


def is_unnamed(volume: str) -> bool:
    """Whether Docker made up the name of a volume, because nobody gave it one."""
    return _ANONYMOUS.match(volume) is not None


def anonymous_volumes(definition: ContainerDefinition) -> dict[str, str]:
    """The names that Docker gave to a container's volumes without a name, by where they are mounted."""
    return {
        posixpath.normpath(str(mount["Target"])): str(mount["Source"])
        for mount in definition.body["HostConfig"]["Mounts"]
        if mount.get("Type") == "volume" and is_unnamed(str(mount.get("Source") or ""))
    }


def has_volumes_of(details: dict[str, Any], removed: ContainerDefinition) -> bool:
    """Whether a container has the volumes of a removed one; ``details`` is what the engine says about it."""
    own = anonymous_volumes(ContainerDefinition.parse(details))
    return all(own.get(target) == name for target, name in anonymous_volumes(removed).items())


def hand_on(engine: Engine, removed: ContainerDefinition, details: dict[str, Any], grace: float) -> str | None:
    """Let the container in the place of a removed one have its volumes, and return its new ID; None where it has them.

    ``details`` is what the engine says about it. It is made again from its own definition, the same to Compose, and
    runs again where it ran; it gets ``grace`` seconds to stop. The empty volumes that it began with are removed.
    """
    definition = ContainerDefinition.parse(details)
    own, volumes = anonymous_volumes(definition), anonymous_volumes(removed)
    wanted = {target: name for target, name in volumes.items() if target in own and own[target] != name}
    if not wanted:
        return None
    old = str(details["Id"])
    made = _with_volumes(definition, wanted).create(engine, _BESIDE + definition.name)
    runs = bool(details["State"].get("Running"))
    if runs:
        engine.stop(old, grace)
    engine.remove(old, volumes=True)
    engine.rename(made, definition.name)
    if runs:
        engine.start(made)
    return made


def finish_handing_on(engine: Engine, containers: Iterable[Container]) -> None:
    """Go on where an attempt before was killed while it handed volumes on; ``containers`` are the service's.

    As long as the container is there that is to be replaced, the one beside it may be incomplete, so it goes. Its
    volumes stay. Afterwards it is complete and lacks only its name.
    """
    for container in containers:
        if container.name.startswith(_BESIDE):
            name = container.name[len(_BESIDE) :]
            if engine.inspect(name) is None:
                engine.rename(container.id, name)
            else:
                engine.remove(container.id)


def _with_volumes(definition: ContainerDefinition, volumes: dict[str, str]) -> ContainerDefinition:
    host = definition.body["HostConfig"]
    mounts = [
        {**mount, "Source": volumes.get(posixpath.normpath(str(mount.get("Target"))), mount.get("Source"))}
        for mount in host["Mounts"]
    ]
    return replace(definition, body={**definition.body, "HostConfig": {**host, "Mounts": mounts}})
