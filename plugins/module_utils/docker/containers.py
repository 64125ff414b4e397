"""A container as Docker describes it, reduced to what this project needs; never its environment."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone
from threading import local
from typing import Any

from .engine import Engine

__all__ = [
    "NO_MEMORY_LIMIT",
    "Container",
    "Listed",
    "compose_details",
    "find_containers",
    "listed_instances",
    "mount_of",
    "numbers_of",
    "pool_of_process",
    "services_with_variable",
    "unix_time",
    "worker_pool",
]

_LABEL = "com.docker.compose."
NO_MEMORY_LIMIT = 2**62  # bytes; Docker cannot take a memory limit away in place, so a rollback sets this one
_NEVER = "0001-01-01T00:00:00Z"
_DEFAULT_PERIOD = 100_000  # microseconds; the kernel's own default
_DEFAULT_GRACE = 10.0  # seconds; Docker's own default
_PARALLEL = 4
_ILL = re.compile(r"\((health: starting|unhealthy)\)")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?Z\Z")
_POOL = re.compile(r"(?<!\S)(?:--pool[= ]|-P ?)([A-Za-z_][\w.:-]{0,60})(?!\S)")
_PLAIN_NUMBER = re.compile(r"\d{1,12}(\.\d{1,6})?\Z")


@dataclass(frozen=True)
class Container:
    """One container. Memory and swap in bytes, CPUs in cores; None means unlimited. ``swap`` is memory plus swap.

    ``cpu_period`` is set, in microseconds, where the CPU limit was given as quota and period: Docker then refuses to
    change it in any other form. ``start_period`` is in seconds, 0 without a health check. ``service`` is None for a
    one-off container of ``docker compose run``. ``created_at`` is in Unix seconds, ``image_id`` what ``image`` meant
    when it was made. ``joined`` has the IDs of other containers whose network, processes or shared memory it lives in.
    ``worker_pool`` is the pool that its command line gives a Celery worker, None where it gives none. ``postgres_user``
    is the superuser that Postgres' own image was told to make, None where nothing tells.
    """

    id: str
    name: str
    image: str
    pid: int
    state: str
    health: str | None
    started_at: str | None
    restarts: int
    oom_killed: bool
    start_period: float
    memory: int | None
    memory_reservation: int | None
    swap: int | None
    cpus: float | None
    cpu_period: int | None
    stop_grace: float
    project: str | None
    service: str | None
    number: int | None
    config_hash: str | None
    config_files: tuple[str, ...]
    working_directory: str | None
    environment_file: str | None
    created_at: float = 0.0
    image_id: str = ""
    worker_pool: str | None = None
    joined: tuple[str, ...] = ()
    postgres_user: str | None = None

    @property
    def running(self) -> bool:
        """Whether it has processes."""
        return self.pid > 0

    @property
    def started(self) -> float:
        """When it was started the last time, in Unix seconds; 0 where that is not known."""
        return unix_time(self.started_at or "")

    def ran(self, now: float) -> float:
        """For how many seconds it has run since its last start; 0 where it does not run."""
        return max(0.0, now - self.started) if self.running else 0.0

    @classmethod
    def parse(cls, raw: dict[str, Any]) -> Container:
        """From the answer of ``Engine.inspect``."""
        state, limits, config = raw["State"], raw["HostConfig"], raw["Config"]
        labels = config.get("Labels") or {}
        one_off = str(labels.get(_LABEL + "oneoff", "")).lower() == "true"
        number = str(labels.get(_LABEL + "container-number", ""))
        quota, period = limits.get("CpuQuota") or 0, limits.get("CpuPeriod") or 0
        started = state.get("StartedAt")
        return cls(
            id=raw["Id"],
            name=str(raw["Name"]).lstrip("/"),
            image=str(config.get("Image") or raw.get("Image") or ""),
            pid=int(state.get("Pid") or 0),
            state=str(state.get("Status") or "unknown"),
            health=(state.get("Health") or {}).get("Status"),
            started_at=None if started in (None, "", _NEVER) else started,
            restarts=int(raw.get("RestartCount") or 0),
            oom_killed=bool(state.get("OOMKilled")),
            start_period=float((config.get("Healthcheck") or {}).get("StartPeriod") or 0) / 1e9,
            memory=_limited(limits.get("Memory")),
            memory_reservation=limits.get("MemoryReservation") or None,
            swap=_limited(limits.get("MemorySwap")),
            cpus=_cpus(limits.get("NanoCpus") or 0, quota, period),
            cpu_period=(period or _DEFAULT_PERIOD) if quota > 0 or period > 0 else None,
            stop_grace=float(_or(config.get("StopTimeout"), _DEFAULT_GRACE)),
            project=labels.get(_LABEL + "project") or None,
            service=None if one_off else labels.get(_LABEL + "service") or None,
            number=int(number) if number.isdigit() and not one_off else None,
            config_hash=labels.get(_LABEL + "config-hash") or None,
            config_files=tuple(filter(None, str(labels.get(_LABEL + "project.config_files", "")).split(","))),
            working_directory=labels.get(_LABEL + "project.working_dir") or None,
            environment_file=labels.get(_LABEL + "project.environment_file") or None,
            created_at=unix_time(str(raw.get("Created") or "")),
            image_id=str(raw.get("Image") or ""),
            worker_pool=worker_pool([str(raw.get("Path") or ""), *map(str, raw.get("Args") or [])]),
            joined=_joined(limits),
            postgres_user=_variable(config, "POSTGRES_USER"),
        )


def _variable(config: dict[str, Any], name: str) -> str | None:
    entries = (str(entry).partition("=") for entry in config.get("Env") or [])
    return next((value for known, _, value in entries if known == name and value), None)


def _joined(host: dict[str, Any]) -> tuple[str, ...]:
    modes = [str(host.get(key) or "") for key in ("NetworkMode", "PidMode", "IpcMode")]
    return tuple(sorted({mode.partition(":")[2] for mode in modes if mode.startswith("container:")}))


def find_containers(engine: Engine, socket_path: str, project: str | None = None) -> list[Container]:
    """All containers of a Compose project, or of the host, sorted by name; those that vanish meanwhile are left out."""
    labels = [] if project is None else [f"{_LABEL}project={project}"]
    ids = [str(listed["Id"]) for listed in engine.containers(labels)]
    few = len(ids) <= 2 * _PARALLEL
    details = [engine.inspect(identity) for identity in ids] if few else _inspect_parallel(ids, socket_path)
    return sorted((Container.parse(detail) for detail in details if detail), key=lambda container: container.name)


@dataclass(frozen=True)
class Listed:
    """An instance as the list of containers shows it. ``well``: it runs, and its health check says nothing else."""

    id: str
    name: str
    running: bool
    well: bool


def listed_instances(engine: Engine, project: str, service: str) -> list[Listed]:
    """The instances of a service by one question, cheap enough to be asked again and again while they start."""
    listed = engine.containers([f"{_LABEL}project={project}", f"{_LABEL}service={service}", f"{_LABEL}oneoff=False"])
    instances = []
    for entry in listed:
        running = entry.get("State") == "running"
        name = next((str(name).lstrip("/") for name in entry.get("Names") or []), "")
        instances.append(Listed(str(entry["Id"]), name, running, running and not _ILL.search(str(entry.get("Status")))))
    return instances


def numbers_of(details: dict[str, Any], names: list[str]) -> dict[str, float]:
    """Of the environment in an answer of ``Engine.inspect``, the named variables that are plain numbers."""
    numbers = {}
    for entry in (details.get("Config") or {}).get("Env") or []:
        name, _, value = str(entry).partition("=")
        if name in names and _PLAIN_NUMBER.match(value):
            numbers[name] = float(value)
    return numbers


def compose_details(socket_path: str, project: str | None = None) -> list[dict[str, Any]]:
    """What Docker says of each container of a Compose project, or of all projects; one-off containers are left out."""
    label = f"{_LABEL}project" + ("" if project is None else f"={project}")
    with Engine(socket_path) as engine:
        ids = [str(listed["Id"]) for listed in engine.containers([label, f"{_LABEL}oneoff=False"])]
    return [details for details in _inspect_parallel(ids, socket_path) if details]


def services_with_variable(socket_path: str, project: str, name: str) -> list[str]:
    """The services of a project that have a container with this variable in its environment; its value is not told."""
    configs = [details.get("Config") or {} for details in compose_details(socket_path, project)]
    holding = [
        config for config in configs if any(str(entry).startswith(f"{name}=") for entry in config.get("Env") or [])
    ]
    return sorted({str((config.get("Labels") or {}).get(_LABEL + "service", "")) for config in holding} - {""})


def _inspect_parallel(ids: list[str], socket_path: str) -> list[dict[str, Any] | None]:
    mine, engines = local(), ExitStack()

    def inspect(container: str) -> dict[str, Any] | None:
        if "engine" not in mine.__dict__:
            mine.engine = engines.enter_context(Engine(socket_path))
        engine: Engine = mine.engine
        return engine.inspect(container)

    with engines, ThreadPoolExecutor(_PARALLEL) as pool:
        return list(pool.map(inspect, ids))


def unix_time(text: str) -> float:
    """A moment as Docker writes it, in Unix seconds; 0 where it is none."""
    match = _MOMENT.match(text)
    if match is None:
        return 0.0
    second = datetime.fromisoformat(match[1]).replace(tzinfo=timezone.utc)
    return second.timestamp() + float(match[2] or 0)


def _limited(value: int | None) -> int | None:
    """A limit in bytes; None for none, and for one that no machine reaches."""
    return value if value and 0 < value < NO_MEMORY_LIMIT else None


def pool_of_process(pid: int, proc: str = "/proc") -> str | None:
    """The pool in the command line of a container's first process: a script may have become the worker itself."""
    try:
        with open(f"{proc}/{pid}/cmdline", "rb") as source:
            return worker_pool(source.read().decode("utf-8", "replace").split("\0"))
    except (FileNotFoundError, ProcessLookupError):
        return None


def worker_pool(words: list[str]) -> str | None:
    """The pool in a Celery worker's command line, None where it names none.

    Celery takes the last ``--pool`` or ``-P``. A shell may stand before it, so the line that it is given is read too.
    """
    line = " ".join(" ".join(words).split())
    named = _POOL.findall(line.replace("'", "").replace('"', "")) if "celery" in line else []
    return named[-1] if named else None


def _cpus(nano: int, quota: int, period: int) -> float | None:
    if nano > 0:
        return nano / 1e9
    return quota / (period or _DEFAULT_PERIOD) if quota > 0 else None


def _or(value: Any, otherwise: Any) -> Any:
    return otherwise if value is None else value


def mount_of(details: dict[str, Any], path: str) -> dict[str, Any] | None:
    """The container's mount that ``path`` inside it lies on, as Docker describes it; None where it lies on none."""
    over = [
        mount
        for mount in details.get("Mounts") or []
        if path == mount.get("Destination") or path.startswith(str(mount.get("Destination")).rstrip("/") + "/")
    ]
    return max(over, key=lambda mount: len(str(mount["Destination"])), default=None)
