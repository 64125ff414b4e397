from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils.compose import dotenv

OURS = b"compose.yml:compose.capacity.yml"
LINES = st.lists(
    st.sampled_from(
        [
            b"A=1", b"export B='two words'", b"# COMPOSE_FILE=commented.yml", b"", b'C="a\nCOMPOSE_FILE=inside\nb"',
            b"D: yaml style", b"\tE = spaced # comment", b"broken line", b"F=\xff\xfe", b"G='it # is'", b"H=",
        ]
    ),
    max_size=8,
)  # fmt: skip
ENDS = st.sampled_from([b"", b"\n", b"\n\n"])


@given(lines=LINES, end=ENDS)
def test_an_added_entry_can_be_taken_out_byte_for_byte(lines: list[bytes], end: bytes) -> None:
    before = b"\n".join(lines) + end
    gap = bool(before) and not before.endswith(b"\n")
    after = dotenv.with_entry(before, "COMPOSE_FILE", OURS)
    assert after.startswith(before)
    assert dotenv.resolved(after, "COMPOSE_FILE") == OURS.decode()
    assert dotenv.without_entry(after, "COMPOSE_FILE", OURS, gap_added=gap) == before


@given(lines=LINES, raw=st.sampled_from([b"a.yml", b"'a.yml:b c.yml'", b'"a.yml:$X"', b""]), more=LINES)
def test_a_replaced_entry_can_be_put_back_byte_for_byte(lines: list[bytes], raw: bytes, more: list[bytes]) -> None:
    before = b"\n".join([*lines, b"COMPOSE_FILE=" + raw, *more])
    after = dotenv.with_entry(before, "COMPOSE_FILE", OURS)
    assert dotenv.resolved(after, "COMPOSE_FILE") == OURS.decode()
    assert dotenv.with_entry(after, "COMPOSE_FILE", raw) == before


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"COMPOSE_FILE=a.yml:b.yml # why\n", "a.yml:b.yml"),
        (b"COMPOSE_FILE='a b.yml'#\n", "a b.yml"),
        (b'COMPOSE_FILE="a\\"b.yml"', 'a"b.yml'),
        (b"export COMPOSE_FILE = a.yml", "a.yml"),
        (b"BASE=/srv\nCOMPOSE_FILE=${BASE}/a.yml:$BASE/b.yml:${NONE:-c.yml}", "/srv/a.yml:/srv/b.yml:c.yml"),
        (b"COMPOSE_FILE='$BASE/a.yml'", "$BASE/a.yml"),
        (b"COMPOSE_FILE=first.yml\nCOMPOSE_FILE=last.yml\n", "last.yml"),
        (b"X='COMPOSE_FILE=inside\n'\n", None),
        (b"#COMPOSE_FILE=no\n", None),
    ],
)
def test_the_value_is_what_compose_reads(content: bytes, value: str | None) -> None:
    assert dotenv.resolved(content, "COMPOSE_FILE") == value


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00\r"), min_size=1, max_size=40))
def test_a_quoted_text_reads_back_as_itself(text: str) -> None:
    entry = dotenv.find_entry(b"K=" + dotenv.quoted(text) + b"\nNEXT=1\n", "K")
    assert entry is not None
    assert entry.text == text
    assert dotenv.find_entry(b"K=" + dotenv.quoted(text) + b"\nNEXT=1\n", "NEXT") is not None
