from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.decide.pooler import pooler_sizes
from selextract_infra.decide.pooling import Clients
from selextract_infra.errors import RefusedError
from selextract_infra.policy import default_policy

POLICY = default_policy()


def test_the_guides_server_stays_within_the_soft_limit_and_takes_a_second_process() -> None:
    sizes = pooler_sizes(POLICY, maximum=200, reserved=3, databases=1, clients=Clients(10, 15, surge=1))
    assert (sizes.pool, sizes.reserve, sizes.readonly, sizes.login) == (20, 5, 3, 2)
    assert (sizes.each, sizes.most, sizes.available) == (30, 60, 192)


def test_a_small_server_gets_pools_of_which_two_fit() -> None:
    sizes = pooler_sizes(POLICY, maximum=50, reserved=3, databases=1, clients=Clients(2, 2))
    assert (sizes.each, sizes.most, sizes.available) == (21, 42, 42)
    assert sizes.pool + sizes.reserve + sizes.readonly + sizes.login == 21


def test_clients_are_as_many_as_can_ever_connect() -> None:
    assert pooler_sizes(POLICY, maximum=200, reserved=3, databases=1, clients=Clients(2, 2)).clients == 1000
    many = pooler_sizes(POLICY, maximum=200, reserved=3, databases=1, clients=Clients(60, 40))
    assert many.clients > 60 * 20 + 40 * 4


def test_what_cannot_fit_is_refused_and_can_be_overridden_for_one_process() -> None:
    with pytest.raises(RefusedError, match="X-13") as refused:
        pooler_sizes(POLICY, maximum=20, reserved=3, databases=1, clients=Clients(2, 2))
    assert refused.value.exit_code == 3
    assert "twice while one process replaces another" in str(refused.value)
    assert "12 for it: 20 less 3 reserved and 5 for people" in str(refused.value)
    forced = pooler_sizes(POLICY, maximum=20, reserved=3, databases=1, clients=Clients(2, 2), overrides=["X-13"])
    assert forced.most <= forced.available


@given(st.integers(1, 500), st.integers(0, 20), st.integers(1, 4))
def test_two_processes_always_fit_and_one_is_within_the_soft_limit(maximum: int, reserved: int, databases: int) -> None:
    try:
        sizes = pooler_sizes(POLICY, maximum=maximum, reserved=reserved, databases=databases, clients=Clients(2, 2))
    except RefusedError:
        return
    assert 2 * sizes.each == sizes.most <= maximum - reserved - POLICY.postgres.admin_reserve
    assert sizes.each <= POLICY.limits.soft.database_connections.limit
    assert (sizes.pool + sizes.reserve + sizes.readonly) * databases + sizes.login == sizes.each
    assert sizes.pool >= 1
