"""The act of changing PgBouncer."""

from __future__ import annotations

from typing import Any

import pytest

from selextract_infra.hosts.steps import acts_of

PLAYBOOK = "selextract.infra.pgbouncer"
WANTED: dict[str, Any] = {"image": "bitnami/pgbouncer", "port": 6432}


@pytest.mark.parametrize(("state", "wanted"), [("present", WANTED), ("absent", None)])
def test_it_is_brought_to_what_the_plan_says(state: str, wanted: dict[str, Any] | None) -> None:
    values = {
        "project": "shop", "state": state, "wanted": wanted, "replace": True, "bound_seconds": 30, "policy_digest": "a",
    }  # fmt: skip
    [act] = acts_of(PLAYBOOK, values)
    assert act.name == "pgbouncer"
    assert act.values == {
        "project": "shop", "state": state, "wanted": wanted, "replace": True, "bound_seconds": 30,
    }  # fmt: skip
