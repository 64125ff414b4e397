from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.model import figures


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (figures.memory(2 << 30), "2,048 MB"),
        (figures.memory(round(1228.8 * 2**20)), "1,228.8 MB"),
        (figures.memory(None), "unlimited"),
        (figures.cores(1.0), "1 core"),
        (figures.cores(0.35), "0.35 cores"),
        (figures.cores(10.0), "10 cores"),
        (figures.cores(None), "unlimited"),
        (figures.percent(0.8), "80 %"),
        (figures.percent(0.5859), "58.6 %"),
        (figures.dollars(2.5), "$2.50"),
        (figures.dollars(-100), "-$100"),
        (figures.dollars(-0.001), "$0"),
        (figures.duration(45), "45 s"),
        (figures.duration(720), "12 min"),
        (figures.duration(12600), "3.5 h"),
        (figures.duration(86400), "1 day"),
        (figures.duration(604800), "7 days"),
        (figures.count(1, "instance"), "1 instance"),
        (figures.count(1000, "sample"), "1,000 samples"),
        (figures.count(0, "entry", "entries"), "0 entries"),
    ],
)
def test_figures_read_as_a_person_writes_them(written: str, expected: str) -> None:
    assert written == expected


@pytest.mark.parametrize(
    ("value", "other", "unit", "expected"),
    [
        (5.001, 5.0, "seconds", ("5.001 s", "5 s")),
        (0.9996, 1.0, "seconds", ("999.6 ms", "1 s")),
        (0.39997, 0.4, "ratio", ("40 %", "40 %")),
        (449.999, 450.0, "users", ("449.999 users", "450 users")),
        (450.0, 450.0, "users", ("450 users", "450 users")),
        (16 * figures.GB - 1.0, 16.0 * figures.GB, "bytes of RAM", ("16 GB", "16 GB")),
        (299.9, 300.0, "duration", ("5 min", "5 min")),
    ],
)
def test_amounts_that_differ_are_written_differently(
    value: float, other: float, unit: str, expected: tuple[str, str]
) -> None:
    written = figures.compared(value, other, unit)
    assert (written[0] == written[1]) == (value == other)
    if expected[0] != expected[1] or value == other:
        assert written == expected


@given(st.floats(0, 1e9), st.floats(0, 1e9), st.sampled_from(["ratio", "seconds", "cores", "users", "per second"]))
def test_what_is_more_is_never_written_as_less(value: float, other: float, unit: str) -> None:
    def read(text: str) -> float:
        number = float(text.split()[0].removesuffix("/s").replace(",", ""))
        return number / 1000 if text.endswith(" ms") else number

    written, against = map(read, figures.compared(value, other, unit))
    assert (written < against) <= (value < other)
    assert (written > against) <= (value > other)
