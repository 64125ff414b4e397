from __future__ import annotations

import pytest

from selextract_infra.assess.connections import connection_budget, tightest_limit
from selextract_infra.errors import UsageError
from selextract_infra.model.assessment import ConnectionBudget
from selextract_infra.model.postgres_observation import ConnectionLimit


def guide(api: int, workers: int, processes: int = 1) -> ConnectionBudget:
    return connection_budget(
        api_instances=api,
        pool_size=20,
        worker_instances=workers,
        worker_concurrency=4,
        maximum=200,
        reserved=3,
        soft_limit=30,
        processes_per_api=processes,
    )


def test_the_bounds_of_the_guide_want_263_of_200() -> None:
    budget = guide(10, 15)
    assert (budget.api, budget.workers, budget.usable, budget.wanted, budget.fits) == (200, 60, 197, 263, False)


def test_ten_api_instances_alone_already_miss_the_reserved_three() -> None:
    assert guide(10, 0).fits is False
    assert guide(10, 0).wanted == 203


@pytest.mark.parametrize(("workers", "most", "wanted"), [(15, 6, 183), (2, 9, 191)])
def test_how_many_api_instances_fit(workers: int, most: int, wanted: int) -> None:
    assert guide(10, workers).most_api_instances == most
    assert guide(most, workers).wanted == wanted
    assert guide(most, workers).fits
    assert not guide(most + 1, workers).fits


def test_seven_api_instances_beside_fifteen_workers_want_203() -> None:
    assert guide(7, 15).wanted == 203


def test_a_pool_per_process_wants_800() -> None:
    assert guide(10, 0, processes=4).api == 800


def test_two_api_instances_break_the_soft_limit_at_rest() -> None:
    assert guide(2, 0).api == 40
    assert not guide(2, 0).within_soft_limit
    assert guide(1, 2).within_soft_limit


def test_negative_counts_are_refused() -> None:
    with pytest.raises(UsageError):
        guide(-1, 2)


@pytest.mark.parametrize(
    ("limits", "subject"),
    [
        ([], None),
        ([("role shop", 20, 5), ("role reader", 2, 1)], "role shop"),
        ([("role shop", 20, 5), ("database orders", 10, 5)], "database orders"),
        ([("role reader", 2, 0)], None),
    ],
)
def test_the_limit_that_counts_is_that_of_whoever_has_most_connections(
    limits: list[tuple[str, int, int]], subject: str | None
) -> None:
    seen = [ConnectionLimit(subject=name, connections=most, open=open_now) for name, most, open_now in limits]
    tightest = tightest_limit(seen)
    assert (tightest.subject if tightest else None) == subject
