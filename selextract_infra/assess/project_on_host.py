"""Where the decisions of a Plan are carried out: the app's Compose project on each host, as data that travels in it.

It is what a saved Plan needs besides its Decisions to build its steps again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from pydantic import Field

from selextract_infra.model.base import Frozen
from selextract_infra.model.observation import (
    ContainerObservation,
    HostObservation,
    Limits,
    ProjectObservation,
    ServiceDefinition,
)

__all__ = ["ProjectOnHost", "ServiceOnHost", "is_pending", "project_on_host"]


class ServiceOnHost(Frozen):
    """One service: its containers by instance number, the lowest limits among them, and the form its limits take.

    ``stop_grace`` is the longest time that one of its containers may take to stop, in seconds, None for Docker's
    default. ``pending``: Compose would recreate a container of it anyway. ``recreate``: its change needs that.
    """

    form: str
    limits: Limits
    containers: tuple[str, ...]
    stop_grace: float | None = None
    has_healthcheck: bool = False
    pending: bool = False
    recreate: bool = False


class ProjectOnHost(Frozen):
    """The app's Compose project on one host.

    ``present`` names all mapped services that run there, ``services`` has those that the Plan is about. ``capacity`` is
    what our capacity file holds now, by service.
    """

    project: str
    directory: str
    present: tuple[str, ...]
    capacity: dict[str, Any] = Field(default_factory=dict)
    services: dict[str, ServiceOnHost] = Field(default_factory=dict)


def project_on_host(
    host: HostObservation,
    project: ProjectObservation,
    mapped: Collection[str],
    only: str | None,
    recreate: Collection[tuple[str, str]],
) -> ProjectOnHost:
    """The project as it was seen; ``only`` narrows it to one service, ``recreate`` has (host, service)."""
    containers: dict[str, list[ContainerObservation]] = {}
    for container in host.containers:
        if container.project == project.name and container.service in mapped:
            containers.setdefault(container.service or "", []).append(container)
    definitions = {definition.name: definition for definition in project.services}
    capacity = (project.capacity_file or {}).get("services")
    return ProjectOnHost(
        project=project.name,
        directory=project.directory,
        present=tuple(sorted(containers)),
        capacity=capacity if isinstance(capacity, dict) else {},
        services={
            name: _service(there, definitions[name], recreate=(host.name, name) in recreate)
            for name, there in sorted(containers.items())
            if name in definitions and only in (None, name)
        },
    )


def is_pending(containers: Sequence[ContainerObservation]) -> bool:
    """Whether Compose would recreate one of these containers."""
    return any(container.current is False for container in containers)


def _service(
    containers: Sequence[ContainerObservation], definition: ServiceDefinition, *, recreate: bool
) -> ServiceOnHost:
    ordered = sorted(containers, key=lambda container: (container.number or 0, container.name))
    lowest = min(ordered, key=lambda container: container.limits.memory or 0)
    cpus = [container.limits.cpus for container in ordered]
    known = [value for value in cpus if value is not None]
    return ServiceOnHost(
        form=definition.limit_form or "service",
        limits=Limits(
            memory=lowest.limits.memory,
            swap=lowest.limits.swap,
            cpus=min(known) if len(known) == len(cpus) else None,
        ),
        containers=tuple(container.name for container in ordered),
        stop_grace=max((container.stop_grace_seconds or 0.0 for container in ordered), default=0.0) or None,
        has_healthcheck=definition.has_healthcheck,
        pending=is_pending(ordered),
        recreate=recreate,
    )
