from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.assess.pooling import Clients
from selextract_infra.errors import RefusedError
from selextract_infra.model.postgres_observation import ConnectionLimit
from selextract_infra.operations.pgbouncer.decide import pooler_sizes
from selextract_infra.policy import default_policy

POLICY = default_policy()


def test_the_guides_server_stays_within_the_soft_limit_also_while_there_are_two_processes() -> None:
    sizes = pooler_sizes(POLICY, maximum=200, reserved=3, databases=1, clients=Clients(10, 15, surge=1))
    assert (sizes.pool, sizes.reserve, sizes.readonly, sizes.login) == (20, 5, 3, 2)
    assert (sizes.shared, sizes.shared_readonly, sizes.shared_login) == (13, 1, 1)
    assert (sizes.most, sizes.available) == (30, 192)


def test_a_small_server_gets_pools_that_fit_into_it() -> None:
    sizes = pooler_sizes(POLICY, maximum=30, reserved=3, databases=1, clients=Clients(2, 2))
    assert (sizes.most, sizes.available) == (22, 22)
    assert sizes.pool + sizes.reserve + sizes.readonly + sizes.login == 22


def test_clients_are_as_many_as_can_ever_connect() -> None:
    assert pooler_sizes(POLICY, maximum=200, reserved=3, databases=1, clients=Clients(2, 2)).clients == 1000
    many = pooler_sizes(POLICY, maximum=200, reserved=3, databases=1, clients=Clients(60, 40))
    assert many.clients > 60 * 20 + 40 * 4


def test_what_cannot_fit_is_refused_and_can_be_overridden_where_one_connection_is_left() -> None:
    with pytest.raises(RefusedError, match="X-13") as refused:
        pooler_sizes(POLICY, maximum=14, reserved=3, databases=1, clients=Clients(2, 2))
    assert refused.value.exit_code == 3
    assert "needs 7 connections at least, and Postgres has 6 for it: 14 less 3 reserved and 5 for people" in str(
        refused.value
    )
    forced = pooler_sizes(POLICY, maximum=14, reserved=3, databases=1, clients=Clients(2, 2), overrides=["X-13"])
    assert (forced.pool, forced.most) == (1, 6)
    with pytest.raises(RefusedError, match="X-13"):
        pooler_sizes(POLICY, maximum=13, reserved=3, databases=1, clients=Clients(2, 2), overrides=["X-13"])


@pytest.mark.parametrize(("connections", "pools"), [(3, (2, 0, 1)), (8, (5, 1, 2)), (100, (20, 5, 3))])
def test_pools_stay_within_what_the_role_may_have(connections: int, pools: tuple[int, int, int]) -> None:
    limit = ConnectionLimit(subject="role shop", connections=connections)
    sizes = pooler_sizes(POLICY, maximum=200, reserved=3, databases=1, clients=Clients(2, 2), limit=limit)
    assert (sizes.pool, sizes.reserve, sizes.readonly) == pools
    assert sizes.pool + sizes.reserve + sizes.readonly <= connections
    assert 1 <= sizes.shared <= sizes.pool + sizes.reserve


def test_a_role_that_may_have_too_few_is_refused_with_its_number() -> None:
    limit = ConnectionLimit(subject="role shop", connections=2)
    with pytest.raises(RefusedError, match="needs 3 connections at least for its pools, and role shop may have 2"):
        pooler_sizes(POLICY, maximum=200, reserved=3, databases=1, clients=Clients(2, 2), limit=limit)


@given(st.integers(1, 500), st.integers(0, 20), st.integers(1, 4), st.sampled_from([[], ["X-13"]]))
def test_one_process_and_two_that_share_are_within_the_soft_limit_and_fit(
    maximum: int, reserved: int, databases: int, overrides: list[str]
) -> None:
    try:
        sizes = pooler_sizes(
            POLICY, maximum=maximum, reserved=reserved, databases=databases, clients=Clients(2, 2), overrides=overrides
        )
    except RefusedError:
        return
    budget = min(maximum - reserved - POLICY.postgres.admin_reserve, POLICY.limits.soft.database_connections.limit)
    assert (sizes.pool + sizes.reserve + sizes.readonly) * databases + sizes.login == sizes.most <= budget
    assert 2 * ((sizes.shared + sizes.shared_readonly) * databases + sizes.shared_login) <= budget
    assert 1 <= sizes.shared <= sizes.pool + sizes.reserve
    assert sizes.pool >= 1
