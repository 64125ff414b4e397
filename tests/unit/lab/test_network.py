"""The subnet of a lab."""

from __future__ import annotations

from ipaddress import IPv4Network
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.lab.network import RANGE, candidates

addresses = st.integers(min_value=int(RANGE.network_address), max_value=int(RANGE.broadcast_address))
networks = st.builds(
    lambda address, bits: IPv4Network((address, bits), strict=False), addresses, st.integers(min_value=17, max_value=32)
)


@given(st.lists(networks, max_size=6))
def test_a_lab_never_takes_a_subnet_that_is_in_use(used: list[IPv4Network]) -> None:
    for subnet in islice(candidates("lab", used), 50):
        assert subnet.subnet_of(RANGE)
        assert not any(subnet.overlaps(other) for other in used)


def test_a_lab_comes_back_to_its_subnet() -> None:
    assert next(candidates("lab", [])) == next(candidates("lab", []))
    assert next(candidates("lab", [])) != next(candidates("other", []))


def test_where_all_is_in_use_there_is_none() -> None:
    assert list(candidates("lab", [RANGE])) == []
