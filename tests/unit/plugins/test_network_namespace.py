"""A resolver's answer, read as bytes that nobody has to believe."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils.docker.network_namespace import addresses_in

NAME = b"\x09pgbouncer\0"


def answer(*records: tuple[int, bytes]) -> bytes:
    """An answer to one question, its records under the name by a pointer."""
    text = struct.pack(">HHHHHH", 7, 0x8180, 1, len(records), 0, 0) + NAME + struct.pack(">HH", 1, 1)
    for kind, content in records:
        text += b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 600, len(content)) + content
    return text


def test_the_addresses_of_a_name() -> None:
    assert addresses_in(answer((1, bytes([172, 18, 0, 9])))) == ["172.18.0.9"]
    assert addresses_in(answer((1, bytes([10, 0, 0, 2])), (5, NAME), (1, bytes([10, 0, 0, 1])))) == [
        "10.0.0.1", "10.0.0.2",
    ]  # fmt: skip
    assert addresses_in(answer()) == []


@given(st.binary(max_size=80))
def test_no_answer_is_believed_or_feared(content: bytes) -> None:
    assert isinstance(addresses_in(content), list)
    assert addresses_in(answer((1, bytes([10, 0, 0, 1])))[: len(content)]) in ([], ["10.0.0.1"])
