"""Pooling: whether all connections of the app fit into Postgres, and how large a pooler's pools are (X-13, HDB-03)."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from selextract_infra.assess.connections import policy_budget
from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.model import figures
from selextract_infra.model.assessment import ConnectionBudget
from selextract_infra.model.finding import Finding, RuleClass, Severity
from selextract_infra.model.postgres import Pooling
from selextract_infra.model.postgres_observation import ConnectionLimit
from selextract_infra.model.tuning import ConnectionPlan, PoolSizes

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["SURGE", "Clients", "plan_connections", "refuse_overdrawn"]


SURGE = 1
"""Instances more of a service while it is replaced, because one is replaced at a time."""


@dataclass(frozen=True, slots=True)
class Clients:
    """Who connects: instances of API and worker, and how many more of one of them run while it is replaced (``surge``).

    ``per_process``: each process of an API instance has a pool of its own. ``poolers`` is how many pooler processes
    there are and ``databases`` how many databases (aliases count) each of them pools.
    """

    api: int
    workers: int
    surge: int = 0
    per_process: bool = False
    poolers: int = 1
    databases: int = 1


def plan_connections(
    clients: Clients,
    policy: Policy,
    *,
    pooling: Pooling = Pooling.DIRECT,
    maximum: int | None = None,
    limit: ConnectionLimit | None = None,
) -> ConnectionPlan:
    """The arithmetic of X-13 for these clients; ``maximum`` is Postgres' max_connections, None for the guide's.

    ``limit`` is what the app's role or its database may have, which counts where there is no pooler in between.
    Nothing is refused here: see `refuse_overdrawn`. Raises UsageError for counts below zero.
    """
    if min(clients.api, clients.workers, clients.surge) < 0 or min(clients.poolers, clients.databases) < 1:
        raise UsageError("Instances are counted from zero, poolers and databases from one.")
    processes = policy.cpu_parts.api.worker_processes
    budget = partial(policy_budget, policy, processes=processes if clients.per_process else 1, maximum=maximum)
    rolling = max(
        budget(clients.api, clients.workers, surge=(clients.surge, 0)),
        budget(clients.api, clients.workers, surge=(0, clients.surge)),
        key=lambda clients_at_once: clients_at_once.wanted,
    )
    shared = {
        "pooling": pooling,
        "api": clients.api,
        "workers": clients.workers,
        "surge": clients.surge,
        "at_rest": budget(clients.api, clients.workers),
        "rolling": rolling,
        "per_process": budget(clients.api, clients.workers, processes=processes),
    }
    if pooling is Pooling.DIRECT:
        opened = rolling.api + rolling.workers
        beyond = limit if limit is not None and opened > limit.connections else None
        return ConnectionPlan(
            **shared,
            available=beyond.connections if beyond else rolling.usable,
            opened=opened,
            limit=beyond,
            fits=rolling.fits and beyond is None,
            sentence=_direct_sentence(rolling, beyond),
            findings=_direct_findings(rolling, policy),
        )
    pools = _pools(clients, rolling, policy)
    available = max(0, rolling.usable - policy.postgres.admin_reserve)
    fits = pools.server_connections <= available
    return ConnectionPlan(
        **shared,
        pools=pools,
        available=available,
        opened=pools.server_connections,
        fits=fits,
        sentence=_pooled_sentence(pools, rolling, available, fits=fits),
        findings=_pooled_findings(pools, policy),
    )


def refuse_overdrawn(plan: ConnectionPlan, overrides: Collection[str] = (), *, leaving_pooler: bool = False) -> None:
    """Raise RefusedError where the connections do not fit, unless the operator overrides X-13.

    ``leaving_pooler``: there is a pooler, and it is about to go.
    """
    if plan.fits or "X-13" in overrides:
        return
    remedy = "make the pools smaller, or raise max_connections"
    if plan.limit is not None:
        remedy = f"raise the limit in Postgres (CONNECTION LIMIT {plan.opened})"
    elif leaving_pooler:
        remedy = "keep the pooler, run fewer instances, or raise max_connections"
    elif plan.pooling is Pooling.DIRECT:
        remedy = "put a pooler in between"
    raise RefusedError(
        f"{plan.sentence}: {plan.opened} > {plan.available} (X-13)",
        rule="X-13",
        override="--override X-13",
        remedy=f"{remedy}, or override it with --override X-13",
    )


def _pools(clients: Clients, rolling: ConnectionBudget, policy: Policy) -> PoolSizes:
    """Clients as many as can ever connect and a margin; servers as few as the soft limit allows."""
    pooler = policy.pgbouncer
    each = min(pooler.default_pool + pooler.reserve_pool, pooler.server_connections)
    return PoolSizes(
        default_pool_size=pooler.default_pool,
        reserve_pool_size=pooler.reserve_pool,
        max_db_connections=pooler.server_connections,
        max_client_conn=math.ceil(rolling.wanted * (1 + pooler.client_margin)),
        server_connections=each * clients.databases * clients.poolers,
    )


def _direct_sentence(rolling: ConnectionBudget, beyond: ConnectionLimit | None) -> str:
    if beyond is None:
        return rolling.sentence
    return f"{rolling.sentence}, but {beyond.subject} may have {beyond.connections} of them"


def _pooled_sentence(pools: PoolSizes, rolling: ConnectionBudget, available: int, *, fits: bool) -> str:
    verdict = "fit" if fits else "do not fit"
    return (
        f"{figures.count(rolling.wanted, 'client connection')} share {pools.server_connections} to Postgres, which"
        f" {verdict} into the {available} it has for them"
    )


def _direct_findings(rolling: ConnectionBudget, policy: Policy) -> tuple[Finding, ...]:
    opened, findings = rolling.api + rolling.workers, []
    left, reserve = rolling.usable - opened, policy.postgres.admin_reserve
    if 0 <= left < reserve:
        are = "is" if left == 1 else "are"
        rest = (
            f"{figures.count(left, 'connection')} {are} left for monitoring, migrations and psql, which need {reserve}."
        )
        findings.append(_finding(Severity.MAJOR, rest, left_connections=left, needed_connections=reserve))
    if opened > rolling.soft_limit:
        most = policy.baseline.database.pool.maximum
        beyond = f", and above {most} the pool's own maximum is passed" if opened > most else ""
        sentence = f"{opened} open connections contend above {rolling.soft_limit}{beyond}."
        findings.append(_finding(Severity.MAJOR, sentence, opened_connections=opened, soft_limit=rolling.soft_limit))
    if opened:
        memory = opened * policy.postgres.backend_memory
        sentence = f"{opened} open connections may take {figures.memory(memory)} of Postgres' memory."
        findings.append(_finding(Severity.INFO, sentence, opened_connections=opened, memory_bytes=memory))
    return tuple(findings)


def _pooled_findings(pools: PoolSizes, policy: Policy) -> tuple[Finding, ...]:
    soft = policy.limits.soft.database_connections.limit
    if pools.server_connections <= soft:
        return ()
    sentence = f"{pools.server_connections} connections to Postgres contend above {soft}."
    return (
        _finding(Severity.MAJOR, sentence, server_connections=pools.server_connections, soft_limit_connections=soft),
    )


def _finding(severity: Severity, sentence: str, **numbers: int) -> Finding:
    return Finding(
        rule="X-13",
        severity=severity,
        rule_class=RuleClass.WARN,
        subject="connections",
        sentence=sentence,
        numbers=dict(numbers),
        resolution="Pool the connections; the pooler keeps the server's side within the soft limit.",
    )
