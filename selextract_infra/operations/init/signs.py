"""What tells what a service is: one form for a service in a Compose file and for a container that runs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from selextract_infra.operations.init.addresses import LeadingVariables, leading_variables
from selextract_infra.operations.init.compose_service import ComposeService

__all__ = ["ServiceSigns", "signs_of_services"]

_COMPLETED = "service_completed_successfully"


@dataclass(frozen=True)
class ServiceSigns:
    """Everything that tells what a service is; no value of a variable is part of it.

    ``processes`` are the programs that run, ``store`` is the database, queue or cache among them; both are empty where
    nothing runs. ``ends``: another service waits until it has ended. ``mounts`` are paths inside, ``writable`` those of
    volumes that hold data. ``published`` are ports of the host. ``single`` are reasons why there can only be one of it.
    ``health`` is an address that answers on the host, where one is known.
    """

    name: str
    image: str = ""
    command: tuple[str, ...] = ()
    processes: tuple[str, ...] = ()
    store: str | None = None
    ports: tuple[str, ...] = ()
    published: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    counts: Mapping[str, str] = field(default_factory=dict)
    health_check: tuple[str, ...] = ()
    leads: LeadingVariables = field(default_factory=LeadingVariables)
    unread: tuple[str, ...] = ()
    single: tuple[str, ...] = ()
    ends: bool = False
    health: str | None = None


def signs_of_services(services: tuple[ComposeService, ...]) -> tuple[ServiceSigns, ...]:
    """The services of one project as its files say."""
    names = {name: service.name for service in services for name in (*service.aliases, service.name)}
    waited_for = {
        name for service in services for name, condition in service.conditions.items() if condition == _COMPLETED
    }
    return tuple(_signs(service, names, service.name in waited_for) for service in services)


def _signs(service: ComposeService, names: Mapping[str, str], waited_for: bool) -> ServiceSigns:
    others = {name: other for name, other in names.items() if other != service.name}
    return ServiceSigns(
        name=service.name,
        image=service.image or "",
        command=(*service.entrypoint, *service.command),
        ports=service.ports,
        published=service.published,
        mounts=tuple(mount.target for mount in service.mounts),
        writable=tuple(mount.target for mount in service.mounts if not mount.read_only and _holds_data(mount.source)),
        variables=tuple(service.environment),
        counts={name: value for name, value in service.environment.items() if value and value.isdecimal()},
        health_check=service.health_check,
        leads=leading_variables(service.environment, others),
        unread=service.unread,
        single=tuple(_single_reasons(service)),
        ends=waited_for,
    )


def _holds_data(source: str | None) -> bool:
    """Whether a mount is a volume or a folder; single files and sockets of the host hold configuration."""
    if source is None or not source.startswith(("/", ".", "~", "$")):
        return True
    return "." not in source.rstrip("/").rsplit("/", 1)[-1].lstrip(".")


def _single_reasons(service: ComposeService) -> list[str]:
    reasons = []
    if service.container_name:
        reasons.append(f"its container is always called {service.container_name}")
    fixed = next((port for port in service.published if "-" not in port and port != "0"), None)
    if fixed:
        reasons.append(f"it has the port {fixed} of the host")
    if service.network_mode and service.network_mode.partition(":")[0] in ("host", "service", "container"):
        reasons.append(f"its network is {service.network_mode}")
    if any("docker.sock" in (mount.source or "") for mount in service.mounts):
        reasons.append("it works with Docker itself")
    return reasons
