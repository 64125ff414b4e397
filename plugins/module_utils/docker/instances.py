"""Instances of services: more of them through Compose, fewer of them one by one, each with its own time to stop."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from .containers import Container, find_containers
from .engine import Engine

__all__ = ["found_instances", "instances_of", "newest_first", "retire"]

_PARALLEL = 8


def instances_of(containers: list[Container], project: str, service: str) -> list[Container]:
    """The containers of a service, by instance number."""
    own = [container for container in containers if (container.project, container.service) == (project, service)]
    return sorted(own, key=lambda container: container.number or 0)


def found_instances(engine: Engine, socket_path: str, project: str, service: str) -> list[Container]:
    """The containers that a service has on this host now, by instance number."""
    return instances_of(find_containers(engine, socket_path, project), project, service)


def newest_first(containers: list[Container]) -> list[Container]:
    """In the order in which instances are taken away."""
    return sorted(containers, key=lambda container: container.number or 0, reverse=True)


def retire(leaving: list[Container], socket_path: str, grace: float = 0.0, *, volumes: bool = False) -> None:
    """Stop these containers gracefully, all at once, and remove them; their volumes stay.

    With ``volumes`` those without a name go too, which were made with them and would be nobody's.

    Each gets its own time to stop, or ``grace`` seconds where that is longer.
    """

    def stop(container: Container) -> None:
        with Engine(socket_path) as engine:
            engine.stop(container.id, max(grace, container.stop_grace))
            engine.remove(container.id, volumes=volumes)

    if leaving:
        with ThreadPoolExecutor(_PARALLEL) as pool:
            list(pool.map(stop, leaving))
