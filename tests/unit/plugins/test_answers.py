"""How fast services answer, before and after."""

from __future__ import annotations

import pytest

from plugins.module_utils.system.failure import HostSideError
from plugins.module_utils.system.response_times import answer_times, too_slow

URL = "http://127.0.0.1:1/"


@pytest.mark.parametrize(
    ("before", "now", "slow"),
    [(0.1, 0.15, False), (0.1, 0.5, False), (0.1, 0.51, True), (0.4, 0.6, False), (0.4, 0.61, True)],
)
def test_slower_is_allowed_up_to_a_factor_or_the_target(before: float, now: float, slow: bool) -> None:
    assert bool(too_slow({URL: before}, {URL: now}, 1.5, 0.5)) is slow


def test_what_was_not_measured_before_has_to_meet_the_target() -> None:
    assert too_slow({}, {URL: 0.5}, 1.5, 0.5) is None
    assert too_slow({}, {URL: 0.7}, 1.5, 0.5) == f"{URL} takes 700 ms; 500 ms is the most"


def test_an_address_that_does_not_answer_is_a_failed_gate() -> None:
    with pytest.raises(HostSideError, match="does not answer") as failure:
        answer_times([URL], 1)
    assert failure.value.kind == "gate"
