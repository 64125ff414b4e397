"""Series from CSV: streamed, checked, and refused in one sentence."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import chain, repeat
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import Buffer

from selextract_infra.errors import UsageError
from selextract_infra.hosts.observe.series_csv import read_series
from selextract_infra.planning.forecast.series import DailyUse, Series, daily_series


def read(
    text: str,
    column: str = "use",
    *,
    time_column: str | None = None,
    use: DailyUse = DailyUse.MEAN,
    zone: ZoneInfo | None = None,
) -> Series:
    return read_series(
        io.StringIO(text),
        column,
        file="use.csv",
        minimum_coverage=0.8,
        time_column=time_column,
        use=use,
        zone=zone,
    )


def days_of(*values: float, start: date = date(2026, 1, 1)) -> str:
    lines = [f"{start + timedelta(days=number)},{value}" for number, value in enumerate(values)]
    return "\n".join(["day,use", *lines]) + "\n"


def test_one_value_a_day() -> None:
    seen = read(days_of(3, 4, 5))
    assert (seen.start, seen.end, seen.days_known) == (date(2026, 1, 1), date(2026, 1, 3), 3)
    assert seen.values.tolist() == [3, 4, 5]


@pytest.mark.parametrize(
    ("use", "expected"), [(DailyUse.MEAN, 2.5), (DailyUse.MAX, 4), (DailyUse.SUM, 10), (DailyUse.LAST, 3)]
)
def test_which_value_stands_for_a_day(use: DailyUse, expected: float) -> None:
    lines = [
        f"2026-01-0{day} {hour:02d}:00,{value}"
        for day in (1, 2)
        for hour, value in zip((0, 6, 12, 18), (1, 2, 4, 3), strict=True)
    ]
    assert read("time,use\n" + "\n".join(lines), use=use).values.tolist() == [expected, expected]


def test_days_that_are_not_whole_are_left_out_and_named() -> None:
    first = datetime(2026, 1, 1, 12, tzinfo=UTC)
    lines = [f"{first + timedelta(hours=hour)},1" for hour in range(60)]
    seen = read("time,use\n" + "\n".join(lines))
    assert (seen.start, seen.end) == (date(2026, 1, 2), date(2026, 1, 3))
    assert seen.partial == (date(2026, 1, 1),)


def test_a_day_without_a_value_stays_empty() -> None:
    seen = read("day,use\n2026-01-01,1\n2026-01-03,2\n")
    assert np.isnan(seen.values[1])
    assert seen.days_known == 2


@pytest.mark.parametrize(
    "stamp", ["1767225600", "1767225600.5", "1767225600000", "1767225600000000", "1767225600000000000", "2026/01/01"]
)
def test_other_ways_to_write_a_time(stamp: str) -> None:
    assert read(f"time,use\n{stamp},1\n").start == date(2026, 1, 1)


def test_the_time_column_is_found_or_named() -> None:
    assert read("use,when\n1,2026-01-01\n2,2026-01-02\n").end == date(2026, 1, 2)
    both = "use,when,time\n1,2026-01-01,2025-06-01\n"
    assert read(both).start == date(2025, 6, 1)
    assert read(both, time_column="when").start == date(2026, 1, 1)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_and_a_byte_order_mark(separator: str) -> None:
    assert read(f"day{separator}use\n2026-01-01{separator}1.5\n").values.tolist() == [1.5]


def test_a_named_zone_says_whose_days_count() -> None:
    text = "time,use\n2026-01-01T22:30:00Z,1\n2026-01-01T23:30:00Z,2\n2026-01-02T10:00:00+02:00,9\n"
    seen = read(text, zone=ZoneInfo("Europe/Berlin"), use=DailyUse.LAST)
    assert seen.time_zone == "Europe/Berlin"
    assert seen.end == date(2026, 1, 2)


BAD = {
    "": "empty.csv is empty",
    "day,use\n": "There is no value of use",
    "\n\n": "names no columns",
    "day,use\n2026-01-01,inf\n": "Line 2 of .* has inf",
    "day,use\n2026-01-01,\n2026-01-02,nan\n": "There is no value of use",
    "day,use\n2026-01-01,many\n": 'has "many" in use',
    "day,use\n2026-01-01,-1\n": "has -1 in use",
    "day,use\n2026-01-02,1\n2026-01-01,2\n": "Line 3 of .* goes back in time",
    "day,use\n2026-01-02,1\n2026-01-02,2\n": "Line 3 of .* has the same time",
    "time,use\n2026-01-01T00:00Z,1\n2026-01-02T00:00+02:00,2\n": r"in UTC\+02:00, but line 2 of .* is in UTC\.",
    "time,use\n2026-01-01T00:00Z,1\n2026-01-02T00:00,2\n": "local time without a zone",
    "day,use\nsoon,1\n": 'has "soon" where a time should be',
    "a,use\n1,2\n": "a time in none of its columns",
    "day,use,use\n2026-01-01,1,2\n": "several columns",
    "day,use\n2026-01-01,1,2\n": "has 3 columns, but the header has 2",
    'day,use\n"2026-01-01,1\n': "Line 2",
    "day,use\n0001-01-01,1\n9999-12-31,1\n": "more than a hundred years",
    "day," + "x" * (1 << 20): "longer than a megabyte",
}


@pytest.mark.parametrize(("text", "sentence"), BAD.items(), ids=[sentence[:24] for sentence in BAD.values()])
def test_what_cannot_be_read_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence.replace("empty.csv", "use.csv")) as caught:
        read(text)
    assert "\n" not in str(caught.value)


def test_a_wrong_column_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="it has day, cpu_usage") as caught:
        read("day,cpu_usage\n2026-01-01,1\n", column="CPU-usage")
    assert caught.value.remedy == "did you mean cpu_usage?"


def test_text_of_the_file_cannot_play_with_the_terminal() -> None:
    with pytest.raises(UsageError) as caught:
        read("day,use\n2026-01-01,\x1b[31mred\u202e\n")
    assert str(caught.value).isprintable()


class Made(io.RawIOBase):
    """A file made while it is read, of ``lines`` lines after its header; it cannot be read as a whole."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        super().__init__()
        self.lines, self.rest = lines, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)
        while len(self.rest) < len(view) and (line := next(self.lines, b"")):
            self.rest += line
        taken = min(len(view), len(self.rest))
        view[:taken], self.rest = self.rest[:taken], self.rest[taken:]
        return taken

    def readall(self) -> bytes:
        raise AssertionError("the file was read as a whole")


def read_made(lines: Iterator[bytes]) -> Series:
    stream = io.TextIOWrapper(io.BufferedReader(Made(lines)), encoding="utf-8")
    return read_series(stream, "use", file="big.csv", minimum_coverage=0.8)


def test_a_file_of_any_size_is_read_line_by_line() -> None:
    minutes = (f"{1767225600 + 60 * number},1\n".encode() for number in range(100_000))
    assert read_made(chain([b"time,use\n"], minutes)).days_known == 69


def test_a_line_without_end_is_refused_before_it_fills_the_memory() -> None:
    with pytest.raises(UsageError, match=r"Line 2 .* is longer than a megabyte"):
        read_made(chain([b"time,use\n"], repeat(b"x" * 1000)))


def test_bytes_that_are_no_text_are_refused() -> None:
    stream = io.TextIOWrapper(io.BytesIO(b"\xff\xfe\x00\x01"), encoding="utf-8")
    with pytest.raises(UsageError, match="not text in UTF-8"):
        read_series(stream, "use", file="use.csv", minimum_coverage=0.8)


@given(st.text(alphabet=st.sampled_from('0123456789-:T+Z.,;\n" nae\x00\t'), max_size=200))
def test_no_text_makes_anything_but_a_series_or_a_sentence(text: str) -> None:
    refused = ""
    seen: Series | None = None
    try:
        seen = read("day,use\n" + text)
    except UsageError as problem:
        refused = str(problem)
    assert "\n" not in refused
    assert seen is None or np.nanmin(seen.values) >= 0


def test_a_series_of_the_journal_needs_zones_and_order_is_ours() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    seen = daily_series("disk", {noon + timedelta(days=1): 2.0, noon: 1.0}, DailyUse.MAX, minimum_coverage=0.8)
    assert seen.values.tolist() == [1, 2]
    with pytest.raises(UsageError, match="not a number"):
        daily_series("disk", {noon: float("nan")}, DailyUse.MAX, minimum_coverage=0.8)
