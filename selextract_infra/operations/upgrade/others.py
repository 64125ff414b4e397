"""The Projects of other teams on the host: hardware is everybody's, so an upgrade stops and backs up all of them. Pure.

Their services are not mapped, so what a container is follows from the program that it runs.
"""

from __future__ import annotations

from selextract_infra.assess.overrides import Overrides
from selextract_infra.model.observation import HostObservation
from selextract_infra.model.upgrade import AppOnHost, DatabaseOnHost

__all__ = ["other_projects"]

_OWN_FOLDER = "/var/lib/selextract-infra/"
_DUMPED, _CACHE = "postgres", "cache"


def other_projects(host: HostObservation, mapped: str | None, rules: Overrides) -> tuple[AppOnHost, ...]:
    """All Projects with running containers but the mapped one and those of ours, by name.

    Raises ``RefusedError`` for one with a database that cannot be backed up here (rule ``projects``).
    """
    found = []
    for project in sorted(host.projects, key=lambda one: one.name):
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
        found.append(
            AppOnHost(
                project=project.name,
                directory=project.directory,
                drained=tuple(name for name, store in stores.items() if store is None),
                stopped=tuple(name for name, store in stores.items() if store is not None),
                databases=tuple(DatabaseOnHost(service=name) for name, store in stores.items() if store == _DUMPED),
            )
        )
    return tuple(found)


def _stores(host: HostObservation, project: str) -> dict[str, str | None]:
    """By running service, sorted, which kind of store it is."""
    running = [one for one in host.containers if one.project == project and one.service and one.state == "running"]
    return {str(one.service): one.store for one in sorted(running, key=lambda one: str(one.service))}
