from __future__ import annotations

from typing import Any

import pytest

from selextract_infra.model.observation import HostObservation
from selextract_infra.operations.watch.hands_off import why_not_to_act

EMERGENCY = {"run_id": "r", "status": "active", "began_at": "2026-03-01T02:00:00+00:00", "expires_at": 9e9}
LOCK = {"run_id": "r", "owner": "ops@here", "purpose": "right-size app1"}


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"freeze": {"owner": "ops", "since": "now", "reason": "moving the database"}}, "frozen by ops since now"),
        ({"lock": LOCK}, "locked by ops@here for right-size app1"),
        ({"unfinished": [{"run_id": "run-a"}]}, "run run-a is unfinished"),
        ({"emergency": EMERGENCY}, "an emergency is on"),
        ({"emergency": {**EMERGENCY, "status": "refused"}}, "an emergency is on"),
    ],
)
def test_nothing_is_done_where_somebody_else_has_a_say(state: dict[str, Any], said: str) -> None:
    assert said in (why_not_to_act(HostObservation(name="app1", state=state)) or "")


@pytest.mark.parametrize("state", [{}, {"emergency": {**EMERGENCY, "status": "reverted"}}, {"lock": None}])
def test_otherwise_it_may_act(state: dict[str, Any]) -> None:
    assert why_not_to_act(HostObservation(name="app1", state=state)) is None
