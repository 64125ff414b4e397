from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.assess.hardware import monthly_cost, read_hardware, reference_hardware
from selextract_infra.planning.cost import cost_report, freed_memory, reserved
from selextract_infra.planning.effects import upgrade_cost
from selextract_infra.policy import default_policy, load_policy

POLICY = default_policy()
REPORT = cost_report(POLICY)
MB, GB = 2**20, 2**30


def test_totals_and_growth_are_recomputed_and_agree() -> None:
    assert [row.total for row in REPORT.rows] == [460, 620, 820, 920, 2140]
    assert [round(row.growth * 100, 1) for row in REPORT.rows] == [0.0, 34.8, 78.3, 100.0, 365.2]
    assert all(row.agrees for row in REPORT.rows)


def test_a_wrong_total_does_not_agree() -> None:
    policy = load_policy({"cost": {"table": {"month_3": {"total": "$600/month"}}}})
    assert [row.month for row in cost_report(policy).rows if not row.agrees] == [3]


def test_what_the_money_of_the_last_row_buys() -> None:
    implied = REPORT.rows[-1].implies
    assert implied == read_hardware("32c/128GB/4TB/10Gbps")


def test_the_unit_prices() -> None:
    assert REPORT.prices == {"core": 25, "GB": 5, "TB": 50, "Gbps": 50}
    assert REPORT.run_rate == monthly_cost(reference_hardware(POLICY), POLICY) == 460
    assert monthly_cost(read_hardware("16c/64GB/2TB/10Gbps"), POLICY) == 1320
    assert monthly_cost(read_hardware("16c/64GB/2TB/1Gbps"), POLICY) == 870


def test_quotes_stand_beside_unit_prices_and_are_never_summed_with_them() -> None:
    assert [(one.phase, one.quoted, one.by_unit_price, round(one.excess, 2)) for one in REPORT.phases] == [
        ("VP1", 200, 160, 0.25),
        ("VP2", 300, 200, 0.5),
        ("VP3", 100, 50, 1.0),
        ("VP4", 500, 450, 0.11),
    ]
    assert [one.cumulative_quoted for one in REPORT.phases] == [660, 960, 1060, 1560]
    assert [one.cumulative_by_unit_price for one in REPORT.phases] == [620, 820, 870, 1320]


def test_commitments() -> None:
    assert [(one.name, one.after, one.recommended) for one in REPORT.reservations] == [
        ("one year", 322, True),
        ("three years", 230, False),
    ]
    assert (reserved(920, 0.3), reserved(920, 0.5)) == (644, 460)


def test_upgrading_before_committing_is_cheaper() -> None:
    order = REPORT.orders[0]
    assert (order.first_cost, order.second_cost, order.better) == (682, 574, "upgrading first")


def test_saving_before_committing_is_what_is_really_paid() -> None:
    order = REPORT.orders[1]
    assert (order.first_cost, order.second_cost) == (196, 142)
    assert order.better.startswith("saving first")


def test_claims_and_what_a_fixed_host_realises() -> None:
    assert (REPORT.claimed_total, REPORT.realised_total) == (180, 0)
    assert round(REPORT.claimed_total / REPORT.run_rate, 3) == 0.391
    assert round(REPORT.gain_added, 2) == 0.9
    assert round(1 + REPORT.gain_compounded, 3) == 2.214


def test_optimisations_come_with_the_least_effort_first() -> None:
    assert [one.effort for one in REPORT.optimisations] == ["low", "low", "low", "medium", "medium"]
    assert REPORT.optimisations[0].claimed == 100


def test_the_memory_of_one_api_instance_is_worth_two_dollars_fifty() -> None:
    assert "$2.50" in freed_memory(512 * MB, 100, POLICY)
    assert "$25" in freed_memory(10 * 512 * MB, 100, POLICY)
    assert "$100 would take 20 GB" in freed_memory(512 * MB, 100, POLICY)


def test_an_upgrade_by_unit_price_and_as_quoted() -> None:
    change = upgrade_cost(reference_hardware(POLICY), read_hardware("16c/64GB/1TB/1Gbps"), POLICY)
    assert (change.realised, change.claimed) == (360, 500)
    assert "VP1, VP2" in change.sentence


@given(st.integers(1, 500), st.integers(1, 4096), st.integers(1, 100), st.integers(1, 400))
def test_more_hardware_never_costs_less(cores: int, memory: int, storage: int, network: int) -> None:
    host = read_hardware(f"{cores}c/{memory}GB/{storage}TB/{network}Gbps")
    more = host.model_copy(update={"cores": host.cores + 1, "memory": host.memory + GB})
    assert monthly_cost(more, POLICY) > monthly_cost(host, POLICY)
    report = cost_report(POLICY, host=host)
    assert all(one.after <= one.before for one in report.reservations)
    assert all(one.by_unit_price >= 0 for one in report.phases)
    assert report.run_rate == pytest.approx(cores * 25 + memory * 5 + storage * 50 + network * 50)
