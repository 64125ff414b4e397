"""The Projects on the host: hardware is everybody's, so an upgrade stops and backs up all of them. Pure.

Services of other teams are not mapped, so what a container of theirs is follows from the program that it runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from selextract_infra.assess.mapped_role import stores_in
from selextract_infra.assess.overrides import Overrides
from selextract_infra.assess.service import app_services
from selextract_infra.model.observation import HostObservation
from selextract_infra.model.upgrade import AppOnHost, DatabaseOnHost

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["mapped_app", "other_apps"]

_OWN_FOLDER = "/var/lib/selextract-infra/"
_DUMPED, _CACHE = "postgres", "cache"
_DRAINED = ("worker", "nginx", "frontend", "api", "other")
_STOPPED = ("database", "redis")


def mapped_app(host: HostObservation, policy: Policy, overrides: Overrides) -> AppOnHost | None:
    """The mapped project where this host runs it; services are taken in the order in which they are stopped.

    Raises ``RefusedError`` where a database of it that the guide does not know cannot be backed up (rule ``projects``).
    """
    mapped = policy.application
    project = host.project(mapped.project or "")
    if project is None:
        return None
    running = {service.name: service for service in app_services(host, policy) if service.running}
    stores = {name: stores_in(service.containers) for name, service in running.items()}

    def of(*roles: str) -> tuple[str, ...]:
        return tuple(name for role in roles for name in sorted(running) if running[name].role == role)

    kept = tuple(name for name in of("other") if stores[name])
    _refuse_without_backup(host, project.name, {name: store for name in kept for store in stores[name]}, overrides)

    return AppOnHost(
        project=project.name,
        directory=mapped.directory or project.directory,
        workers=of("worker"),
        drained=tuple(name for name in of(*_DRAINED) if name not in kept),
        stopped=(*of(*_STOPPED), *kept),
        databases=tuple(
            DatabaseOnHost(service=name, superuser=service.postgres.superuser, socket=service.postgres.socket)
            for name in (*of("database"), *(name for name in kept if _DUMPED in stores[name]))
            for service in (mapped.services[name],)
        ),
        grace=max([policy.vertical.drain, *(mapped.services[name].longest_task or 0.0 for name in of("worker"))]),
        health=tuple(
            url for name in sorted(mapped.services) if name in running and (url := mapped.services[name].health)
        ),
    )


def other_apps(host: HostObservation, policy: Policy, overrides: Overrides) -> tuple[AppOnHost, ...]:
    """All Projects with running containers but the mapped one and those of ours, by name.

    Raises ``RefusedError`` for one with a database that cannot be backed up here (rule ``projects``).
    """
    apps, mapped = [], policy.application.project
    for project in sorted(host.projects, key=lambda project: project.name):
        if project.name == mapped or f"{project.directory}/".startswith(_OWN_FOLDER):
            continue
        stores = _stores(host, project.name)
        if not stores:
            continue
        _refuse_without_backup(host, project.name, stores, overrides)
        apps.append(
            AppOnHost(
                project=project.name,
                directory=project.directory,
                drained=tuple(name for name, store in stores.items() if store is None),
                stopped=tuple(name for name, store in stores.items() if store is not None),
                databases=tuple(DatabaseOnHost(service=name) for name, store in stores.items() if store == _DUMPED),
            )
        )
    return tuple(apps)


def _refuse_without_backup(
    host: HostObservation, project: str, stores: Mapping[str, str | None], overrides: Overrides
) -> None:
    """Raise ``RefusedError`` for a store that nothing here can back up, unless the operator overrides that."""
    unknown = sorted({f"{name} ({store})" for name, store in stores.items() if store not in (None, _DUMPED, _CACHE)})
    if unknown:
        overrides.refuse(
            f"{host.name} also runs {project}, and {', '.join(unknown)} of it cannot be backed up here",
            "projects",
            remedy=f"let the team of {project} back it up",
        )


def _stores(host: HostObservation, project: str) -> dict[str, str | None]:
    """By running service, sorted, which kind of store it is."""
    running = [
        container
        for container in host.containers
        if container.project == project and container.service and container.state == "running"
    ]
    return {
        str(container.service): container.store for container in sorted(running, key=lambda other: str(other.service))
    }
