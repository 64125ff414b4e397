"""Where the decisions of a Plan are carried out: the app's Compose project on each host, as data that travels in it.

It is what a saved Plan needs besides its Decisions to build its steps again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from pydantic import Field

from selextract_infra.assess.service import Service, app_services, services_on
from selextract_infra.assess.singleton import why_single
from selextract_infra.model.base import Frozen
from selextract_infra.model.observation import (
    HostObservation,
    Limits,
    Observation,
    ProjectObservation,
    ServiceDefinition,
)
from selextract_infra.model.plan import PendingRecreation

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["ProjectOnHost", "ServiceOnHost", "pending_recreations", "project_on_host"]


class ServiceOnHost(Frozen):
    """One service: its running containers by instance number, the lowest limits among all, and the form of its limits.

    One that somebody stopped is nobody's to replace or to start.

    ``stop_grace`` is the longest time that one of its containers may take to stop, in seconds, None for Docker's
    default. ``pending``: Compose would recreate a container of it anyway. ``recreate``: its change needs that.
    ``role`` is the one that counts, ``single``: it must run only once at a time. ``joined_by`` names a
    container that would lose its network with one of these.
    """

    form: str
    limits: Limits
    containers: tuple[str, ...]
    stop_grace: float | None = None
    has_healthcheck: bool = False
    pending: bool = False
    recreate: bool = False
    joined_by: str | None = None
    role: str = ""
    single: bool = False


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
    policy: Policy,
    only: str | None = None,
    recreate: Collection[tuple[str, str]] = (),
) -> ProjectOnHost:
    """The project as it was seen; ``only`` narrows it to one service, ``recreate`` has (host, service)."""
    services = [service for service in app_services(host, policy) if service.project == project.name]
    capacity = (project.capacity_file or {}).get("services")
    return ProjectOnHost(
        project=project.name,
        directory=project.directory,
        present=tuple(service.name for service in services),
        capacity=capacity if isinstance(capacity, dict) else {},
        services={
            service.name: _on_host(
                service,
                service.definition,
                recreate=(host.name, service.name) in recreate,
                single=why_single(service.name, policy, service.containers) is not None,
            )
            for service in services
            if service.definition is not None and only in (None, service.name)
        },
    )


def _on_host(service: Service, definition: ServiceDefinition, *, recreate: bool, single: bool) -> ServiceOnHost:
    """Limits as Docker has them: what a step writes, and what it puts back, is not what a decision compares."""
    lowest = min(service.containers, key=lambda container: container.limits.memory or 0)
    cpus = [container.limits.cpus for container in service.containers]
    known = [value for value in cpus if value is not None]
    return ServiceOnHost(
        form=definition.limit_form or "service",
        limits=Limits(
            memory=lowest.limits.memory,
            swap=lowest.limits.swap,
            cpus=min(known) if len(known) == len(cpus) else None,
        ),
        containers=tuple(container.name for container in service.running),
        stop_grace=max((container.stop_grace_seconds or 0.0 for container in service.containers), default=0.0) or None,
        has_healthcheck=definition.has_healthcheck,
        pending=service.pending,
        recreate=recreate,
        joined_by=service.joined_by,
        role=service.role,
        single=single,
    )


def pending_recreations(observation: Observation, policy: Policy) -> tuple[PendingRecreation, ...]:
    """Services of the mapped project with a container whose configuration is not that of the files in force."""
    return tuple(_pending(observation, policy.application.project or "", policy))


def _pending(observation: Observation, name: str, policy: Policy) -> Iterator[PendingRecreation]:
    for host in observation.hosts:
        for service in services_on(host, policy):
            if service.project == name and service.pending:
                yield PendingRecreation(
                    host=host.name,
                    project=name,
                    service=service.name,
                    why="its configuration changed since it was created",
                )
