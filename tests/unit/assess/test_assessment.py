from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.assess.assessment import assess, assess_measurements
from selextract_infra.assess.measurements import Measurement, metric_named
from selextract_infra.assess.observed import headroom_seen, instances_of_role, measurements_of
from selextract_infra.assess.samples import Samples
from selextract_infra.assess.severity import Signals
from selextract_infra.errors import UsageError
from selextract_infra.model.assessment import Assessment, IncidentSeverity, Judgement, Level
from selextract_infra.model.observation import ContainerObservation, HostFacts
from selextract_infra.model.postgres_observation import ConnectionLimit, PostgresObservation
from selextract_infra.policy import default_policy, load_policy
from tests.unit.seen import AT, GB, MB, container, history, host, observation, one, policy

POLICY = policy()
NOW = AT.timestamp()


def told(found: Assessment, subject: str, item: str) -> Judgement:
    return next(one for one in found.judgements if (one.subject, one.item) == (subject, item))


def test_the_history_of_a_service_is_judged_over_its_windows() -> None:
    found = assess(one("api", cpu=1.72, peak=1700 * MB), POLICY)
    assert told(found, "app1/api", "MON-01").level is Level.CRITICAL
    assert told(found, "app1/api", "MON-01").value == pytest.approx(0.86)
    assert told(found, "app1/api", "MON-02").level is Level.WARNING
    assert told(found, "app1/api", "MON-01").coverage == 1.0


def test_the_busiest_container_of_a_service_counts_not_the_mean() -> None:
    seen = observation(
        host(
            [container("api"), container("api", number=2)],
            [history("api", cpu=0.2), history("api", number=2, cpu=1.8)],
        )
    )
    assert told(assess(seen, POLICY), "app1/api", "MON-01").value == pytest.approx(0.9)


def test_without_a_sampler_one_moment_is_judged_and_wakes_nobody() -> None:
    seen = observation(host([container("api", cpu_use=1.9, use=1000 * MB)]))
    found = assess(seen, POLICY)
    assert told(found, "app1/api", "MON-01").level is Level.CRITICAL
    assert told(found, "app1/api", "MON-01").coverage is None
    assert found.response is None


def test_use_without_a_limit_is_measured_against_the_host() -> None:
    seen = observation(host([container("api", memory=None, cpus=None, use=24 * GB)]))
    memory = next(row for row in headroom_seen(seen, POLICY) if row.resource == "memory")
    assert (memory.capacity, round(memory.free, 2)) == (32 * GB, 0.25)


def test_facts_of_the_host_are_judged() -> None:
    facts = HostFacts(
        cpus=8, memory=32 * GB, memory_available=2 * GB, disk_total=10**12, disk_free=130 * 10**9, machine_id="app1"
    )
    found = assess(observation(host([], facts=facts)), POLICY)
    assert told(found, "app1", "MON-03").level is Level.CRITICAL
    assert told(found, "app1", "KPI-04").level is Level.WARNING
    assert told(found, "app1", "MON-02").level is Level.CRITICAL
    assert {row.resource for row in found.headroom} == {"memory", "disk"}


def test_a_hosts_cpu_is_the_sum_of_its_containers() -> None:
    seen = observation(
        host([container("api"), container("worker")], [history("api", cpu=1.0), history("worker", cpu=1.5)])
    )
    rows = {(row.subject, row.resource): row for row in headroom_seen(seen, POLICY)}
    assert rows["app1", "CPU"].used == pytest.approx(2.5)


def test_headroom_takes_the_percentile_of_cpu_and_the_highest_memory() -> None:
    cpu = np.full(7 * 1440, 0.5)
    cpu[:100] = 2.0
    memory = np.full(7 * 1440, 100 * MB)
    memory[5] = 900 * MB
    rows = {row.resource: row for row in headroom_seen(one("api", cpu=cpu, peak=memory), POLICY) if "/" in row.subject}
    assert rows["CPU"].used == 0.5
    assert rows["memory"].used == 900 * MB


def test_a_mapped_service_that_does_not_run_is_a_p1() -> None:
    seen = observation(host([container("api", state="exited")]))
    found = assess(seen, POLICY)
    assert found.response is not None
    assert found.response.severity is IncidentSeverity.P1
    assert found.response.because == ("app1/api is down",)


def test_a_service_that_is_not_mapped_is_nobodys_incident() -> None:
    seen = observation(host([container("jenkins", state="exited")]))
    assert assess(seen, POLICY).response is None


def test_workers_and_connections_follow_from_the_mapped_containers() -> None:
    seen = observation(host([container("api"), container("api", number=2), container("worker")]))
    queue = Measurement("pending_tasks", "queue", Samples([NOW], [100.0]))
    demand = Measurement("tasks_per_hour", "queue", Samples([NOW], [1000.0]))
    found = assess(seen, POLICY, more=[queue, demand])
    assert found.workers is not None
    assert (found.workers.slots, found.workers.capacity, found.workers.level) == (4, 576, Level.CRITICAL)
    assert found.workers.wait_seconds == 625
    assert found.connections is not None
    assert (found.connections.api, found.connections.workers, found.connections.within_soft_limit) == (40, 4, False)
    assert {"X-13", "X-26"} <= {finding.rule for finding in found.findings}


def test_without_a_mapping_nothing_is_guessed() -> None:
    found = assess(one("api"), default_policy())
    assert found.workers is None
    assert found.connections is None
    assert instances_of_role(one("api"), default_policy(), "api") is None


def test_a_mapping_of_another_project_is_said_and_nothing_is_counted() -> None:
    elsewhere = load_policy({"application": {"project": "shop", "services": {"api": {"role": "api"}}}})
    found = assess(one("api"), elsewhere)
    assert found.connections is None
    assert [finding.sentence for finding in found.findings if finding.subject == "mapping"] == [
        "No host has a container of the mapping's Compose project shop, but of selextract."
    ]


def test_a_host_that_was_not_reached_is_a_finding() -> None:
    found = assess(observation(unreachable={"app2": "no route to host"}), POLICY)
    assert "app2 was not reached: no route to host" in [finding.sentence for finding in found.findings]


def test_exhaustion_in_sight_is_a_p4() -> None:
    found = assess(one("api"), POLICY, signals=Signals(days_left={"storage": 20.0}))
    assert found.response is not None
    assert found.response.severity is IncidentSeverity.P4


def test_the_worst_comes_first_and_makes_the_level() -> None:
    found = assess(one("api", cpu=1.72), POLICY)
    assert found.level is Level.CRITICAL
    assert found.judgements[0].level is Level.CRITICAL
    assert [one.level.rank for one in found.judgements] == sorted(
        (one.level.rank for one in found.judgements), reverse=True
    )


def test_nothing_seen_is_unknown_not_ok() -> None:
    assert assess(observation(), POLICY).level is Level.UNKNOWN


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(UsageError, match="time zone"):
        assess_measurements([], POLICY, AT.replace(tzinfo=None), source="x")


def test_an_assessment_survives_json() -> None:
    found = assess(one("api", cpu=1.9), POLICY)
    assert Assessment.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    ("name", "metric", "per"),
    [
        ("cpu_usage", "cpu_usage", 1.0),
        (" CPU_usage_percent ", "cpu_usage", 100.0),
        ("response_time_p95_ms", "response_time_p95", 1000.0),
        ("queue_length", "pending_tasks", 1.0),
        ("throughput", "requests_per_second", 1.0),
    ],
)
def test_names_of_metrics(name: str, metric: str, per: float) -> None:
    found = metric_named(name)
    assert found is not None
    assert (found.name, found.per) == (metric, per)


@pytest.mark.parametrize("name", ["", "cpu", "pending_tasks_percent", "cpu_usage_ms", "_percent"])
def test_other_names_are_no_metric(name: str) -> None:
    assert metric_named(name) is None


@given(
    st.lists(
        st.builds(
            lambda service, memory, cpus, use, cpu, state: container(
                service, memory=memory, cpus=cpus, use=use, cpu_use=cpu, state=state
            ),
            st.sampled_from(["api", "worker", "postgres", "<b>", ""]),
            st.one_of(st.none(), st.integers(0, 64 * GB)),
            st.one_of(st.none(), st.floats(0, 64)),
            st.one_of(st.none(), st.integers(0, 64 * GB)),
            st.one_of(st.none(), st.floats(0, 1e6)),
            st.sampled_from(["running", "exited", "paused", ""]),
        ),
        max_size=6,
    ),
    st.integers(0, 64),
    st.integers(0, 64 * GB),
    st.one_of(st.none(), st.integers(0, 10**13)),
)
def test_no_observation_makes_a_traceback(
    containers: list[ContainerObservation], cpus: int, memory: int, disk: int | None
) -> None:
    facts = HostFacts(cpus=cpus, memory=memory, memory_available=memory // 2, disk_total=disk, disk_free=0)
    seen = observation(host(containers, facts=facts))
    found = assess(seen, POLICY)
    assert found.at == AT
    assert {one.metric for one in measurements_of(seen, POLICY)} >= {one.metric for one in found.judgements}


def test_what_the_role_may_have_is_set_against_what_the_app_may_open() -> None:
    limits = (ConnectionLimit(subject="role shop", connections=3, open=2),)
    server = PostgresObservation(project="selextract", service="postgres", container="postgres", limits=limits)
    there = host([container("api"), container("worker")]).model_copy(update={"postgres": server})
    found = assess(observation(there), POLICY).findings
    (finding,) = [one for one in found if "role shop" in one.sentence]
    assert finding.rule == "X-13"
    assert finding.sentence == "app1: the app may open 24 connections, and role shop may have 3."
    enough = server.model_copy(update={"limits": (limits[0].model_copy(update={"connections": 24}),)})
    assert not [one for one in assess(observation(there.model_copy(update={"postgres": enough})), POLICY).findings
                if "role shop" in one.sentence]  # fmt: skip
