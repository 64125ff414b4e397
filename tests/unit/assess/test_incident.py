from __future__ import annotations

from typing import Any

import pytest

from selextract_infra.assess.assessment import assess
from selextract_infra.assess.incident import affected_by, bottlenecks_seen, impact_of, situation_of
from selextract_infra.errors import RefusedError
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.model.observation import HostObservation
from selextract_infra.model.scaling import IncidentBottleneckKind
from selextract_infra.model.traffic import EdgeObservation, TrafficObservation
from selextract_infra.operations.emergency.decide import grant
from selextract_infra.policy import Policy
from selextract_infra.policy.schema.rules import EdgePolicy
from tests.unit.seen import GB, container, definition, host, observation, policy

INCLUDE = "/opt/selextract/nginx.d"
READ = TrafficObservation(edge=EdgeObservation(project="selextract", service="nginx", folder=INCLUDE, read=True))
EDGE = EdgePolicy(public_cacheable=("/api/v1/items",), non_critical=("/api/v1/slow",), nginx_include=INCLUDE)
SERVICES = ("api", "worker", "postgres", "redis", "nginx", "frontend")


def server(**more: Any) -> HostObservation:
    """The guide's server: two APIs, two workers, one of each other."""
    there = [
        container(name, number=number, memory=(3 if name == "worker" else 2 if name == "api" else 1) * GB)
        for name in SERVICES
        for number in ((1, 2) if name in ("api", "worker") else (1,))
    ]
    return host(there, **more)


def situation(one: HostObservation, rules: Policy | None = None) -> Any:
    rules = rules or policy()
    seen = observation(one)
    return situation_of(seen, assess(seen, rules), rules)


def test_every_mapped_service_has_its_count_and_limits_and_what_is_not_mapped_is_fixed() -> None:
    stranger = container("stranger", memory=GB)
    found = situation(server().model_copy(update={"containers": (*server().containers, stranger)}))
    assert {one.name: (one.count, one.memory) for one in found.services if one.role in ("api", "worker")} == {
        "api": (2, 2.0 * GB),
        "worker": (2, 3.0 * GB),
    }
    assert found.hosts[0].fixed_memory == GB


@pytest.mark.parametrize(
    ("more", "said"),
    [({"container_name": "the-api"}, "container_name"), ({"fixed_host_ports": ("8000/tcp",)}, "fixed host port")],
)
def test_a_service_that_can_have_one_instance_only_gets_no_second(more: dict[str, Any], said: str) -> None:
    definitions = [definition(name, **(more if name == "api" else {})) for name in SERVICES]
    decision = grant(situation(server(definitions=definitions)), policy())
    api = next(one for one in decision.decisions if (one.service, one.resource) == ("api", "instances"))
    assert not api.changes
    assert said in (api.why_less or "")
    assert any(one.service == "worker" and one.changes for one in decision.decisions)


def test_an_emergency_that_is_on_is_not_multiplied() -> None:
    state = {
        "emergency": {"run_id": "r", "status": "active", "began_at": "2026-03-01T01:50:00+00:00", "expires_at": 1.0}
    }
    with pytest.raises(RefusedError, match="X-74"):
        grant(situation(server(state=state)), policy())


def test_one_that_was_taken_back_does_not_count() -> None:
    state = {
        "emergency": {"run_id": "r", "status": "reverted", "began_at": "2026-03-01T01:50:00+00:00", "expires_at": 1.0}
    }
    assert grant(situation(server(state=state)), policy()).granted


def test_switches_are_granted_only_where_nginx_has_read_our_files() -> None:
    rules = policy(services={"redis": {"eviction": "noeviction"}, "worker": {"celery_app": "tasks"}})
    application = rules.application.model_copy(update={"edge": EDGE})
    rules = rules.model_copy(update={"application": application})
    unread = grant(situation(server(), rules), rules)
    assert "Nginx has not read" in (unread.decisions[-1].why_less or "")
    read = grant(situation(server(traffic=READ), rules), rules)
    assert [(one.host, one.resource) for one in read.granted if not one.service] == [
        ("app1", "caching"),
        ("app1", "throttling"),
    ]


def test_caching_is_refused_where_the_queue_could_be_evicted() -> None:
    rules = policy(services={"redis": {"eviction": "allkeys-lru"}, "worker": {"celery_app": "tasks"}})
    application = rules.application.model_copy(update={"edge": EDGE})
    rules = rules.model_copy(update={"application": application})
    found = grant(situation(server(traffic=READ), rules), rules)
    caching = next(one for one in found.decisions if one.resource == "caching")
    assert not caching.changes
    assert "X-75" in (caching.why_less or "")
    assert any(one.resource == "throttling" and one.changes for one in found.decisions)


def test_a_service_that_is_down_is_a_p1_without_failover_on_one_host() -> None:
    stopped = [
        one.model_copy(update={"state": "exited"}) if one.service == "frontend" else one for one in server().containers
    ]
    seen = observation(host(stopped))
    found = assess(seen, policy())
    assert found.response is not None
    assert found.response.severity is IncidentSeverity.P1
    assert affected_by(found)[0] == "app1/frontend"
    assert "app1/frontend does not answer" in impact_of(found, policy())
    decision = grant(situation_of(seen, found, policy(), severity=found.response.severity), policy())
    assert [one.rule for one in decision.findings] == ["X-65"]
    assert not decision.confirm


def test_without_a_reading_the_bottleneck_is_unknown() -> None:
    found = assess(observation(server()), policy())
    assert [bound.kind for bound in bottlenecks_seen(found.judgements, policy())] == [IncidentBottleneckKind.UNKNOWN]
