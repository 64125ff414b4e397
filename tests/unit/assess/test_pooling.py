"""The arithmetic of X-13, direct and pooled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.assess.pooling import Clients, plan_connections, refuse_overdrawn
from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.model.finding import Severity
from selextract_infra.model.postgres import Pooling
from selextract_infra.model.postgres_observation import ConnectionLimit
from selextract_infra.policy import default_policy

POLICY = default_policy()


def test_ten_api_instances_and_fifteen_workers_do_not_fit() -> None:
    plan = plan_connections(Clients(10, 15), POLICY)
    assert (plan.at_rest.wanted, plan.at_rest.maximum, plan.available) == (263, 200, 197)
    assert plan.per_process.api == 800
    assert not plan.fits
    with pytest.raises(RefusedError) as refused:
        refuse_overdrawn(plan)
    assert (refused.value.rule, refused.value.exit_code, refused.value.override) == ("X-13", 3, "--override X-13")
    assert "= 263 of 200" in str(refused.value)
    assert "260 > 197" in str(refused.value)


@pytest.mark.parametrize(
    ("api", "workers", "wanted", "fits"),
    [(6, 15, 183, True), (7, 15, 203, False), (9, 2, 191, True), (10, 2, 211, False), (10, 0, 203, False)],
)
def test_what_fits_beside_the_workers(api: int, workers: int, wanted: int, fits: bool) -> None:
    plan = plan_connections(Clients(api, workers), POLICY)
    assert (plan.at_rest.wanted, plan.fits) == (wanted, fits)


@pytest.mark.parametrize(("workers", "most"), [(15, 6), (2, 9), (0, 9)])
def test_the_most_api_instances_beside_so_many_workers(workers: int, most: int) -> None:
    assert plan_connections(Clients(1, workers), POLICY).at_rest.most_api_instances == most


def test_a_pool_for_each_process_counts_four_times() -> None:
    plan = plan_connections(Clients(10, 15, per_process=True), POLICY)
    assert (plan.at_rest.api, plan.opened) == (800, 860)


@pytest.mark.parametrize(("api", "beyond_pool"), [(2, False), (3, True)])
def test_two_instances_contend_at_rest_and_three_pass_the_pool(api: int, beyond_pool: bool) -> None:
    """40 > 30, 60 > 50."""
    sentence = plan_connections(Clients(api, 0), POLICY).findings[0].sentence
    assert sentence.startswith(f"{api * 20} open connections contend above 30")
    assert ("above 50" in sentence) == beyond_pool


def test_a_surge_counts_while_one_service_is_replaced() -> None:
    plan = plan_connections(Clients(6, 15, surge=1), POLICY)
    assert (plan.at_rest.wanted, plan.rolling.wanted, plan.fits) == (183, 203, False)


def test_an_override_lets_it_pass() -> None:
    refuse_overdrawn(plan_connections(Clients(10, 15), POLICY), ["X-13"])


def test_too_little_left_for_people_is_a_finding() -> None:
    plan = plan_connections(Clients(9, 4), POLICY, maximum=200)
    assert plan.fits
    assert plan.findings[0].sentence == ("1 connection is left for monitoring, migrations and psql, which need 5.")


def test_a_pooler_serves_all_with_25_connections() -> None:
    plan = plan_connections(Clients(10, 15), POLICY, pooling=Pooling.POOLED)
    assert plan.pools is not None
    assert (plan.pools.default_pool_size, plan.pools.reserve_pool_size, plan.pools.max_db_connections) == (20, 5, 30)
    assert plan.pools.max_client_conn == 316
    assert (plan.opened, plan.available, plan.fits) == (25, 192, True)
    assert plan.findings == ()
    refuse_overdrawn(plan)


def test_two_poolers_for_two_aliases_pass_the_soft_limit() -> None:
    plan = plan_connections(Clients(10, 15, poolers=2, databases=2), POLICY, pooling=Pooling.POOLED)
    assert (plan.opened, plan.fits) == (100, True)
    assert plan.findings[0].severity is Severity.MAJOR


def test_pools_beyond_max_connections_are_refused_too() -> None:
    plan = plan_connections(Clients(10, 15, poolers=2), POLICY, pooling=Pooling.POOLED, maximum=50)
    assert (plan.opened, plan.available) == (50, 42)
    with pytest.raises(RefusedError, match="50 > 42"):
        refuse_overdrawn(plan)


@pytest.mark.parametrize("clients", [Clients(-1, 2), Clients(1, -1), Clients(1, 1, surge=-1), Clients(1, 1, poolers=0)])
def test_counts_that_cannot_be_are_a_wrong_call(clients: Clients) -> None:
    with pytest.raises(UsageError):
        plan_connections(clients, POLICY)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 5))
def test_clients_always_find_the_pooler_open(api: int, workers: int, surge: int) -> None:
    plan = plan_connections(Clients(api, workers, surge=surge), POLICY, pooling=Pooling.POOLED)
    assert plan.pools is not None
    assert plan.pools.max_client_conn >= plan.rolling.wanted >= plan.at_rest.wanted


@given(st.integers(0, 30), st.integers(0, 30))
def test_one_instance_more_never_fits_where_one_less_did_not(api: int, workers: int) -> None:
    if not plan_connections(Clients(api, workers), POLICY).fits:
        assert not plan_connections(Clients(api + 1, workers), POLICY).fits
        assert not plan_connections(Clients(api, workers + 1), POLICY).fits


def test_what_a_role_may_have_counts_beside_what_postgres_has() -> None:
    free = plan_connections(Clients(2, 2), POLICY)
    assert free.fits
    limit = ConnectionLimit(subject="role shop", connections=free.opened - 1)
    plan = plan_connections(Clients(2, 2), POLICY, limit=limit)
    with pytest.raises(RefusedError, match=f"role shop may have {free.opened - 1} of them") as refused:
        refuse_overdrawn(plan)
    assert (refused.value.rule, refused.value.override) == ("X-13", "--override X-13")
    refuse_overdrawn(plan, ["X-13"])
    just = ConnectionLimit(subject="role shop", connections=free.opened)
    assert plan_connections(Clients(2, 2), POLICY, limit=just) == free
    pooled = plan_connections(Clients(2, 2), POLICY, pooling=Pooling.POOLED, limit=limit)
    assert pooled.fits, "PgBouncer's pools are made for the limit"
