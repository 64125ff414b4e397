"""Observations for tests, made the way hosts give them; the guide's server and application unless said otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from selextract_infra.model.history import ContainerHistory
from selextract_infra.model.observation import (
    ContainerObservation,
    HostFacts,
    HostObservation,
    Limits,
    Observation,
    ProjectObservation,
    SamplerStatus,
    ServiceDefinition,
    Usage,
)
from selextract_infra.policy import Policy, load_policy

AT = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
MB = 1 << 20
GB = 1 << 30
ROLES = {name: name for name in ("api", "frontend", "worker", "redis", "nginx")} | {"postgres": "database"}


def policy(services: Mapping[str, Mapping[str, Any]] | None = None, **overrides: Any) -> Policy:
    """The guide with the application mapped; ``services`` adds keys to the mapping of single services."""
    mapping = {name: {"role": role, **(services or {}).get(name, {})} for name, role in ROLES.items()}
    application = {"project": "selextract", "directory": "/opt/selextract", "services": mapping}
    return load_policy({"application": application, **overrides})


def history(
    service: str,
    *,
    memory: Any = 100 * MB,
    cpu: Any = 0.1,
    number: int = 1,
    seconds: float = 7 * 86400,
    until: datetime = AT,
    bucket: float = 60.0,
    oom: Mapping[int, int] | None = None,
    limit: Any = None,
    page_cache: Any = 0,
    samples: int = 4,
) -> ContainerHistory:
    """Full buckets up to ``until``; columns are one value or one for each bucket; ``oom`` has kills by place."""
    length = int(seconds // bucket)
    kills = np.zeros(length, np.int64)
    for place, count in (oom or {}).items():
        kills[place] = count
    return ContainerHistory(
        name=f"selextract-{service}-{number}",
        project="selextract",
        service=service,
        bucket_seconds=bucket,
        interval_seconds=bucket / samples,
        at=np.arange(length) * int(bucket) + int(until.timestamp() - length * bucket),
        cpu=np.broadcast_to(np.asarray(cpu, float), (length,)),
        cpu_peak=np.broadcast_to(np.asarray(cpu, float), (length,)),
        memory=np.broadcast_to(np.asarray(memory, np.int64), (length,)),
        page_cache=np.broadcast_to(np.asarray(page_cache, np.int64), (length,)),
        oom_kills=kills,
        restarts=np.zeros(length, np.int64),
        samples=np.full(length, samples),
        memory_limit=np.empty(0, np.int64) if limit is None else np.broadcast_to(np.asarray(limit), (length,)),
    )


def container(
    service: str,
    *,
    memory: int | None = 2 * GB,
    cpus: float | None = 2.0,
    swap: int | None = -1,
    number: int = 1,
    use: int | None = 50 * MB,
    cpu_use: float | None = 0.05,
    **more: Any,
) -> ContainerObservation:
    """A running container of a service; swap equals memory unless given."""
    return ContainerObservation(
        **{
            "name": f"selextract-{service}-{number}",
            "id": f"{service}{number}",
            "image": "app",
            "project": "selextract",
            "service": service,
            "number": number,
            "started_at": "2026-01-01T00:00:00Z",
            "limits": Limits(memory=memory, swap=memory if swap == -1 else swap, cpus=cpus),
            "usage": Usage(memory=use, cpus=cpu_use, page_cache=0),
            "current": True,
            "config_files": ("/opt/selextract/compose.yml",),
            **more,
        }
    )


def definition(service: str, **more: Any) -> ServiceDefinition:
    """What the Compose files say of a service."""
    said = {"name": service, "limit_form": "service", "has_healthcheck": True}
    return ServiceDefinition(**{**said, **more})


def host(
    containers: Sequence[ContainerObservation],
    histories: Sequence[ContainerHistory] = (),
    *,
    name: str = "app1",
    cpus: int = 8,
    memory: int = 32 * GB,
    definitions: Sequence[ServiceDefinition] | None = None,
    project: Mapping[str, Any] | None = None,
    **more: Any,
) -> HostObservation:
    """A host that runs these containers from one Compose project."""
    services = sorted({one.service for one in containers if one.service})
    said = tuple(definition(service) for service in services) if definitions is None else tuple(definitions)
    where = {"name": "selextract", "directory": "/opt/selextract", "files": ("compose.yml",), "services": said}
    return HostObservation(
        **{
            "name": name,
            "facts": HostFacts(cpus=cpus, memory=memory, machine_id=name),
            "projects": (ProjectObservation(**{**where, **(project or {})}),),
            "containers": tuple(containers),
            "history": tuple(histories),
            "sampler": SamplerStatus(installed=True, running=True, interval=15.0, bucket=60.0),
            **more,
        }
    )


def observation(*hosts: HostObservation, **more: Any) -> Observation:
    """What was seen at ``AT``."""
    return Observation(at=AT, hosts=hosts, **more)


def one(service: str, *, peak: Any = 100 * MB, cpu: Any = 0.1, seconds: float = 7 * 86400, **more: Any) -> Observation:
    """One host with one container of a service and its history."""
    return observation(host([container(service, **more)], [history(service, memory=peak, cpu=cpu, seconds=seconds)]))
