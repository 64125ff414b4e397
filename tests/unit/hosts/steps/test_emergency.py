"""The act that begins an emergency."""

from __future__ import annotations

from typing import Any

from selextract_infra.hosts.steps import acts_of
from selextract_infra.model.emergency import PLAYBOOK

VALUES: dict[str, Any] = {
    "project": "shop", "directory": "/srv/shop", "counts": {"api": 4}, "services": {"web": {"memory": 100}},
    "capacity": {"services": {"api": {"scale": 4}}}, "health": ["http://localhost/"], "gate_seconds": 90,
    "drain_seconds": 70, "switches": ["throttling"], "edge_folder": "/srv/nginx.d", "expires_at": 1772330400.0,
    "about": {"severity": "P1"}, "policy_digest": "a1", "answering": [], "settling_seconds": 20,
}  # fmt: skip


def test_all_of_it_is_one_act() -> None:
    [act] = acts_of(PLAYBOOK, VALUES)
    assert act.name == "emergency_begin"
    assert act.values == {
        "project": "shop", "directory": "/srv/shop", "counts": {"api": 4}, "services": {"web": {"memory": 100}},
        "capacity": {"api": {"scale": 4}}, "urls": ["http://localhost/"], "bound_seconds": 90, "drain_seconds": 70,
        "switches": ["throttling"], "edge_folder": "/srv/nginx.d", "expires_at": 1772330400.0,
        "about": {"severity": "P1"},
    }  # fmt: skip


def test_what_a_plan_does_not_have_is_left_out() -> None:
    [act] = acts_of(PLAYBOOK, {**VALUES, "capacity": None, "edge_folder": ""})
    assert (act.values["capacity"], act.values["edge_folder"]) == (None, None)
