"""The acts of turning the balancer on and off: requests go through it only while it is whole."""

from __future__ import annotations

from typing import Any

from selextract_infra.hosts.steps import acts_of

PLAYBOOK = "selextract.infra.balancer"
VALUES: dict[str, Any] = {
    "on": True, "project": "shop", "service": "api", "nginx": "edge", "folder": "/srv/nginx.d",
    "files": {"selextract.http.conf": "# http\n"}, "compose": "services: {}\n", "settings": {"image": "haproxy"},
    "health": ["http://localhost/health"], "gate_seconds": 60, "policy_digest": "a1",
}  # fmt: skip


def names(values: dict[str, Any]) -> list[str]:
    return [act.name for act in acts_of(PLAYBOOK, values)]


def test_nginx_is_led_to_it_only_once_it_serves() -> None:
    assert names(VALUES) == ["balancer", "balancer_server", "edge_files", "edge_switch", "health_gate"]
    switched = acts_of(PLAYBOOK, VALUES)[3].values
    assert switched == {"project": "shop", "folder": "/srv/nginx.d", "name": "balancer", "enabled": True}


def test_it_knows_the_switch_that_lets_requests_go_past_it_while_it_is_made_anew() -> None:
    assert acts_of(PLAYBOOK, VALUES)[0].values == {
        "project": "shop", "compose": VALUES["compose"], "settings": VALUES["settings"], "edge_folder": "/srv/nginx.d",
    }  # fmt: skip


def test_requests_go_past_it_before_it_is_taken_away_and_nginx_keeps_our_files() -> None:
    acts = acts_of(PLAYBOOK, {**VALUES, "on": False})
    assert [act.name for act in acts] == ["edge_switch", "balancer", "health_gate"]
    assert acts[0].values["enabled"] is False
    assert acts[1].values == {"project": "shop", "state": "absent"}


def test_at_the_end_both_serve_as_plans_of_version_0_1_say_it() -> None:
    assert acts_of(PLAYBOOK, VALUES)[-1].values == {
        "project": "shop", "services": {"api": {}, "edge": {}}, "urls": ["http://localhost/health"],
        "answering": [], "bound_seconds": 60, "settling_seconds": 0,
    }  # fmt: skip
