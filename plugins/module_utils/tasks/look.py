"""Count the tasks of each worker service, in the queues of the system that its broker shows.

What is not sure is not counted: a service whose system, database or prefix cannot be told has a ``problem``, never a 0.
"""

from __future__ import annotations

from typing import Any

from ..system.failure import HostSideError
from . import bullmq, celery, rq, sidekiq
from .broker import Keyspace, QueueCount, RedisBroker

__all__ = ["count_tasks", "queues_seen"]

_SYSTEMS = {system.NAME: system for system in (celery, rq, sidekiq, bullmq)}


def count_tasks(broker: RedisBroker, wanted: list[dict[str, Any]]) -> dict[str, Any]:
    """The tasks of the services in ``wanted``: ``queued``, ``reserved``, ``scheduled``, and ``tasks`` by service.

    Each has ``service``, ``queues``, and ``system``, ``database``, ``prefix``, which are None where the broker is to
    show them. Without queues a service works on all that no other service of the same system names. A queue that
    several work on counts once in the sums, which are None where one service is not known. Raises HostSideError where
    Redis does not answer, ValueError where what it answers is not understood.
    """
    keyspaces = _keyspaces(broker, wanted)
    services: dict[str, dict[str, Any]] = {}
    fitting: dict[tuple[str, int, str], tuple[Keyspace, list[dict[str, Any]]]] = {}
    for service in wanted:
        try:
            keyspace = _keyspace_of(service, keyspaces)
        except HostSideError as unknown:
            services[service["service"]] = {"problem": unknown.sentence}
            continue
        key = keyspace.system, keyspace.database, keyspace.prefix
        fitting.setdefault(key, (keyspace, []))[1].append(service)
    of_all = []
    for keyspace, own in fitting.values():
        counts = _counted(broker, keyspace, own)
        of_all += [*{queue: number for queues in counts.values() for queue, number in queues.items()}.values()]
        for name, queues in counts.items():
            services[name] = {"system": keyspace.system, **_numbers([*queues.values()])}
    known = bool(services) and not any("problem" in counted for counted in services.values())
    tasks = [{"service": name, **services[name]} for name in sorted(services)]
    return {"tasks": tasks, **(_numbers(of_all) if known else {})}


def queues_seen(broker: RedisBroker) -> list[str]:
    """The systems of tasks that have queues there, each with its database, for a person. Raises as ``count_tasks``."""
    return [keyspace.sentence for keyspace in _keyspaces(broker, [])]


def _counted(
    broker: RedisBroker, keyspace: Keyspace, services: list[dict[str, Any]]
) -> dict[str, dict[str, QueueCount]]:
    """By service, the tasks of each queue that it works on; the services are all that have their queues there."""
    named = {str(queue) for service in services for queue in service.get("queues") or ()}
    counts = _SYSTEMS[keyspace.system].count(broker, keyspace, tuple(sorted({*keyspace.queues, *named})))
    own = {service["service"]: {*map(str, service.get("queues") or ())} or {*counts} - named for service in services}
    return {name: {queue: counts.get(queue, QueueCount()) for queue in queues} for name, queues in own.items()}


def _numbers(counts: list[QueueCount]) -> dict[str, int]:
    total = sum(counts, QueueCount())
    return {"queued": total.waiting, "reserved": total.held, "scheduled": total.scheduled}


def _keyspaces(broker: RedisBroker, wanted: list[dict[str, Any]]) -> list[Keyspace]:
    """All that the databases show; where all services name their database, only of these."""
    named = [service.get("database") for service in wanted] or [None]
    databases = broker.databases()
    looked_at = sorted({*databases} if None in named else {*databases} & {*named})
    return [
        keyspace
        for database in looked_at
        for keys in [broker.telling_keys(database, _likely(wanted))]
        for system in _SYSTEMS.values()
        for keyspace in system.keyspaces(broker, database, keys)
    ]


def _likely(wanted: list[dict[str, Any]]) -> list[str]:
    """What keys that tell of a system are called where prefix and queues are as they are mapped."""
    prefixes = sorted({str(service.get("prefix") or "") for service in wanted})
    queues = sorted(
        {str(queue) for service in wanted for queue in service.get("queues") or ()} | {celery.DEFAULT_QUEUE}
    )
    names = ["queues", "processes", *(f"_kombu.binding.{queue}" for queue in queues)]
    own = [f"{prefix or 'bull'}:{queue}:meta" for prefix in prefixes for queue in queues]
    return ["rq:queues", "rq:workers", *own, *(prefix + name for prefix in prefixes for name in names)]


def _keyspace_of(service: dict[str, Any], keyspaces: list[Keyspace]) -> Keyspace:
    """Where this service's queues are. Raises HostSideError where that is not sure."""
    system = service.get("system")
    if system is not None and system not in _SYSTEMS:
        raise HostSideError(
            f"Its tasks are those of another system than {', '.join(_SYSTEMS)}, which is not counted.", kind="redis"
        )
    fitting = [
        keyspace
        for keyspace in keyspaces
        if system in (None, keyspace.system)
        and service.get("database") in (None, keyspace.database)
        and service.get("prefix") in (None, keyspace.prefix)
    ]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        others = "; ".join(keyspace.sentence for keyspace in keyspaces)
        shows = f"It shows {others}." if others else f"It shows none of {', '.join(_SYSTEMS)}."
        raise HostSideError(
            f"Its Redis has no queue of {system or 'a system that is known here'} for it. {shows}", kind="redis"
        )
    sentences = "; ".join(keyspace.sentence for keyspace in fitting)
    raise HostSideError(
        f"Its Redis has several sets of queues, and which is this service's is not known: {sentences}.", kind="redis"
    )
