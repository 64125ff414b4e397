"""What a host says its containers are, as types with bounds, and what that tells of each service. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from selextract_infra.assess.recognition.addresses import leading_variables
from selextract_infra.assess.recognition.signs import ServiceSigns
from selextract_infra.model.base import Frozen
from selextract_infra.model.observation import HostFacts

__all__ = ["DescribedContainer", "DescribedHost", "containers_by_project", "signs_of_containers"]

Word = Annotated[str, Field(max_length=400)]
Words = Annotated[tuple[Word, ...], Field(max_length=200)]
_TEMPLATE = ("{{", "{%", "{#")
_BESIDE_DATA = ("/etc/", "/usr/", "/run/", "/tmp", "/var/run/")  # noqa: S108 - paths inside of containers


class DescribedMount(Frozen):
    """Where something is mounted; ``kind`` is ``volume``, ``bind`` or ``tmpfs``."""

    target: Word
    source: Word = ""
    kind: Word = ""
    read_only: bool = False


class DescribedPort(Frozen):
    """A published port."""

    inside: Word
    outside: Word
    address: Word = ""


class DescribedContainer(Frozen):
    """One container; ``variables`` have by name the shape of the value, never the value."""

    name: Word
    id: Word
    image: Word = ""
    project: Word | None = None
    service: Word | None = None
    one_off: bool = False
    directory: Word | None = None
    files: Words = ()
    state: Word = ""
    exit_code: int | None = None
    restart: Word | None = None
    command: Words = ()
    processes: Words = ()
    store: Word | None = None
    health_urls: Words = ()
    health_command: Words = ()
    ports: Words = ()
    published: tuple[DescribedPort, ...] = ()
    mounts: tuple[DescribedMount, ...] = ()
    networks: Words = ()
    network_mode: Word = ""
    privileged: bool = False
    variables: Annotated[dict[Word, Annotated[str, Field(max_length=4000)]], Field(max_length=2000)] = Field(
        default_factory=dict
    )

    @model_validator(mode="after")
    def _no_template(self) -> Self:
        """What goes into a file that Ansible reads must never be a template: it would run on this machine."""
        written = (self.project, self.service, self.directory, *self.variables)
        if any(mark in (text or "") for text in written for mark in _TEMPLATE):
            raise ValueError("a name or a folder is a template")
        return self


class AnsweringPath(Frozen):
    """What a published port answers: ``path`` and ``status`` are None where no path answered well."""

    host: Word
    path: Word | None = None
    status: int | None = None
    tried: dict[Word, int] = Field(default_factory=dict)


class DescribedHost(Frozen):
    """One host; ``problem`` is why its containers cannot be seen."""

    facts: HostFacts
    user: Word = ""
    docker: Word | None = None
    compose: Word | None = None
    problem: Annotated[str, Field(max_length=1000)] | None = None
    containers: Annotated[tuple[DescribedContainer, ...], Field(max_length=5000)] = ()
    names: dict[Word, Word] = Field(default_factory=dict)
    answers: dict[Word, AnsweringPath] = Field(default_factory=dict)

    @classmethod
    def of(cls, result: Mapping[str, Any]) -> DescribedHost:
        """From a module's result. Raises ValidationError."""
        return cls.model_validate({name: result[name] for name in cls.model_fields if name in result})


def containers_by_project(host: DescribedHost) -> dict[str | None, list[DescribedContainer]]:
    """The containers of each Compose project, and under None those without one; one-off containers are left out."""
    projects: dict[str | None, list[DescribedContainer]] = {}
    for container in host.containers:
        if not container.one_off:
            projects.setdefault(container.project, []).append(container)
    return projects


def signs_of_containers(host: DescribedHost, containers: Iterable[DescribedContainer]) -> tuple[ServiceSigns, ...]:
    """The services of one project, each from its first container."""
    first: dict[str, DescribedContainer] = {}
    for container in containers:
        if container.service is not None:
            first.setdefault(container.service, container)
    counts = dict.fromkeys(first, 0)
    for container in host.containers:
        if container.service in counts:
            counts[container.service] += 1
    return tuple(_signs(host, name, container, counts[name]) for name, container in sorted(first.items()))


def _signs(host: DescribedHost, name: str, container: DescribedContainer, instances: int) -> ServiceSigns:
    others = {other: service for other, service in host.names.items() if service != name}
    ended = not container.processes and container.exit_code == 0 and container.restart in (None, "", "no")
    return ServiceSigns(
        name=name,
        image=container.image,
        command=container.command,
        processes=container.processes,
        store=container.store,
        ports=container.ports,
        published=tuple(port.outside for port in container.published),
        mounts=tuple(mount.target for mount in container.mounts),
        writable=tuple(
            mount.target
            for mount in container.mounts
            if not mount.read_only and mount.kind != "tmpfs" and not mount.target.startswith(_BESIDE_DATA)
        ),
        variables=tuple(container.variables),
        counts={variable: shape for variable, shape in container.variables.items() if shape.isdecimal()},
        health_check=container.health_command,
        leads=leading_variables(container.variables, others),
        single=tuple(_single_reasons(container, instances)),
        ends=ended,
        health=_health(host, container),
    )


def _single_reasons(container: DescribedContainer, instances: int) -> list[str]:
    if instances > 1:  # the team runs several already
        return []
    reasons = []
    port = next((port.outside for port in container.published), None)
    if port:
        reasons.append(f"it has the port {port} of the host")
    if container.network_mode == "host" or container.network_mode.startswith("container:"):
        reasons.append(f"its network is that of {'the host' if container.network_mode == 'host' else 'another one'}")
    if any(mount.source.endswith("docker.sock") for mount in container.mounts):
        reasons.append("it works with Docker itself")
    return reasons


def _health(host: DescribedHost, container: DescribedContainer) -> str | None:
    for port in container.published:
        answer = host.answers.get(port.outside)
        if answer is not None and answer.path is not None:
            address = f"[{answer.host}]" if ":" in answer.host else answer.host
            return f"http://{address}:{port.outside}{answer.path}"
    return None
