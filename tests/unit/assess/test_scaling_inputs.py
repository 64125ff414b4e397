from __future__ import annotations

from typing import Any

import pytest

from selextract_infra.assess.scaling_inputs import (
    database_side,
    host_size,
    reads_per_second,
    redis_side,
    samples_of,
    scaled_services,
    transactions_per_second,
)
from selextract_infra.model.observation import HostObservation
from selextract_infra.model.postgres import Pooling
from selextract_infra.model.postgres_observation import PostgresConnections, PostgresObservation, PostgresSetting
from selextract_infra.model.traffic import BalancerObservation, RedisObservation, TrafficObservation, TrafficWindow
from tests.unit.seen import GB, container, host, policy

POLICY = policy({"worker": {"celery_app": "tasks"}})
MINUTE = TrafficWindow(seconds=60, covered=60, requests=600, failed=6, p50=0.1, p95=0.4, p99=0.9)
FIVE = TrafficWindow(seconds=300, covered=300, requests=3000, failed=60, p50=0.1, p95=0.3, p99=0.8)


def seen(**traffic: Any) -> HostObservation:
    """Two API instances and two workers, half and three quarters full."""
    containers = [
        container("api", number=1, cpus=2.0, cpu_use=0.5, use=GB),
        container("api", number=2, cpus=2.0, cpu_use=1.5, use=GB + GB // 2),
        container("worker", number=1),
        container("worker", number=2),
        container("postgres"),
        container("redis"),
    ]
    return host(containers, traffic=TrafficObservation(at=100.0, **traffic))


def test_counts_and_limits_are_those_of_the_scaled_roles_only() -> None:
    services = {service.name: service for service in scaled_services(seen(), POLICY)}
    assert {name: one.count for name, one in services.items()} == {"api": 2, "worker": 2}
    assert (services["api"].cpus, services["api"].memory) == (2.0, 2.0 * GB)


def test_the_rest_of_the_host_is_fixed() -> None:
    size = host_size(seen(), POLICY)
    assert (size.fixed_cpus, size.fixed_memory) == (4.0, 4.0 * GB)


def test_cpu_is_the_mean_and_memory_the_fullest_instance() -> None:
    assert samples_of(seen(), POLICY)["api"] == {"cpu_usage": 0.5, "memory_usage": 0.75}


def test_requests_are_those_of_the_guides_own_windows() -> None:
    balancer = BalancerObservation(project="selextract", service="api", windows=(MINUTE, FIVE))
    samples = samples_of(seen(balancer=balancer), POLICY)["api"]
    assert samples["response_time_p95"] == 0.4
    assert samples["requests_per_second"] == 10.0
    assert samples["error_rate"] == 0.02


@pytest.mark.parametrize(
    "balancer",
    [
        None,
        BalancerObservation(project="selextract", service="api", running=False, windows=(MINUTE, FIVE)),
        BalancerObservation(project="selextract", service="other", windows=(MINUTE, FIVE)),
        BalancerObservation(project="selextract", service="api", windows=(TrafficWindow(seconds=60, covered=0),)),
    ],
)
def test_what_was_not_seen_is_left_out_and_never_guessed(balancer: BalancerObservation | None) -> None:
    assert set(samples_of(seen(balancer=balancer), POLICY)["api"]) == {"cpu_usage", "memory_usage"}


def test_pending_tasks_are_the_queued_and_the_reserved() -> None:
    redis = RedisObservation(project="selextract", service="redis", queued=40, reserved=4)
    assert samples_of(seen(redis=redis), POLICY)["worker"]["pending_tasks"] == 44
    unknown = RedisObservation(project="selextract", service="redis", queued=40, problem="NOAUTH")
    assert "pending_tasks" not in samples_of(seen(redis=unknown), POLICY)["worker"]


def test_the_database_has_its_connections_and_reads() -> None:
    asked = PostgresObservation(
        project="selextract", service="postgres", container="selextract-postgres-1",
        connections=PostgresConnections(open=31), settings={"max_connections": PostgresSetting(value="50")},
    )  # fmt: skip
    there = seen().model_copy(update={"postgres": asked})
    samples = samples_of(there, POLICY, reads=510.0)["postgres"]
    assert (samples["connections"], samples["read_queries_per_second"]) == (31, 510.0)
    assert database_side(there, POLICY).maximum == 50
    assert database_side(seen(), POLICY).maximum is None


def test_the_app_is_pooled_where_our_file_leads_all_of_it_to_pgbouncer() -> None:
    dsn = policy({name: {"environment": {"dsn": "DATABASE_URL"}} for name in ("api", "worker")})

    def led(*services: str) -> HostObservation:
        held = {name: {"environment": {"DATABASE_URL": "${X}"}} for name in services}
        return host([container("api"), container("worker")], project={"capacity_file": {"services": held}})

    assert database_side(led("api", "worker"), dsn).pooling is Pooling.POOLED
    assert database_side(led("api"), dsn).pooling is Pooling.DIRECT
    assert database_side(led("api", "worker"), POLICY).pooling is Pooling.DIRECT
    assert database_side(seen(), dsn).pooling is Pooling.DIRECT


def test_reads_per_second_need_two_looks_at_the_same_count() -> None:
    early, late = TrafficObservation(at=100.0, reads=1000), TrafficObservation(at=110.0, reads=6000)
    assert reads_per_second(early, late) == 500.0
    assert reads_per_second(late.model_copy(update={"at": 90.0}), early) is None
    assert reads_per_second(early, TrafficObservation(at=110.0)) is None


def test_transactions_are_counted_without_an_extension() -> None:
    early, late = TrafficObservation(at=100.0, transactions=1000), TrafficObservation(at=110.0, transactions=1200)
    assert transactions_per_second(early, late) == 20.0
    assert transactions_per_second(late, TrafficObservation(at=120.0, transactions=5)) is None
    assert reads_per_second(early, late) is None


def test_a_redis_that_evicts_is_known_by_what_was_seen_then_by_what_is_mapped() -> None:
    redis = RedisObservation(project="selextract", service="redis", queued=0, reserved=0, eviction="allkeys-lru")
    found = redis_side(seen(redis=redis), POLICY)
    assert found is not None
    assert (found.broker, found.eviction) == (True, "allkeys-lru")
    mapped = policy({"redis": {"eviction": "noeviction"}})
    assert getattr(redis_side(seen(), mapped), "eviction", "") == "noeviction"
