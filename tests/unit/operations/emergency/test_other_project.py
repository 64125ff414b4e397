"""An emergency belongs to one Project of the host: another team's inventory does not take it back."""

from __future__ import annotations

import pytest

from selextract_infra.errors import RefusedError
from selextract_infra.model.emergency import EmergencyOnHost
from selextract_infra.operations.emergency.end import refuse_others

CONTENT = {
    "run_id": "20260301T020000-9f3ac1", "status": "active", "began_at": "2026-03-01T02:00:00Z",
    "expires_at": "2026-03-01T03:00:00Z",
}  # fmt: skip


def test_another_teams_is_refused_by_name_and_ones_own_is_not() -> None:
    active = [EmergencyOnHost.read("app1", {**CONTENT, "project": "shop"})]
    refuse_others(active, "shop")
    with pytest.raises(RefusedError, match=r"The emergency on app1 is shop's .*this inventory is about bakery"):
        refuse_others(active, "bakery")


def test_one_that_does_not_say_whose_it_is_may_be_taken_back() -> None:
    refuse_others([EmergencyOnHost.read("app1", CONTENT)], "bakery")
