"""Instances of services: more of them through Compose, fewer of them one by one, each with its own time to stop."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from .containers import Container
from .engine import Engine

__all__ = ["instances_of", "newest_first", "retire"]

_PARALLEL = 8


def instances_of(containers: list[Container], project: str, service: str) -> list[Container]:
    """The containers of a service, by instance number."""
    own = [one for one in containers if (one.project, one.service) == (project, service)]
    return sorted(own, key=lambda one: one.number or 0)


def newest_first(containers: list[Container]) -> list[Container]:
    """In the order in which instances are taken away."""
    return sorted(containers, key=lambda one: one.number or 0, reverse=True)


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
