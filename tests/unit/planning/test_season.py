from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.assess.hardware import read_hardware
from selextract_infra.errors import UsageError
from selextract_infra.planning.season import next_first_day, season_demand, season_demands
from selextract_infra.policy import default_policy

POLICY = default_policy()
OCTOBER = date(2025, 10, 20)


def test_black_friday_does_not_fit_the_current_host() -> None:
    demand = season_demand(POLICY, "black_friday", OCTOBER)
    assert (demand.users, demand.requests_per_second, demand.tasks_per_hour) == (1500, 600, 3000)
    assert (demand.api_instances, demand.worker_instances) == (4, 6)
    assert (demand.cores, demand.memory / 2**30) == (25, 30.5)
    assert (round(demand.cores_share, 4), round(demand.memory_share, 3)) == (3.125, 0.953)
    assert not demand.fits
    assert demand.days_ahead == 31


def test_a_season_that_runs_has_begun() -> None:
    assert " begins on 2025-11-20 " in season_demand(POLICY, "black_friday", date(2025, 11, 19)).sentence
    assert " began on 2025-11-20 " in season_demand(POLICY, "black_friday", date(2025, 11, 20)).sentence


def test_sixteen_cores_are_not_enough_either() -> None:
    demand = season_demand(POLICY, "black_friday", OCTOBER, host=read_hardware("16c/64GB/1TB/1Gbps"))
    assert round(demand.cores_share, 4) == 1.5625
    assert not demand.fits
    assert "no upgrade" in demand.sentence


def test_a_host_that_is_big_enough_fits() -> None:
    assert season_demand(POLICY, "black_friday", OCTOBER, host=read_hardware("32c/64GB/1TB/1Gbps")).fits


def test_the_phases_that_make_it_fit_are_named_in_their_order() -> None:
    demand = season_demand(POLICY, "year_end", OCTOBER)
    assert demand.phases == ("VP1", "VP2")
    assert "fits only after VP1, VP2" in demand.sentence


def test_peaks_are_listed_next_first_and_low_seasons_are_not() -> None:
    assert [one.name for one in season_demands(POLICY, OCTOBER)] == ["black_friday", "year_end"]
    assert [one.name for one in season_demands(POLICY, date(2025, 12, 1))] == ["year_end", "black_friday"]


@pytest.mark.parametrize(
    ("today", "first"),
    [
        (date(2025, 1, 1), date(2025, 11, 20)),
        (date(2025, 11, 25), date(2025, 11, 20)),
        (date(2025, 12, 1), date(2026, 11, 20)),
    ],
)
def test_the_next_first_day(today: date, first: date) -> None:
    assert next_first_day(POLICY, "black_friday", today) == first


def test_an_unknown_season_is_refused() -> None:
    with pytest.raises(UsageError, match="no season"):
        season_demand(POLICY, "easter", OCTOBER)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.sampled_from(sorted(POLICY.seasons)))
def test_the_first_day_is_in_the_season(today: date, season: str) -> None:
    demand = season_demand(POLICY, season, today)
    assert POLICY.seasons[season].covers(demand.first_day)
    assert demand.days_ahead >= 0
    assert demand.api_instances >= POLICY.scaling.api.instances.minimum
    assert demand.worker_instances >= POLICY.scaling.worker.instances.minimum
