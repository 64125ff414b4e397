"""Observation: what was seen on the hosts at one time.

Everything in here came from hosts, so every string is data and never a template. An environment of a container is
never part of it: that is where secrets are.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, TypeVar

from pydantic import AwareDatetime, Field, ValidationError, field_validator, model_validator

from selextract_infra.model.base import Frozen, digest_of
from selextract_infra.model.history import ContainerHistory
from selextract_infra.model.host_state import noted_on_host
from selextract_infra.model.postgres_observation import PostgresObservation
from selextract_infra.model.text import displayable
from selextract_infra.model.traffic import TrafficObservation

__all__ = [
    "ContainerObservation",
    "HostFacts",
    "HostObservation",
    "Limits",
    "Observation",
    "ProgramLook",
    "ProjectObservation",
    "ResourceKeys",
    "SamplerStatus",
    "ServiceDefinition",
    "Usage",
]


class Limits(Frozen):
    """Limits of one container; None means unlimited. ``swap`` is Docker's total of memory and swap, in bytes."""

    cpus: float | None = None
    memory: int | None = None
    swap: int | None = None


class Usage(Frozen):
    """Momentary usage: CPU in cores, memory as working set (without page cache) in bytes; None where unknown."""

    cpus: float | None = None
    memory: int | None = None
    page_cache: int | None = None


class ContainerObservation(Frozen):
    """One container of a Compose project, or a container of nobody's (``project`` None).

    ``numbers`` has the values of environment variables that the application mapping names for counts and sizes, where
    they are plain numbers; nothing else of an environment is ever looked at. ``current``: it is as the Compose files in
    force say, so the team's next ``up`` leaves it alone; None where Compose cannot tell. ``worker_pool`` is what the
    command line of a Celery worker says after ``--pool`` or ``-P``, None where it says nothing. ``store`` is the kind
    of database, queue or cache by the program that runs (``postgres``, ``cache``, ``mysql`` …), None for anything else;
    ``proxy`` likewise the proxy that it is, ``singleton`` the scheduler, which must run only once.
    ``joined`` has the IDs of other containers whose network, processes or shared memory it lives in.
    """

    name: str
    id: str
    image: str
    project: str | None = None
    service: str | None = None
    number: int | None = None
    state: str = "running"
    health: str | None = None
    started_at: str | None = None
    restarts: int = 0
    oom_killed: bool = False
    limits: Limits = Limits()
    memory_reservation: int | None = None
    usage: Usage = Usage()
    current: bool | None = None
    config_files: tuple[str, ...] = ()
    joined: tuple[str, ...] = ()
    stop_grace_seconds: float | None = None
    worker_pool: str | None = None
    store: str | None = None
    proxy: str | None = None
    singleton: str | None = None
    numbers: dict[str, float] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _without_hash(cls, data: Any) -> Any:
        return _without_hash(data)


class ResourceKeys(Frozen):
    """What stands beside the limits of a service in its Compose files, as far as a limit has to respect it.

    ``memory_reservation`` and ``shm_size`` in bytes, ``cpuset`` as the number of cores in it; None where not given.
    ``cpu_quota``: its CPU limit is given in that form, beside which Docker takes no ``cpus``.
    """

    memory_reservation: int | None = None
    shm_size: int | None = None
    cpu_quota: bool = False
    cpuset: int | None = None
    oom_kill_disable: bool = False


class ServiceDefinition(Frozen):
    """One service as the project's Compose files in force say (``docker compose config``), without its environment.

    ``fixed_addresses`` are its addresses and MAC addresses in networks, and ``network_mode host``, each by its key.
    ``limit_form`` is ``service`` (``mem_limit``, ``cpus``), ``deploy`` (``deploy.resources.limits``) or None where the
    app sets no limit; ``count_form`` likewise ``service`` (``scale``), ``deploy`` (``deploy.replicas``) or None.
    """

    name: str
    replicas: int = 1
    limits: Limits = Limits()
    beside: ResourceKeys = ResourceKeys()
    limit_form: str | None = None
    count_form: str | None = None
    container_name: str | None = None
    fixed_host_ports: tuple[str, ...] = ()
    fixed_addresses: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    has_healthcheck: bool = False

    @model_validator(mode="before")
    @classmethod
    def _without_hash(cls, data: Any) -> Any:
        return _without_hash(data)


class AttachmentObservation(Frozen):
    """How our capacity file takes effect in a project, or would.

    ``form`` is ``override``, ``environment``, ``named``, ``refused`` or ``unknown``, ``file`` the file's name.
    ``refusal`` says why it cannot be attached, ``problem`` why one that is ``attached`` does not take effect any more,
    ``note`` what a person should know before the next change; each is one sentence.
    """

    form: str
    file: str
    attached: bool = False
    refusal: str | None = None
    note: str | None = None
    problem: str | None = None


class ProjectObservation(Frozen):
    """One Compose project: where it lives and what its files in force say.

    ``files`` are those in force, in order (from ``COMPOSE_FILE``, else Compose's own defaults); ``capacity_file`` is
    our capacity file as parsed data, None when absent. ``problem`` is set when Compose rejects the files.
    ``attachment`` is None where nobody looked at it.
    """

    name: str
    directory: str
    files: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    services: tuple[ServiceDefinition, ...] = ()
    capacity_file: dict[str, Any] | None = None
    problem: str | None = None
    attachment: AttachmentObservation | None = None

    @property
    def unwritable(self) -> str | None:
        """Why nothing of ours can be written beside the project's files, in one sentence; None where it can be."""
        return self.problem or (self.attachment.refusal if self.attachment else None)


class SamplerStatus(Frozen):
    """Whether the sampler is installed and when it last wrote; ``interval`` and ``bucket`` in seconds."""

    installed: bool = False
    running: bool = False
    interval: float | None = Field(None, gt=0, le=86_400)
    bucket: float | None = Field(None, gt=0, le=86_400)
    last_sample_at: int | None = Field(None, ge=0, le=10**11)
    version: str | None = None


class HostFacts(Frozen):
    """Facts of a host. Memory, swap and disk in bytes, network in bits per second (None unknown).

    ``disk`` is the one that Docker is on, ``data`` the volume of the app's data where the Policy names another one,
    ``data_disk`` the size of the disk under the app's data, whatever its file system makes of it.
    ``memory_pressure`` is the share of the last five minutes in which a task waited for memory.
    """

    hostname: str = ""
    machine_id: str = ""
    cpus: int = 0
    memory: int = 0
    memory_available: int | None = None
    swap_total: int = 0
    swap_used: int = 0
    memory_pressure: float | None = None
    disk_total: int | None = None
    disk_free: int | None = None
    data_total: int | None = None
    data_free: int | None = None
    data_disk: int | None = None
    network_speed: int | None = None
    distribution: str = ""
    kernel: str = ""
    python: str = ""
    docker: str | None = None
    compose: str | None = None
    cgroup: str | None = None
    load_average: tuple[float, float, float] | None = None


class ProgramLook(Frozen):
    """What the program in a container says of itself; ``problem`` is one sentence where it does not say it."""

    problem: str | None = None


_Look = TypeVar("_Look", bound=ProgramLook)


class HostObservation(Frozen):
    """One host. ``problem`` is one sentence when it was reached but could not be looked at (Docker not running).

    ``postgres`` is the mapped database service, None where no container of it runs here. ``programs`` is what programs
    said of themselves, by container, as ``program`` reads it.
    """

    name: str
    facts: HostFacts = HostFacts()
    projects: tuple[ProjectObservation, ...] = ()
    containers: tuple[ContainerObservation, ...] = ()
    history: tuple[ContainerHistory, ...] = ()
    postgres: PostgresObservation | None = None
    programs: dict[str, dict[str, Any]] = Field(default_factory=dict)
    traffic: TrafficObservation = TrafficObservation()
    sampler: SamplerStatus = SamplerStatus()
    state: dict[str, Any] = Field(default_factory=dict, description="lock, freeze and unfinished runs as on the host")
    problem: str | None = None

    @field_validator("state", mode="before")
    @classmethod
    def _understood(cls, state: Any) -> dict[str, Any]:
        return noted_on_host(state)

    def project(self, name: str) -> ProjectObservation | None:
        """The Compose project of that name, or None."""
        return next((project for project in self.projects if project.name == name), None)

    def program(self, container: str, kind: type[_Look]) -> _Look | None:
        """What the program in that container says of itself, None where nobody asked it."""
        answer = self.programs.get(container)
        if answer is None:
            return None
        try:
            return kind.model_validate(answer)
        except ValidationError as problem:
            where = ".".join(map(str, problem.errors()[0]["loc"]))
            sentence = f"What the host says of {container} is not understood: {displayable(where, limit=100)}."
            return kind(problem=sentence)

    def containers_of(self, project: str, service: str) -> tuple[ContainerObservation, ...]:
        """The containers of one service, by instance number."""
        containers = [c for c in self.containers if c.project == project and c.service == service]
        return tuple(sorted(containers, key=lambda c: (c.number or 0, c.name)))


class Observation(Frozen):
    """What was seen on the hosts at one time. ``unreachable`` maps a host to the reason in one sentence."""

    at: AwareDatetime
    hosts: tuple[HostObservation, ...] = ()
    unreachable: dict[str, str] = Field(default_factory=dict)

    def host(self, name: str) -> HostObservation | None:
        """The host of that inventory name, or None."""
        return next((host for host in self.hosts if host.name == name), None)

    @cached_property
    def host_digests(self) -> dict[str, str]:
        """By host, a digest of what a Plan rests on: limits, counts and definitions; not usage, which always moves."""
        return {host.name: digest_of(_resting(host)) for host in self.hosts}

    @cached_property
    def digest(self) -> str:
        """One digest over ``host_digests``."""
        return digest_of(self.host_digests)


def _without_hash(data: Any) -> Any:
    """An Observation that 0.1 recorded has hashes, whose comparison was wrong for many services; they say nothing."""
    return {key: value for key, value in data.items() if key != "config_hash"} if isinstance(data, dict) else data


def _resting(host: HostObservation) -> dict[str, Any]:
    return {
        "host": host.name,
        "machine_id": host.facts.machine_id,
        "cpus": host.facts.cpus,
        "memory": host.facts.memory,
        "containers": sorted(
            [c.project or "", c.service or "", c.name, c.id, c.limits.model_dump(), c.current] for c in host.containers
        ),
        "numbers": sorted([c.name, c.numbers] for c in host.containers if c.numbers),
        "projects": [
            [p.name, p.directory, list(p.files), p.capacity_file, [_definition(s) for s in p.services]]
            for p in host.projects
        ],
    }


def _definition(service: ServiceDefinition) -> dict[str, Any]:
    """Without the addresses, which the configuration's hash has too: Plans that were saved without them stay valid."""
    return service.model_dump(exclude={"fixed_addresses"})
