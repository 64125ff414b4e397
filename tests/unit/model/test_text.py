"""What is shown of a stranger's text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.model.text import displayable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;new title\x07after", "after"),
        ("\x1b]8;;http://example.org\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b2Jgone", "gone"),
        ("\x1b]52;c;never ended", ""),
        ("two\r\nlines\tand\ttabs", "two lines and tabs"),
        ("over\bwritten\x00", "overwritten"),
        ("safe\u202egnp.exe", "safegnp.exe"),
        ("zero\u200bwidth", "zerowidth"),
        ("{{ lookup('pipe', 'id') }}", "{{ lookup('pipe', 'id') }}"),
    ],
)
def test_what_could_act_on_a_terminal_is_gone_and_the_words_stay(text: str, shown: str) -> None:
    assert displayable(text) == shown


@given(st.text(), st.integers(min_value=1, max_value=60))
def test_any_text_becomes_one_short_visible_line(text: str, limit: int) -> None:
    shown = displayable(text, limit=limit)
    assert len(shown) <= limit
    assert len(shown.splitlines()) <= 1
    assert all(character == " " or unicodedata.category(character)[0] != "C" for character in shown)


def test_a_megabyte_is_cut_at_once() -> None:
    assert displayable("a" * 2**20, limit=10) == "aaaaaaaaa…"
