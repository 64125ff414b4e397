"""What an emergency is granted, with the guide's numbers on the guide's host and on the upgraded one (X-14 to X-17)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.assess.incident import EmergencySituation, Pressure, incident_bottlenecks, pressures
from selextract_infra.assess.room import DatabaseSide, HostSize
from selextract_infra.assess.scaled_service import ScaledService
from selextract_infra.assess.scaling_inputs import RedisSide
from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.model.assessment import IncidentSeverity, Judgement, Level
from selextract_infra.model.decision import Decision, Verdict
from selextract_infra.model.scaling import EmergencyDecision, IncidentBottleneckKind
from selextract_infra.operations.emergency.decide import grant
from selextract_infra.policy import Policy, default_policy, load_policy
from tests.unit.operations.scaling.scaled import GB, GUIDE, POOLED, autoscaler, feed, service

AT = datetime(2025, 3, 5, 12, tzinfo=UTC)
SMALL, LARGE = HostSize("app1", 8, 32 * GB, 5, 4.5 * GB), HostSize("app1", 16, 64 * GB, 5, 4.5 * GB)
EDGE = {"public_cacheable": ["/api/v1/plans"], "non_critical": ["/api/v1/export"], "nginx_include": "/etc/nginx/x"}
CONCURRENCY = Pressure("error_rate", "api", "app1", "api")


def asked(
    api: int = 2,
    worker: int = 2,
    *found: Pressure,
    hosts: tuple[HostSize, ...] = (SMALL,),
    policy: Policy | None = None,
    services: list[ScaledService] | None = None,
    **values: Any,
) -> EmergencyDecision:
    values.setdefault("database", POOLED)
    situation = EmergencySituation(
        AT, services or [service("api", api), service("worker", worker)], hosts, incident_bottlenecks(found), **values
    )
    return grant(situation, policy or default_policy())


def of(found: EmergencyDecision, name: str, resource: str = "instances") -> Decision:
    return next(one for one in found.decisions if one.service == name and one.resource == resource)


def counts(found: EmergencyDecision) -> tuple[object, object]:
    return of(found, "api").granted, of(found, "worker").granted


def test_one_and_one_become_two_and_three_with_raised_limits_on_the_guide_s_host() -> None:
    found = asked(1, 1)
    assert counts(found) == (2, 3)
    load = found.loads[0]
    assert (load.cores, load.memory, load.memory_ratio) == (20, 24 * GB, 0.75)
    assert (of(found, "api", "memory").granted, of(found, "worker", "memory").granted) == (3 * GB, 4.5 * GB)
    assert of(found, "api", "cpus").granted == 3
    assert found.escalate is None


def test_all_containers_of_one_and_one() -> None:
    policy = load_policy({"emergency": {"actions": {"scope": {"stated": "all"}}}})
    others = [
        ScaledService(role, role, 1, "app1", cpus=row.cpus, memory=float(row.memory))
        for role, row in policy.containers.items()
        if role not in ("api", "worker")
    ]
    services = [service("api", 1), service("worker", 1), *others]
    load = asked(policy=policy, services=services, hosts=(HostSize("app1", 8, 32 * GB),)).loads[0]
    assert (load.cores, load.memory, round(load.memory_ratio, 2)) == (22.5, 26.25 * GB, 0.82)


def test_two_and_two_on_the_guide_s_host_get_what_its_memory_holds() -> None:
    found = asked(2, 2)
    load = found.loads[0]
    assert (load.requested_cores, load.requested_memory) == (35, 43.5 * GB)
    assert round(load.requested_memory_ratio, 2) == 1.36
    assert counts(found) == (4, 5)  # 4.5 + 8 + 15 = 27.5 of 28.8 GB
    assert of(found, "worker").requested == 6
    assert "28.8 GB" in (of(found, "worker").why_less or "")
    assert load.memory <= 28.8 * GB
    assert of(found, "api", "memory").granted == 2368 << 20  # a quarter of the 1.3 GB left, in steps
    assert of(found, "worker", "memory").granted == 3 * GB


def test_two_and_two_without_raised_limits_need_30_and_a_half() -> None:
    load = asked(2, 2, CONCURRENCY).loads[0]
    assert (load.requested_cores, load.requested_memory, round(load.requested_memory_ratio, 3)) == (
        25,
        30.5 * GB,
        0.953,
    )


def test_two_and_two_on_the_upgraded_host_get_everything() -> None:
    found = asked(2, 2, hosts=(LARGE,))
    assert counts(found) == (4, 6)
    assert (found.loads[0].memory, round(found.loads[0].memory_ratio, 2)) == (43.5 * GB, 0.68)
    assert all(decision.why_less is None for decision in found.decisions if decision.service)


@pytest.mark.parametrize(("host", "granted"), [(SMALL, (6, 6)), (LARGE, (10, 11))])
def test_six_and_six_are_clamped_to_the_bounds_and_then_to_the_host(host: HostSize, granted: tuple[int, int]) -> None:
    found = asked(6, 6, hosts=(host,))
    assert (of(found, "api").requested, of(found, "worker").requested) == (12, 18)
    assert counts(found) == granted
    assert "the maximum is 10 (X-14)" in (of(found, "api").why_less or "")
    assert "the maximum is 15 (X-14)" in (of(found, "worker").why_less or "")
    assert (found.escalate is not None) == (granted == (6, 6))


@pytest.mark.parametrize(("api", "beyond"), [(5, False), (6, True)])
def test_doubling_passes_the_maximum_from_six(api: int, beyond: bool) -> None:
    found = asked(api, 2, hosts=(HostSize("app1", 256, 1024 * GB),))
    assert (of(found, "api").granted, of(found, "api").why_less is not None) == (10, beyond)


def test_at_the_maximum_nothing_is_granted_and_that_is_said() -> None:
    found = asked(10, 15, CONCURRENCY, hosts=(HostSize("app1", 256, 1024 * GB),))
    assert [of(found, name).verdict for name in ("api", "worker")] == [Verdict.REFUSED] * 2
    assert found.escalate is not None
    assert "no capacity could be granted" in found.escalate


def test_a_host_that_is_exhausted_gets_no_instance_and_no_limit_but_edge_and_people_help() -> None:
    policy = load_policy({"application": {"edge": EDGE}})
    found = asked(2, 2, Pressure("memory_usage", "host", "app1", why="app1 memory 96 %"), policy=policy)
    assert counts(found) == (2, 2)
    assert all("X-16" in (of(found, name).why_less or "") for name in ("api", "worker"))
    assert [decision.resource for decision in found.granted] == ["caching", "throttling"]
    assert "caching and throttling can still help, so a person has to look at it" in (found.escalate or "")


def test_with_a_second_host_the_other_one_still_scales_out() -> None:
    second = HostSize("app2", 16, 64 * GB)
    api = ScaledService("api", "api", 2, "app2", cpus=2, memory=2.0 * GB)
    found = asked(2, 2, Pressure("cpu_usage", "host", "app1"), hosts=(SMALL, second), services=[api, service("worker")])
    assert counts(found) == (4, 2)
    assert "X-16" in (of(found, "worker").why_less or "")


@pytest.mark.parametrize(
    "pressure", [Pressure("cpu_usage", "database", "app1", "postgres"), Pressure("database_connections", "", "app1")]
)
def test_a_busy_database_gets_no_more_clients(pressure: Pressure) -> None:
    found = asked(2, 2, pressure)
    assert counts(found) == (2, 2)
    assert "database" in (of(found, "api").why_less or "")
    assert found.escalate is not None


def test_a_container_at_its_limit_gets_a_higher_limit_and_no_instances() -> None:
    found = asked(2, 2, Pressure("memory_usage", "worker", "app1", "worker"))
    assert counts(found) == (2, 2)
    assert of(found, "worker", "memory").granted == 4.5 * GB
    assert not [one for one in found.decisions if one.service == "api" and one.resource == "memory"]


def test_symptoms_with_a_cause_are_no_reason_for_more_instances() -> None:
    host = Pressure("cpu_usage", "host", "app1")
    assert [bound.kind for bound in incident_bottlenecks([CONCURRENCY, host])] == [IncidentBottleneckKind.HOST]
    assert [bound.kind for bound in incident_bottlenecks([CONCURRENCY])] == [IncidentBottleneckKind.CONCURRENCY]
    assert [bound.kind for bound in incident_bottlenecks([])] == [IncidentBottleneckKind.UNKNOWN]


def test_who_is_under_pressure_gets_its_instances_first() -> None:
    queue = Pressure("pending_tasks", "worker", "app1", "worker")
    found = asked(2, 2, queue)
    assert counts(found) == (3, 6)  # 4.5 + 18 + 6 = 28.5 of 28.8 GB


def test_connections_are_kept_inside_what_the_database_accepts() -> None:
    roomy = HostSize("app1", 256, 1024 * GB)
    found = asked(6, 6, CONCURRENCY, hosts=(roomy,), database=None)
    assert counts(found) == (8, 9)  # 8 x 20 + 6 x 4 = 184, then 8 x 20 + 9 x 4 = 196 of 197
    assert "X-13" in (of(found, "api").why_less or "")
    assert asked(2, 2, CONCURRENCY, hosts=(roomy,), database=None).connections.startswith("4 API x 20 + 6 workers x 4")


@pytest.mark.parametrize(
    ("redis", "granted"),
    [
        (None, True),
        (RedisSide(broker=True, eviction="noeviction"), True),
        (RedisSide(broker=False, eviction="allkeys-lru"), True),
        (RedisSide(broker=True, eviction="allkeys-lru"), False),
        (RedisSide(broker=True, eviction=None), False),
    ],
)
def test_no_caching_where_redis_could_drop_tasks_for_it(redis: RedisSide | None, granted: bool) -> None:
    policy = load_policy({"application": {"edge": EDGE}})
    caching = of(asked(policy=policy, redis=redis), "", "caching")
    assert caching.changes is granted
    assert ("X-75" in (caching.why_less or "")) is not granted


def test_nothing_mapped_is_nothing_granted() -> None:
    found = asked()
    for name in ("caching", "throttling"):
        assert of(found, "", name).why_less == "no route is mapped for it"


def test_it_ends_by_itself_after_an_hour() -> None:
    assert asked().expires_at == AT + timedelta(hours=1)


def test_a_second_one_does_not_multiply_the_first() -> None:
    with pytest.raises(RefusedError) as refused:
        asked(active_since=AT - timedelta(minutes=5))
    assert refused.value.rule == "X-74"
    with pytest.raises(UsageError):
        grant(EmergencySituation(AT.replace(tzinfo=None), [], [], ()), default_policy())


@pytest.mark.parametrize(
    ("severity", "confirm"), [(None, False), (IncidentSeverity.P1, False), (IncidentSeverity.P2, True)]
)
def test_a_person_confirms_p2(severity: IncidentSeverity | None, confirm: bool) -> None:
    assert asked(severity=severity).confirm is confirm


def test_one_host_has_no_failover() -> None:
    assert [finding.rule for finding in asked(unavailable=["api"]).findings] == ["X-65"]
    assert asked(unavailable=["api"], hosts=(SMALL, LARGE)).findings == ()


def test_a_stopped_service_is_not_multiplied() -> None:
    assert "start it first" in (of(asked(0, 2), "api").why_less or "")


def test_cooldowns_do_not_count() -> None:
    api = feed(service("api"))
    api.last_out = AT.timestamp()
    assert of(asked(services=[api, service("worker")], hosts=(LARGE,)), "api").granted == 4
    assert autoscaler(host=GUIDE) is not None


def test_readings_become_pressures_by_their_subjects() -> None:
    def reading(metric: str, subject: str, level: Level = Level.EMERGENCY) -> Judgement:
        return Judgement(
            metric=metric, subject=subject, level=level, unit="ratio", operator=">", item="EMC-03", sentence="97 %"
        )

    roles = {"api": "api", "postgres": "database"}
    found = pressures(
        [
            reading("cpu_usage", "app1"),
            reading("cpu_usage", "app1/api"),
            reading("memory_usage", "postgres"),
            reading("error_rate", "api", Level.CRITICAL),
        ],
        roles,
    )
    assert [(one.role, one.host, one.service) for one in found] == [
        ("host", "app1", ""),
        ("api", "app1", "api"),
        ("database", "", "postgres"),
    ]
    assert "EMC-03" in found[0].why


@given(st.integers(0, 12), st.integers(0, 18), st.integers(4, 300), st.booleans())
def test_whatever_is_granted_fits(api: int, worker: int, gigabytes: int, pooled: bool) -> None:
    host = HostSize("app1", 8, gigabytes * GB, 5, 4.5 * GB)
    found = asked(api, worker, hosts=(host,), database=POOLED if pooled else DatabaseSide(surge=0))
    before = 4.5 * GB + api * 2 * GB + worker * 3 * GB
    assert found.loads[0].memory <= max(before, gigabytes * GB * 0.9)
    assert of(found, "api").granted in range(api, max(api, min(2 * api, 10)) + 1)
    assert of(found, "worker").granted in range(worker, max(worker, min(3 * worker, 15)) + 1)
    for decision in found.decisions:
        assert decision.current == 0 or (decision.why_less is None) == (decision.granted == decision.requested)
    more = [one for one in found.granted if one.resource in ("instances", "memory")]
    assert (found.escalate is None) == bool(more)
