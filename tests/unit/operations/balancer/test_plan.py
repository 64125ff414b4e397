from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from selextract_infra.errors import PolicyError, RefusedError
from selextract_infra.flow.saved import rebuild_unchanged
from selextract_infra.model.observation import HostObservation
from selextract_infra.model.plan import Plan
from selextract_infra.model.traffic import BalancerObservation, EdgeObservation, TrafficObservation
from selextract_infra.plan import balancer
from selextract_infra.policy import Policy, load_policy
from selextract_infra.templates.balancer import haproxy_text
from selextract_infra.templates.nginx import edge_files
from tests.unit.seen import GB, ROLES, container, host, observation

EDGE = {"nginx_include": "/opt/selextract/nginx.d", "upstream_variable": "api_upstream"}


def mapped(edge: dict[str, Any] | None = None, *, balancing: dict[str, Any] | None = None, **api: Any) -> Policy:
    """The guide with everything mapped that a balancer needs."""
    services: dict[str, dict[str, Any]] = {name: {"role": role} for name, role in ROLES.items()}
    services["api"] |= {"port": 8000, **api}
    return load_policy(
        {"application": {"project": "selextract", "directory": "/opt/selextract", "services": services,
                         "edge": EDGE if edge is None else edge},
         "balancing": balancing or {}}
    )  # fmt: skip


POLICY = mapped()


def seen(policy: Policy = POLICY, **edge: Any) -> HostObservation:
    """A host whose Nginx sees the include folder."""
    there = {
        "project": "selextract", "service": "nginx", "folder": EDGE["nginx_include"],
        "inside": "/etc/nginx/operations.d", "networks": ("selextract_default",),
    }  # fmt: skip
    found = EdgeObservation(**{**there, **edge})
    return host([container("api"), container("nginx")], traffic=TrafficObservation(edge=found))


def on(where: HostObservation, policy: Policy = POLICY) -> Plan:
    """The plan to turn it on."""
    made: Plan = balancer(observation(where), policy, on=True)
    return made


def running(where: HostObservation, plan: Plan) -> HostObservation:
    """The host after the plan was carried out."""
    values = plan.steps[0].values["app1"]
    content = [values["compose"], values["settings"]]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    files = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in values["files"].items()}
    assert where.traffic.edge is not None
    edge = where.traffic.edge.model_copy(update={"files": files, "read": True, "switches": ("balancer",)})
    there = BalancerObservation(project="selextract", service="api", digest=digest)
    return where.model_copy(update={"traffic": TrafficObservation(edge=edge, balancer=there)})


def test_it_is_turned_on_once_and_off_again() -> None:
    plan = on(seen())
    assert plan.steps[0].disrupts
    there = running(seen(), plan)
    assert on(there).empty
    off = balancer(observation(there), POLICY, on=False)
    assert not off.empty
    assert not off.disrupts
    assert balancer(observation(seen()), POLICY, on=False).empty


def test_another_policy_is_another_balancer() -> None:
    there = running(seen(), on(seen()))
    again = on(there, mapped(balancing={"proxy": {"retries": 5}}))
    assert not again.empty
    assert not again.disrupts


def test_a_saved_plan_gives_the_same_steps() -> None:
    plan = on(seen())
    saved = Plan.model_validate_json(plan.model_dump_json())
    assert rebuild_unchanged(saved, POLICY).digest == plan.digest


@pytest.mark.parametrize(
    ("policy", "names"),
    [
        (mapped(port=None), r"application\.services\.api\.port"),
        (mapped({"upstream_variable": "x"}), r"application\.edge\.nginx_include"),
        (mapped({"nginx_include": "/x"}), r"application\.edge\.upstream_variable"),
        (mapped(role="frontend"), "no services of the role api"),
    ],
)
def test_what_is_not_mapped_is_refused_by_name(policy: Policy, names: str) -> None:
    with pytest.raises(RefusedError, match=names):
        on(seen(), policy)


@pytest.mark.parametrize(
    ("edge", "reason"),
    [
        ({"inside": None}, "Nginx does not see the folder"),
        ({"networks": ()}, "share no network"),
        ({"problem": "The include folder is missing on this host."}, "is missing on this host"),
    ],
)
def test_where_nginx_cannot_reach_it_it_is_refused(edge: dict[str, Any], reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        on(seen(**edge))


def test_where_nginx_does_not_run_or_memory_is_given_away_it_is_refused() -> None:
    with pytest.raises(RefusedError, match="runs on none of the hosts"):
        on(host([container("api")]))
    with pytest.raises(RefusedError, match="X-11"):
        on(seen().model_copy(update={"facts": seen().facts.model_copy(update={"memory": 4 * GB})}))


def test_the_configuration_is_the_guides() -> None:
    text = haproxy_text(POLICY, 8000)
    for line in (
        "balance leastconn",
        "uri /api/v1/health",
        "inter 30000ms",
        "fall 3 rise 2",
        "option redispatch",
        "retry-on conn-failure\n",
    ):
        assert line in text
    for twice in ("empty-response", "response-timeout", "all-retryable-errors", "0rtt"):
        assert twice not in text, "what an instance may have carried out is not sent again"
    assert "cookie" not in text
    assert "bind :8000" in text


def test_it_never_waits_shorter_than_nginx_before_it() -> None:
    rules = POLICY.balancing.proxy
    patient = on(seen(answer=300.0)).steps[0]
    settings = patient.values["app1"]["settings"]
    for line in ("timeout server 300000ms", "timeout tunnel 300000ms", "hard-stop-after 300000ms"):
        assert line in settings["config"]
    assert (settings["drain"], settings["answer"]) == (rules.drain, 300.0)
    assert '"stop_grace_period": "300s"' in patient.values["app1"]["compose"]
    assert patient.timeout_seconds >= POLICY.scaling.instance.timeout + 300
    usual = on(seen(answer=30.0)).steps[0].values["app1"]["settings"]
    assert usual["answer"] == rules.answer
    assert f"timeout server {rules.answer * 1000:.0f}ms" in usual["config"]
    assert f"hard-stop-after {rules.drain * 1000:.0f}ms" in usual["config"]


def test_nginx_that_waits_longer_than_before_is_another_balancer() -> None:
    there = running(seen(), on(seen()))
    edge = there.traffic.edge
    assert edge is not None
    changed = there.traffic.model_copy(update={"edge": edge.model_copy(update={"answer": 300.0})})
    assert not on(there.model_copy(update={"traffic": changed})).empty


def test_only_mapped_routes_are_cached_or_throttled() -> None:
    edge = {**EDGE, "public_cacheable": ["/api/v1/prices", "/public/"], "non_critical": ["/api/v1/reports"]}
    files = edge_files(mapped(edge), "/etc/nginx/operations.d", "selextract-balancer:8000")
    http = files["selextract.http.conf"]
    assert '"/api/v1/prices" 1;' in http
    assert '"~^/public/" 1;' in http
    assert '"/api/v1/reports" 1;' in http
    server = files["selextract.server.conf"]
    assert (
        'if (-f /etc/nginx/operations.d/selextract.balancer.on) { set $api_upstream "selextract-balancer:8000"; }'
        in server
    )
    for private in ("$http_authorization", "$http_cookie", "$upstream_http_set_cookie"):
        assert private in http


@pytest.mark.parametrize(
    "edge",
    [
        {**EDGE, "public_cacheable": ['/x" 1; } server { listen 81; } map $uri $y { "']},
        {**EDGE, "non_critical": ["no-slash"]},
        {**EDGE, "upstream_variable": "x; return 200"},
    ],
)
def test_what_nginx_would_read_otherwise_is_refused(edge: dict[str, Any]) -> None:
    with pytest.raises(PolicyError):
        edge_files(mapped(edge), "/etc/nginx/operations.d", "selextract-balancer:8000")
    with pytest.raises(PolicyError):
        edge_files(mapped(), "/etc/nginx; }", "selextract-balancer:8000")
