"""The sizes of PgBouncer's pools: one budget, which two processes share while one replaces the other (X-13)."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, NoReturn

from selextract_infra.assess.pooling import Clients, plan_connections
from selextract_infra.errors import RefusedError
from selextract_infra.model.postgres import Pooling
from selextract_infra.model.postgres_observation import ConnectionLimit
from selextract_infra.operations.pgbouncer.pooler import PoolerSizes

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["pooler_sizes"]

_PROCESSES = 2  # that share the budget while one replaces the other
_RESERVE_SHARE = 4  # of a pool that is smaller than the usual one, this part is its reserve
_FEWEST = 2  # connections that a pool needs to be of use
_READ_SHARE = 4  # of what a role may have, this part is for reads


def pooler_sizes(
    policy: Policy,
    *,
    maximum: int,
    reserved: int,
    databases: int,
    clients: Clients,
    limit: ConnectionLimit | None = None,
    overrides: Collection[str] = (),
) -> PoolerSizes:
    """The pools for ``databases`` databases of a server with ``maximum`` connections, of which some are ``reserved``.

    All pools together stay within the soft limit, and within what Postgres has beside its reserve and the margin for
    people; while one process replaces another each of the two has half of that. ``limit`` is the smallest that holds
    for the role or one of the databases: what a pool asks for beyond it Postgres refuses. Raises ``RefusedError``
    (X-13) where pools that are of any use do not fit; with X-13 overridden pools of one connection will do.
    """
    rules, container = policy.pgbouncer, policy.pgbouncer.container
    available = max(0, maximum - reserved - policy.postgres.admin_reserve)
    budget = min(rules.server_connections, available)
    fewest = 1 if "X-13" in overrides else _FEWEST
    readonly = container.readonly_pool
    if limit is not None:
        readonly = min(readonly, max(1, limit.connections // _READ_SHARE))
        _refuse_limit(limit, fewest + readonly)
    most = min(
        _main(budget, container.login_pool, readonly, databases),
        rules.default_pool + rules.reserve_pool,
        limit.connections - readonly if limit else rules.server_connections,
    )
    if most < fewest:
        needed = (_FEWEST + container.readonly_pool) * databases + container.login_pool
        _refuse_full(needed, policy, maximum=maximum, reserved=reserved, available=available)
    reserve = min(rules.reserve_pool, max(most - rules.default_pool, most // _RESERVE_SHARE))
    shared_login, shared_readonly = _part(container.login_pool), _part(readonly)
    shared = min(most, _main(budget // _PROCESSES, shared_login, shared_readonly, databases))
    if limit is not None:
        shared = max(1, min(shared, limit.connections // _PROCESSES - shared_readonly))
    sides = plan_connections(clients, policy, pooling=Pooling.POOLED, maximum=maximum)
    wanted = sides.pools.max_client_conn if sides.pools else 0
    return PoolerSizes(
        pool=most - reserve,
        reserve=reserve,
        readonly=readonly,
        login=container.login_pool,
        shared=shared,
        shared_readonly=shared_readonly,
        shared_login=shared_login,
        most=(most + readonly) * databases + container.login_pool,
        clients=max(wanted, container.clients_minimum),
        available=available,
    )


def _refuse_full(needed: int, policy: Policy, *, maximum: int, reserved: int, available: int) -> NoReturn:
    """Raise for pools that are too small to be of use: the soft limit leaves no more, or Postgres itself does not."""
    soft = policy.pgbouncer.server_connections
    if soft < available:
        has = f"all pools together may have {soft}: above that connections contend"
        remedy = "pool fewer databases, or raise the limit in the policy: pgbouncer.server_connections"
    else:
        has = (
            f"Postgres has {available} for it: {maximum} less {reserved} reserved and"
            f" {policy.postgres.admin_reserve} for people"
        )
        remedy = "raise max_connections with `selextract-infra tune postgres`, or pool fewer databases"
    raise RefusedError(
        f"PgBouncer needs {needed} connections at least, and {has} (X-13).",
        rule="X-13",
        override="--override X-13",
        remedy=remedy,
    )


def _refuse_limit(limit: ConnectionLimit, needed: int) -> None:
    if limit.connections < needed:
        raise RefusedError(
            f"PgBouncer needs {needed} connections at least for its pools, and {limit.subject} may have"
            f" {limit.connections} (X-13).",
            rule="X-13",
            remedy=f"raise the limit: ALTER {limit.subject.upper().partition(' ')[0]} ... CONNECTION LIMIT {needed}",
        )


def _main(budget: int, login: int, readonly: int, databases: int) -> int:
    """What a database has of a budget beside the pools for logging in and for reads."""
    return (budget - login) // databases - readonly


def _part(pool: int) -> int:
    """What one of two processes has of a small pool."""
    return max(1, pool // _PROCESSES)
