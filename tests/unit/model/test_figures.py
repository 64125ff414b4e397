from __future__ import annotations

import pytest

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
