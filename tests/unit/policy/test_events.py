"""Dated events as a team writes them: what is wrong with one is one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from selextract_infra.errors import PolicyError
from selextract_infra.policy import default_policy, load_policy

GOOD = {
    "kind": "marketing_campaign", "start": "2026-03-02 09:00", "end": "2026-03-08 23:00", "time_zone": "Europe/Berlin"
}  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"end": "2026-03-01 09:00"}, "it ends at 2026-03-01 09:00, not after its start at 2026-03-02 09:00"),
        ({"end": "2026-03-02 09:00"}, "not after its start"),
        ({"time_zone": "Europe/Berln"}, '"Europe/Berln" is no time zone'),
        ({"start": "2026-03-29 02:30", "end": "2026-04-01 00:00"}, "2026-03-29 02:30, is skipped by a change of the"),
        ({"start": "2026-10-25 02:30", "end": "2026-11-01 00:00"}, "2026-10-25 02:30, comes twice by a change of the"),
        ({"kind": None, "factor": "0x"}, "a factor of 0 is no event; accepted: above 1x"),
        ({"kind": None, "factor": "-1x"}, "factor"),
        ({"kind": None, "factor": "1000x"}, "a factor of 1000 is no event; accepted: above 1x, at most 100x"),
        ({"kind": "party"}, '"party" is no kind of planned_events; marketing_campaign, feature_launch, peak_season'),
        ({"factor": "2x"}, "either a kind of planned_events or a factor"),
        ({"kind": None}, "either a kind of planned_events or a factor"),
        ({"start": "09:00"}, "start needs its day"),
    ],
)
def test_what_no_event_can_be_is_one_sentence(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(PolicyError) as refused:
        load_policy({"events": {"sale": GOOD | wrong}})
    assert sentence in str(refused.value)
    assert "events.sale" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_same_name_twice_is_refused_with_its_line(tmp_path: Any) -> None:
    file = tmp_path / "policy.yml"
    event = '{kind: feature_launch, start: "2026-03-02 09:00", end: "2026-03-03 09:00", time_zone: UTC}'
    file.write_text(f"events:\n  launch: {event}\n  launch: {event}\n")
    with pytest.raises(PolicyError, match='"launch" stands twice in the same mapping'):
        load_policy(files=[file])


def test_a_plan_stays_valid_when_events_change() -> None:
    assert load_policy({"events": {"sale": GOOD}}).digest == default_policy().digest
