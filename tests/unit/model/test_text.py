"""What is shown of a stranger's text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.model.text import displayable, message_text


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


@pytest.mark.parametrize(
    "said",
    [
        "<!channel> look",
        "<https://evil.example|the report>",
        "see https://evil.example/x",
        "@here and @everyone, @channel",
        "[a word](http://evil.example)",
        "<b>bold</b><img src=x onerror=alert(1)>",
        "`code` *bold*",
        "\x1b]0;title\x07\x1b[2J\u202egnp.exe",
    ],
)
def test_nothing_of_a_message_is_a_link_a_mention_or_markup(said: str) -> None:
    sent = message_text(said)
    for sign in ("<", ">", "://", "](", "`", "*", "@here", "@everyone", "@channel", "\x1b", "\u202e"):
        assert sign not in sent
    assert sent.strip()


def test_a_message_of_ours_is_read_as_it_was_written() -> None:
    ours = "Run r of root@control (process 7) failed on app1: api is unhealthy.\nselextract-infra resume r"
    assert message_text(ours) == ours
