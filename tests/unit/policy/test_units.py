"""Quantities: exact both ways, and nothing that is not one (PAR-01, X-46)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.errors import UnitError
from selextract_infra.policy.units import (
    BANDWIDTH,
    BASELINE_PERCENT,
    CHANGE,
    CORES,
    COUNT,
    DISK,
    DURATION,
    FACTOR,
    HOURLY,
    MAXIMUM,
    MEMORY,
    MONEY,
    MONTHS,
    P95_DURATION,
    PERCENT,
    RATE,
    SHARE,
    Quantity,
)

WHOLE = (BANDWIDTH, COUNT, DISK, MAXIMUM, MEMORY, MONTHS)
FRACTIONAL = (BASELINE_PERCENT, CORES, DURATION, FACTOR, HOURLY, MONEY, P95_DURATION, PERCENT, RATE)
ALL = (*WHOLE, *FRACTIONAL, CHANGE, SHARE)


@pytest.mark.parametrize(
    ("quantity", "text", "value"),
    [
        (DURATION, "5 minutes", 300.0),
        (DURATION, "1 minute", 60.0),
        (DURATION, "1000ms", 1.0),
        (DURATION, "1.2s", 1.2),
        (DURATION, "24h", 86400.0),
        (DURATION, "7 days", 604800.0),
        (DURATION, "2 weeks", 1209600.0),
        (P95_DURATION, "1000ms (P95)", 1.0),
        (MONTHS, "6 months", 6),
        (PERCENT, "70%", 0.7),
        (PERCENT, "0.1%", 0.001),
        (PERCENT, "125%", 1.25),
        (SHARE, "100%", 1.0),
        (BASELINE_PERCENT, "80% of baseline", 0.8),
        (CHANGE, "+1000%", 10.0),
        (CHANGE, "-20%", -0.2),
        (MEMORY, "2GB", 2 * 1024**3),
        (MEMORY, "1.5GB", 1536 * 1024**2),
        (MEMORY, "512MiB", 512 * 1024**2),
        (MEMORY, "64kB", 65536),
        (DISK, "1TB", 10**12),
        (DISK, "100GB", 10**11),
        (DISK, "1GiB", 1024**3),
        (BANDWIDTH, "1Gbps", 10**9),
        (BANDWIDTH, "2.5Gbps", 2_500_000_000),
        (CORES, "0.05 cores", 0.05),
        (CORES, "1 core", 1.0),
        (MONEY, "$2,140/month", 2140.0),
        (RATE, "205.76/second", 205.76),
        (RATE, "500 IOPS", 500.0),
        (HOURLY, "1,000 tasks/hour", 1000.0),
        (FACTOR, "2x", 2.0),
        (FACTOR, 0.7, 0.7),
        (COUNT, 100, 100),
        (COUNT, "100 tasks", 100),
        (MAXIMUM, "4 max", 4),
    ],
)
def test_the_guides_own_forms_are_read(quantity: Quantity, text: object, value: float) -> None:
    assert quantity.parse(text) == value


@pytest.mark.parametrize("quantity", WHOLE)
@given(value=st.integers(min_value=0, max_value=10**17))
def test_whole_quantities_survive_writing_and_reading(quantity: Quantity, value: int) -> None:
    again = quantity.parse(quantity.format(value))
    assert again == value
    assert isinstance(again, int)


@pytest.mark.parametrize("quantity", FRACTIONAL)
@given(value=st.floats(min_value=0, max_value=1e9, allow_subnormal=False))
def test_fractional_quantities_survive_writing_and_reading(quantity: Quantity, value: float) -> None:
    assert quantity.parse(quantity.format(value)) == value


@given(value=st.floats(min_value=-1e6, max_value=1e6, allow_subnormal=False))
def test_changes_survive_writing_and_reading_with_their_sign(value: float) -> None:
    assert CHANGE.parse(CHANGE.format(value)) == value


@given(value=st.floats(min_value=0, max_value=1))
def test_what_is_shown_in_sentences_is_near_the_value(value: float) -> None:
    assert PERCENT.parse(PERCENT.about(value)) == pytest.approx(value, abs=0.0001)


@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        (DURATION, "5"),
        (DURATION, 5),
        (DURATION, "5 parsecs"),
        (DURATION, "5 Minutes"),
        (DURATION, "five minutes"),
        (DURATION, "1 minute 30 seconds"),
        (PERCENT, "0.7"),
        (PERCENT, 0.7),
        (PERCENT, "70 %%"),
        (BASELINE_PERCENT, "80%"),
        (P95_DURATION, "1000ms"),
        (P95_DURATION, "1000ms (P99)"),
        (MEMORY, "512"),
        (MEMORY, "512Mb"),
        (MEMORY, "512 megabytes"),
        (MEMORY, "1e9B"),
        (BANDWIDTH, "1GB"),
        (CORES, "2"),
        (MONEY, "200/month"),
        (MONEY, "$200"),
        (RATE, "200/hour"),
        (HOURLY, "200/second"),
        (MAXIMUM, "4"),
        (COUNT, "1.5"),
        (COUNT, True),
        (COUNT, None),
        (COUNT, "1,00"),
        (COUNT, float("nan")),
        (COUNT, float("inf")),
        (COUNT, [1]),
        (FACTOR, "x2"),
        (MONTHS, "0.5 months"),
    ],
)
def test_anything_else_is_an_error_that_names_what_is_accepted(quantity: Quantity, text: object) -> None:
    with pytest.raises(UnitError) as caught:
        quantity.parse(text)
    assert "accepted" in str(caught.value) or "whole number" in str(caught.value)


@pytest.mark.parametrize("quantity", [q for q in ALL if q is not CHANGE])
def test_nothing_but_a_change_may_be_negative(quantity: Quantity) -> None:
    with pytest.raises(UnitError, match="below zero"):
        quantity.parse(quantity.format(1).replace("1", "-1", 1))


def test_a_share_is_never_more_than_all() -> None:
    with pytest.raises(UnitError, match="more than 100%"):
        SHARE.parse("101%")


@given(text=st.text(max_size=30))
def test_no_text_at_all_makes_anything_but_a_number_or_a_unit_error(text: str) -> None:
    for quantity in ALL:
        try:
            assert quantity.parse(text) >= 0 or quantity is CHANGE
        except UnitError:
            continue


def test_memory_is_binary_and_disk_decimal() -> None:
    assert MEMORY.parse("1GB") - DISK.parse("1GB") == 73_741_824
