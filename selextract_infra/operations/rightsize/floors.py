"""Floors: what a service needs whatever its history says, from the settings it runs with.

The sum of a service's own parts where the mapping says that they are in use (X-05, X-08), Redis' ``maxmemory`` with
what a fork needs, and Postgres' tuning budget with the file cache that it keeps hot (X-01 to X-03). Beside that, what
the Compose files reserve for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from selextract_infra.assess.postgres.memory import HASHES
from selextract_infra.assess.postgres.parameters import VERSIONS
from selextract_infra.assess.postgres.settings_for import tune_postgres
from selextract_infra.assess.service import Service
from selextract_infra.errors import RefusedError
from selextract_infra.model.figures import memory, percent
from selextract_infra.model.tuning import PostgresFacts

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["RESERVATION", "Floor", "floor_of", "parts_of", "tuning_budget"]

RESERVATION = "mem_reservation"


@dataclass(frozen=True, slots=True)
class Floor:
    """The least memory a service may have, in bytes. ``raises``: a limit below it is raised, not only kept.

    Postgres' budget follows from the memory it has, so it only ever forbids lowering.
    """

    bytes: float
    rule: str
    why: str
    raises: bool = True


def floor_of(service: Service, policy: Policy) -> Floor | None:
    """The highest floor of a service, by its role and by what stands beside its limits; None where it has none."""
    floors = [_by_role(service, policy), *_beside(service)]
    return max((floor for floor in floors if floor is not None), key=lambda floor: floor.bytes, default=None)


def _beside(service: Service) -> Iterator[Floor]:
    """What the Compose files say beside the limits: Docker refuses less, or the service would fail with it."""
    now, keys, reserved = service.memory, service.beside, service.memory_reservation
    if reserved:
        yield Floor(
            reserved, RESERVATION, f"Its reservation is {memory(reserved)}, and Docker takes no limit below that."
        )
    if keys.shm_size and now is not None:
        shared = min(keys.shm_size, now)
        yield Floor(shared, "shm_size", f"Its shared memory may hold {memory(keys.shm_size)}, which counts as its own.")
    if keys.oom_kill_disable and now is not None:
        yield Floor(
            now, "oom_kill_disable", "Nothing in it is killed at its limit, so one that is too low would halt it."
        )


def _by_role(service: Service, policy: Policy) -> Floor | None:
    if service.role == "redis":
        return _redis(service, policy)
    if service.role == "database":
        return _database(service, policy)
    return _parts(service, policy)


def parts_of(role: str, policy: Policy) -> int | None:
    """What the guide's memory parts of a role add up to, in bytes (MEM-01 to MEM-06); None for roles without parts."""
    parts = policy.memory_parts
    if role == "api":
        return parts.api.jvm_heap + parts.api.connection_pool + parts.api.cache
    if role == "worker":
        worker = parts.worker
        tasks = policy.cpu_parts.worker.concurrency * worker.task_memory_limit
        return worker.browser_instances * worker.memory_per_browser + tasks
    return None


def tuning_budget(effective: int, cpus: float, policy: Policy, connections: int | None = None) -> int:
    """What Postgres may use with ``effective`` bytes of memory, in bytes: what its tuning adds up to (X-01 to X-03),
    without what its hashes may take beyond work_mem: with less memory it is told not to.

    ``connections`` is how many may be open at once, None for the largest pool (PDB-02). All of it where nothing fits.
    """
    connections = policy.baseline.database.pool.maximum if connections is None else connections
    facts: PostgresFacts = PostgresFacts(memory=effective, cpus=cpus, version=VERSIONS[-1], connections=connections)
    try:
        tuning = tune_postgres(facts, policy)
        return tuning.total - sum(part.bytes for part in tuning.budget if part.name == HASHES)
    except RefusedError:
        return effective


def _parts(service: Service, policy: Policy) -> Floor | None:
    total = parts_of(service.role, policy)
    if total is None or not policy.application.services[service.name].parts:
        return None
    share = policy.sizing.parts_share
    why = f"Its parts add up to {memory(total)} and may fill {percent(share)} of the limit."
    return Floor(total / share, "X-05" if service.role == "api" else "X-08", why)


def _redis(service: Service, policy: Policy) -> Floor | None:
    maxmemory = policy.application.services[service.name].maxmemory
    if maxmemory is None:
        return None
    reserve = policy.rightsizing.redis_fork_reserve
    why = f"maxmemory is {memory(maxmemory)}, and a fork needs up to {percent(reserve)} of that."
    return Floor(maxmemory * (1 + reserve), "rightsizing.redis_fork_reserve", why)


def _database(service: Service, policy: Policy) -> Floor | None:
    if service.memory is None:
        return None
    cpus = service.cpus or policy.containers["database"].cpus
    connections = policy.application.services[service.name].postgres.connections
    budget = tuning_budget(service.memory, cpus, policy, connections)
    cache = max(service.peaks.file_cache, service.file_cache)
    why = f"Postgres is tuned for {memory(budget)} and keeps {memory(cache)} of files hot."
    return Floor(min(budget + cache, service.memory), "X-02", why, raises=False)
