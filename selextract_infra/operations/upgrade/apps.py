"""The Projects on the host: hardware is everybody's, so an upgrade stops and backs up all of them. Pure.

Services of other teams are not mapped, so what a container of theirs is follows from the program that it runs.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from selextract_infra.assess.overrides import Overrides
from selextract_infra.assess.service import app_services
from selextract_infra.model.observation import HostObservation
from selextract_infra.model.upgrade import AppOnHost, DatabaseOnHost

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["mapped_app", "other_apps"]

_OWN_FOLDER = "/var/lib/selextract-infra/"
_DUMPED, _CACHE = "postgres", "cache"
_DRAINED = ("worker", "nginx", "frontend", "api")
_STOPPED = ("database", "redis")


def mapped_app(host: HostObservation, policy: Policy) -> AppOnHost | None:
    """The mapped project where this host runs it; services are taken in the order in which they are stopped."""
    mapped = policy.application
    project = host.project(mapped.project or "")
    if project is None:
        return None
    running = {service.name for service in app_services(host, policy) if service.running}

    def of(*roles: str) -> tuple[str, ...]:
        return tuple(name for role in roles for name in sorted(mapped.services_of(role)) if name in running)

    return AppOnHost(
        project=project.name,
        directory=mapped.directory or project.directory,
        workers=of("worker"),
        drained=of(*_DRAINED),
        stopped=of(*_STOPPED),
        databases=tuple(
            DatabaseOnHost(service=name, superuser=service.postgres.superuser, socket=service.postgres.socket)
            for name in of("database")
            for service in (mapped.services[name],)
        ),
        grace=max([policy.vertical.drain, *(mapped.services[name].longest_task or 0.0 for name in of("worker"))]),
        health=tuple(
            url for name in sorted(mapped.services) if name in running and (url := mapped.services[name].health)
        ),
    )


def other_apps(
    host: HostObservation, policy: Policy, overrides: Collection[str]
) -> tuple[tuple[AppOnHost, ...], tuple[str, ...]]:
    """All Projects with running containers but the mapped one and those of ours, by name; and the rules overridden.

    Raises ``RefusedError`` for one with a database that cannot be backed up here (rule ``projects``).
    """
    apps, rules, mapped = [], Overrides(overrides), policy.application.project
    for project in sorted(host.projects, key=lambda project: project.name):
        if project.name == mapped or f"{project.directory}/".startswith(_OWN_FOLDER):
            continue
        stores = _stores(host, project.name)
        if not stores:
            continue
        unknown = sorted(
            {f"{name} ({store})" for name, store in stores.items() if store not in (None, _DUMPED, _CACHE)}
        )
        if unknown:
            rules.refuse(
                f"{host.name} also runs {project.name}, and {', '.join(unknown)} of it cannot be backed up here",
                "projects",
                remedy=f"let the team of {project.name} back it up",
            )
        apps.append(
            AppOnHost(
                project=project.name,
                directory=project.directory,
                drained=tuple(name for name, store in stores.items() if store is None),
                stopped=tuple(name for name, store in stores.items() if store is not None),
                databases=tuple(DatabaseOnHost(service=name) for name, store in stores.items() if store == _DUMPED),
            )
        )
    return tuple(apps), tuple(rules.used)


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
