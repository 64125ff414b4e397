"""The role of a service that counts: by what runs in its containers, else as the policy maps it. Pure.

A mapping protects only where it is right, and it is written by hand. So a container that *is* a database, queue, cache
or proxy by the program in it has that role, whatever the mapping says, and a mapping that fits nothing is an error.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING

from selextract_infra.errors import UsageError
from selextract_infra.model.figures import count
from selextract_infra.model.finding import Finding, RuleClass, Severity
from selextract_infra.model.observation import ContainerObservation, HostObservation, Observation

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = [
    "OTHER",
    "PROTECTED_ROLES",
    "mapping_findings",
    "refuse_unmatched",
    "role_of",
    "roles_on",
    "roles_seen",
    "runs_app_or_namesake",
    "stores_in",
]

_OWN_FOLDER = "/var/lib/selextract-infra/"
OTHER = "other"
_MAPPED_AS_STORES = frozenset({"database", "redis", OTHER})
PROTECTED_ROLES = frozenset({"database", "redis"})


def stores_in(containers: Iterable[ContainerObservation]) -> tuple[str, ...]:
    """The kinds of database, queue and cache that run in these containers, by name."""
    return tuple(sorted({container.store for container in containers if container.store is not None}))


def role_of(mapped: str, containers: Collection[ContainerObservation]) -> str:
    """The role that counts of a service that is mapped to ``mapped`` (empty: not mapped) and has these containers.

    A store that the policy calls a store of another kind stays what it is called: it is protected all the same, and a
    team may keep a second database out of what is tuned by calling it ``other``.
    """
    if not mapped:
        return ""
    stores = stores_in(containers)
    if "postgres" in stores:
        return mapped if mapped in ("database", OTHER) else "database"
    if "cache" in stores:
        return mapped if mapped in ("redis", OTHER) else "redis"
    if stores:
        return mapped if mapped in _MAPPED_AS_STORES else OTHER
    if any(container.proxy for container in containers) and mapped not in ("nginx", "frontend", OTHER):
        return "nginx"
    return mapped


def roles_on(host: HostObservation, policy: Policy) -> dict[str, str]:
    """By mapped service of the app on that host, the role that counts."""
    application = policy.application
    if application.project is None:
        return {}
    return {
        name: role_of(service.role, containers)
        for name, service in application.services.items()
        if (containers := host.containers_of(application.project, name))
    }


def roles_seen(observation: Observation | None, policy: Policy) -> dict[str, str]:
    """By mapped service, the role that counts on any host; as mapped where no container of it was seen."""
    roles = {name: service.role for name, service in policy.application.services.items()}
    for host in observation.hosts if observation else ():
        roles.update({name: role for name, role in roles_on(host, policy).items() if role != roles[name]})
    return roles


def mapping_findings(observation: Observation, policy: Policy) -> Iterator[Finding]:
    """Where what runs in a service is not what the policy says that it is."""
    for host in observation.hosts:
        for name, role in roles_on(host, policy).items():
            mapped = policy.application.services[name].role
            if role != mapped:
                yield Finding(
                    rule="application.services",
                    severity=Severity.MAJOR,
                    rule_class=RuleClass.CLAMP,
                    subject=f"{host.name}/{name}",
                    sentence=f"{name} on {host.name} is mapped as {mapped}, but {_program(host, name, policy)} runs in"
                    f" it, so it is treated as {role}.",
                    resolution=f"give {name} the role {role} in the policy",
                )


def _program(host: HostObservation, name: str, policy: Policy) -> str:
    containers = host.containers_of(policy.application.project or "", name)
    stores = stores_in(containers)
    if stores:
        return f"a {'cache' if stores == ('cache',) else 'database or queue'} ({', '.join(stores)})"
    return f"a proxy ({next((container.proxy for container in containers if container.proxy), 'unknown')})"


def refuse_unmatched(observation: Observation, policy: Policy) -> None:
    """Raise ``UsageError`` where the mapping fits nothing that was seen: no such project, or none of its services.

    Nothing is said of hosts that could not be looked at, nor where the policy maps no application.
    """
    application = policy.application
    hosts = [host for host in observation.hosts if host.problem is None]
    if application.project is None or not application.services or not hosts:
        return
    projects = _projects(hosts)
    where = ", ".join(host.name for host in hosts)
    if application.project not in projects:
        there = (
            f"there are containers of {', '.join(sorted(projects))}" if projects else "no Compose project runs there"
        )
        near = get_close_matches(application.project, sorted(projects), 1)
        hint = f"; did you mean {near[0]}?" if near else "."
        raise UsageError(
            f"No container of the Compose project {application.project} is on {where}; {there}{hint}",
            remedy="correct application.project in the policy, or start the app",
        )
    services = projects[application.project]
    if services.isdisjoint(application.services):
        mapped = list(application.services)
        raise UsageError(
            f"{application.project} on {where} has none of the {count(len(mapped), 'service')} that the policy maps"
            f" ({', '.join(mapped)}); it has {', '.join(sorted(services))}.",
            remedy="correct application.services in the policy",
        )


def runs_app_or_namesake(host: HostObservation, policy: Policy) -> bool:
    """Whether the host runs the mapped project, or one of nearly that name; it may well carry other teams' alone."""
    name, projects = policy.application.project, _projects([host])
    return name is not None and (name in projects or bool(get_close_matches(name, projects, 1)))


def _projects(hosts: Iterable[HostObservation]) -> dict[str, set[str]]:
    """By Compose project with a container on these hosts, the names of its services; what is ours is left out."""
    ours = {
        project.name for host in hosts for project in host.projects if f"{project.directory}/".startswith(_OWN_FOLDER)
    }
    projects: dict[str, set[str]] = {}
    for host in hosts:
        for container in host.containers:
            if container.project and container.project not in ours:
                projects.setdefault(container.project, set()).update(filter(None, [container.service]))
    return projects
