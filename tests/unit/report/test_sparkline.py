from __future__ import annotations

import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from selextract_infra.report.sparkline import bar, sparkline
from selextract_infra.report.table import Line
from selextract_infra.report.terminal import draw


def test_a_course_from_its_lowest_to_its_highest() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8) == "▁▂▃▄▅▆▇█"
    assert sparkline([460, 620, 820, 920, 2140], 5) == "▁▁▂▃█"


def test_many_values_keep_their_peaks() -> None:
    assert sparkline([0] * 50 + [9] + [0] * 49, 10).count("█") == 1


@pytest.mark.parametrize(
    ("values", "picture"), [([], ""), ([5, 5, 5], "▁▁▁"), ([math.nan], ""), ([1, math.nan, 2], "▁█")]
)
def test_series_without_a_course(values: list[float], picture: str) -> None:
    assert sparkline(values, 8) == picture


def test_a_screen_without_blocks_gets_plain_characters() -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    draw(Console(file=file, width=80), [Line(f"{sparkline([0, 7], 2)} {bar(0.5, 4)}")])
    file.seek(0)
    assert file.read() == "_# ##..\n"


@pytest.mark.parametrize(("share", "picture"), [(0, "░░░░"), (0.5, "██░░"), (1, "████"), (3, "████"), (-1, "░░░░")])
def test_a_share_as_a_bar(share: float, picture: str) -> None:
    assert bar(share, 4) == picture


@given(st.lists(st.floats(allow_nan=True), max_size=100), st.integers(0, 40))
def test_any_series_fits_its_width(values: list[float], width: int) -> None:
    assert len(sparkline(values, width)) <= width


@given(st.floats(allow_nan=True), st.integers(0, 40))
def test_any_bar_has_its_width(share: float, width: int) -> None:
    assert len(bar(share, width)) == width
