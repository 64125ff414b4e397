"""The sizes of PgBouncer's pools: two processes fit into Postgres at once, so that one can replace the other (X-13)."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from selextract_infra.decide.pooling import Clients, plan_connections
from selextract_infra.errors import RefusedError
from selextract_infra.model.pooler import PoolerSizes
from selextract_infra.model.postgres import Pooling

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["pooler_sizes"]

_PROCESSES = 2  # while one replaces the other
_RESERVE_SHARE = 4  # of a pool that is smaller than the usual one, this part is its reserve
_FEWEST = 2  # connections that a pool needs to be of use


def pooler_sizes(
    policy: Policy,
    *,
    maximum: int,
    reserved: int,
    databases: int,
    clients: Clients,
    overrides: Collection[str] = (),
) -> PoolerSizes:
    """The pools for ``databases`` databases of a server with ``maximum`` connections, of which some are ``reserved``.

    At rest all pools together stay within the soft limit. While one process replaces another both stay within what
    Postgres has beside its reserve and the margin for people. Raises ``RefusedError`` (X-13) where pools that are of
    any use do not fit; with X-13 overridden only one process has to.
    """
    rules, container = policy.pgbouncer, policy.pgbouncer.container
    available = max(0, maximum - reserved - policy.postgres.admin_reserve)
    processes = 1 if "X-13" in overrides else _PROCESSES
    each = min(rules.server_connections, available // processes)
    share = (each - container.login_pool) // databases
    most = min(share - container.readonly_pool, rules.default_pool + rules.reserve_pool)
    if most < _FEWEST:
        needed = (_FEWEST + container.readonly_pool) * databases + container.login_pool
        raise RefusedError(
            f"PgBouncer needs {needed} connections at least, twice while one process replaces another, and Postgres has"
            f" {available} for it: {maximum} less {reserved} reserved and {policy.postgres.admin_reserve} for people"
            " (X-13).",
            rule="X-13",
            override="--override X-13",
            remedy="raise max_connections with `selextract-infra tune postgres`, or pool fewer databases",
        )
    reserve = min(rules.reserve_pool, max(most - rules.default_pool, most // _RESERVE_SHARE))
    used = (most + container.readonly_pool) * databases + container.login_pool
    sides = plan_connections(clients, policy, pooling=Pooling.POOLED, maximum=maximum)
    wanted = sides.pools.max_client_conn if sides.pools else 0
    return PoolerSizes(
        pool=most - reserve,
        reserve=reserve,
        readonly=container.readonly_pool,
        login=container.login_pool,
        each=used,
        most=used * processes,
        clients=max(wanted, container.clients_minimum),
        available=available,
    )
