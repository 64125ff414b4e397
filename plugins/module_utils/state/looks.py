"""Looks: what the program in a container says of itself, by the role of its service; nothing is changed.

Like an act, a look stands with its thing and is registered by name. It is told nothing but the container, so a new one
takes no option of a module and no question of the control machine.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from ..docker.containers import Container
from ..docker.engine import Engine
from ..redis.settings import look_at_redis
from ..system.failure import HostSideError

__all__ = ["LOOKS", "Look", "look_at_programs"]

Look = Callable[[Engine, Container], dict[str, Any]]

LOOKS: dict[str, Look] = {"redis": look_at_redis}


def look_at_programs(
    engine: Engine,
    containers: Collection[Container],
    projects: Collection[str],
    services: Mapping[str, Collection[str]],
) -> dict[str, dict[str, Any]]:
    """By the name of the container, what its program says; ``problem`` is the sentence where it does not say it.

    ``services`` has the names of services by their role. Only those of the ``projects`` are looked at that run.
    """
    asked = [
        (container, look)
        for role, look in LOOKS.items()
        for container in containers
        if container.running and container.project in projects and container.service in services.get(role, ())
    ]
    return {container.name: _looked(look, engine, container) for container, look in asked}


def _looked(look: Look, engine: Engine, container: Container) -> dict[str, Any]:
    try:
        return look(engine, container)
    except HostSideError as failure:
        return {"problem": failure.sentence}
    except (ValueError, TypeError, LookupError):
        return {"problem": f"What the program in {container.name} answers is not understood."}
