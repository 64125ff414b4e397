"""The connection budget of Postgres (X-13)."""

from __future__ import annotations

from collections.abc import Iterable

from selextract_infra.errors import UsageError
from selextract_infra.model.assessment import ConnectionBudget
from selextract_infra.model.postgres_observation import ConnectionLimit
from selextract_infra.policy.model import Policy

__all__ = ["connection_budget", "policy_budget", "tightest_limit"]


def tightest_limit(limits: Iterable[ConnectionLimit]) -> ConnectionLimit | None:
    """The limit that the app meets first, None where there is none for it.

    Of roles and of databases it is the one with the most open connections that is the app's; others, such as that of a
    person who may read, say nothing about it.
    """
    busiest: dict[str, ConnectionLimit] = {}
    for limit in limits:
        kind = limit.subject.partition(" ")[0]
        if limit.open and limit.open > (busiest[kind].open if kind in busiest else 0):
            busiest[kind] = limit
    return min(busiest.values(), key=lambda limit: limit.connections, default=None)


def connection_budget(
    *,
    api_instances: int,
    pool_size: int,
    worker_instances: int,
    worker_concurrency: int,
    maximum: int,
    reserved: int,
    soft_limit: int,
    processes_per_api: int = 1,
    surge: tuple[int, int] = (0, 0),
) -> ConnectionBudget:
    """What the instances ask of Postgres at full pools without a pooler, and what there is.

    Each API process has a pool of ``pool_size``, each worker slot one connection. ``reserved`` are
    ``superuser_reserved_connections`` (and any other direct use) inside ``maximum``. ``surge`` is how many instances of
    the API and of the workers run besides while others are replaced. The guide's own bounds do not fit:
    10 x 20 + 15 x 4 + 3 = 263 of 200. Raises UsageError for negative numbers.
    """
    more_api, more_workers = surge
    counts = (api_instances, pool_size, worker_instances, worker_concurrency, maximum, reserved, soft_limit)
    if min(*counts, *surge) < 0 or processes_per_api < 1:
        raise UsageError("A connection budget is made of counts of zero and more.")
    per_api = pool_size * processes_per_api
    api, workers = (api_instances + more_api) * per_api, (worker_instances + more_workers) * worker_concurrency
    usable = max(0, maximum - reserved)
    most = max(0, max(0, usable - workers) // per_api - more_api) if per_api else api_instances
    wanted = api + workers + reserved
    fits, within = api + workers <= usable, api + workers <= soft_limit
    sum_text = (
        f"{_counted(api_instances, 'API', more_api)} x {per_api} +"
        f" {_counted(worker_instances, 'workers', more_workers)} x {worker_concurrency} + {reserved} reserved"
    )
    verdict = "fit" if fits else f"do not fit: at most {most} API instances do beside these workers"
    contention = "" if within else f"; above {soft_limit} they contend"
    return ConnectionBudget(
        api=api,
        workers=workers,
        reserved=reserved,
        wanted=wanted,
        maximum=maximum,
        usable=usable,
        soft_limit=soft_limit,
        fits=fits,
        within_soft_limit=within,
        most_api_instances=most,
        sentence=f"{sum_text} = {wanted} of {maximum} connections {verdict}{contention}",
    )


def _counted(instances: int, what: str, surge: int) -> str:
    """Instances, and those beside them while one of them is replaced."""
    return f"({instances} {what} + {surge} while one is replaced)" if surge else f"{instances} {what}"


def policy_budget(
    policy: Policy,
    api: int,
    workers: int,
    *,
    processes: int = 1,
    maximum: int | None = None,
    surge: tuple[int, int] = (0, 0),
) -> ConnectionBudget:
    """What so many API instances and workers, and ``surge`` more of each, ask of Postgres by the policy (X-13).

    ``processes``: how many processes of an API instance have a pool of their own. ``maximum`` is Postgres'
    max_connections, None for the policy's.
    """
    return connection_budget(
        api_instances=api,
        pool_size=policy.scaling.connections.per_api_instance,
        worker_instances=workers,
        worker_concurrency=policy.cpu_parts.worker.concurrency,
        maximum=policy.scaling.connections.maximum if maximum is None else maximum,
        reserved=policy.postgres.superuser_reserved,
        soft_limit=policy.limits.soft.database_connections.limit,
        processes_per_api=processes,
        surge=surge,
    )
