"""What the loop remembers from look to look: counts by other access, lost metrics, clock jumps, a restart."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from selextract_infra.assess.assessment import assess_measurements
from selextract_infra.assess.calendar import Calendar
from selextract_infra.errors import RefusedError
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.model.decision import Verdict
from selextract_infra.model.observation import HostObservation, Observation
from selextract_infra.model.postgres_observation import PostgresObservation, PostgresReplica
from selextract_infra.model.scaling import Direction, ServiceStamps
from selextract_infra.model.traffic import BalancerObservation, RedisObservation, TrafficObservation, TrafficWindow
from selextract_infra.operations.scaling.decide import decide_scale
from selextract_infra.operations.watch.memory import Watched
from selextract_infra.operations.watch.readings import readings_of
from selextract_infra.policy import Policy
from tests.unit.seen import GB, container, definition, host, observation, policy

START = datetime(2025, 3, 5, 12, tzinfo=UTC).timestamp()
STEP = 15.0


def rules(**more: Any) -> Policy:
    return policy(services={"worker": {"celery_app": "tasks"}}, **more)


def traffic(requests: int = 600, failed: int = 0, p95: float | None = 0.2, pending: int = 4) -> TrafficObservation:
    windows = tuple(
        TrafficWindow(seconds=seconds, covered=seconds, requests=requests, failed=failed, p95=p95)
        for seconds in (60.0, 120.0, 300.0)
    )
    return TrafficObservation(
        balancer=BalancerObservation(project="selextract", service="api", windows=windows),
        redis=RedisObservation(project="selextract", service="redis", queued=pending, reserved=0),
    )


def server(api: int = 2, worker: int = 2, *, cpu: float = 0.4, **more: Any) -> HostObservation:
    counts = {"api": api, "worker": worker, "postgres": 1, "redis": 1, "nginx": 1}
    there = [
        container(name, number=number, cpu_use=cpu, memory=GB)
        for name, count in counts.items()
        for number in range(1, count + 1)
    ]
    more.setdefault("traffic", traffic())
    return host(there, cpus=64, memory=256 * GB, **more)


def watched(policy: Policy | None = None) -> Watched:
    return Watched(policy or rules())


def look(one: Watched, seen: HostObservation, times: int, since: float = START) -> list[str]:
    """So many looks at the same; returns what people would hear."""
    news: list[str] = []
    for step in range(times):
        one.read(observation(seen), since + step * STEP)
        news += one.take(observation(seen), since + step * STEP)
    return news


def decided(one: Watched, seen: HostObservation, at: float, incident: IncidentSeverity | None = None) -> dict[str, Any]:
    calendar = Calendar.of(one.policy, zone=ZoneInfo("UTC"))
    return {decision.service: decision for decision in one.decide(observation(seen), at, calendar, incident)}


def test_cpu_at_the_threshold_for_its_whole_time_adds_one_and_not_before() -> None:
    one, busy = watched(), server(cpu=1.4)  # of 2 cores each: 70 %
    look(one, busy, 12)  # less than 80 % of five minutes
    assert not decided(one, busy, START + 11 * STEP)["api"].changes
    look(one, busy, 10, START + 12 * STEP)
    found = decided(one, busy, START + 21 * STEP)["api"]
    assert (found.rule, found.current, found.granted) == ("TRG-01", 2, 3)


def api_of(uses: list[float | None], *, limit: float | None = 2.0, cpus: int = 64, **more: Any) -> HostObservation:
    """A host with an API instance for each use of CPU; None is one that was not read."""
    there = [
        container("api", number=number, cpus=limit, cpu_use=use, memory=GB) for number, use in enumerate(uses, start=1)
    ]
    return host([*there, *more.pop("beside", ())], cpus=cpus, memory=256 * GB, traffic=traffic(), **more)


def test_one_instance_that_was_not_read_counts_as_nothing_where_more_are_asked_for() -> None:
    """3 of 4 at 99 % and the fourth not read are 74 % at least; it used to switch the rule off without a word."""
    one, busy = watched(), api_of([1.98, 1.98, 1.98, None])
    news = look(one, busy, 21)
    assert [sentence for sentence in news if "selextract-api-4 was not read: it counts as 0 %" in sentence] == news
    assert len(news) == 1
    found = decided(one, busy, START + 20 * STEP)["api"]
    assert (found.rule, found.current, found.granted) == ("TRG-01", 4, 5)
    two_of_four = watched()
    look(two_of_four, api_of([1.98, 1.98, None, None]), 21)
    assert not decided(two_of_four, api_of([1.98, 1.98, None, None]), START + 20 * STEP)["api"].changes


def test_one_instance_that_was_not_read_counts_as_full_where_fewer_are_asked_for() -> None:
    one, calm, unread = watched(), api_of([0.4] * 4), api_of([0.4, 0.4, 0.4, None])
    look(one, unread, 61)
    assert decided(one, unread, START + 60 * STEP)["api"].direction is None
    look(one, calm, 62, START + 61 * STEP)
    assert decided(one, calm, START + 122 * STEP)["api"].direction is Direction.IN


def test_an_instance_without_a_limit_is_judged_against_what_the_host_can_give_it() -> None:
    one, busy = watched(), api_of([3.95] * 2, limit=None, cpus=8)
    news = look(one, busy, 21)
    assert "judged against what the host can give it" in " ".join(news)
    assert decided(one, busy, START + 20 * STEP)["api"].rule == "TRG-01"
    full = watched()  # each uses a quarter of the cores, and there is nothing left for any of them
    look(full, api_of([2.0] * 4, limit=None, cpus=8), 21)
    assert decided(full, api_of([2.0] * 4, limit=None, cpus=8), START + 20 * STEP)["api"].rule == "TRG-01"
    calm = watched()
    look(calm, api_of([0.5] * 4, limit=None, cpus=8), 21)
    assert not decided(calm, api_of([0.5] * 4, limit=None, cpus=8), START + 20 * STEP)["api"].fired


def test_containers_that_have_ended_are_no_instances() -> None:
    ended = container("api", number=4, cpu_use=None, state="exited")
    one, busy = watched(), api_of([1.98, 1.98, 1.98], beside=[ended])
    assert look(one, busy, 21) == []
    assert decided(one, busy, START + 20 * STEP)["api"].current == 3
    assert "TRG-01" in decided(one, busy, START + 20 * STEP)["api"].why


def test_while_an_incident_is_open_nothing_is_taken_away() -> None:
    one, calm = watched(), server(api=4, cpu=0.1)
    look(one, calm, 100)
    at = START + 99 * STEP
    assert decided(one, calm, at)["api"].direction is Direction.IN
    assert decided(one, calm, at, IncidentSeverity.P2)["api"].direction is None


def test_without_any_request_nothing_is_slow_so_idle_instances_may_go() -> None:
    one, idle = watched(), server(api=4, cpu=0.1, traffic=traffic(requests=0, p95=None))
    look(one, idle, 100)
    assert decided(one, idle, START + 99 * STEP)["api"].direction is Direction.IN


def test_a_lost_metric_is_said_once_keeps_every_instance_and_is_welcomed_back() -> None:
    one, calm = watched(), server(api=4, cpu=0.1)
    look(one, calm, 100)
    blind = server(api=4, cpu=0.1, traffic=TrafficObservation())
    news = look(one, blind, 15, START + 100 * STEP)
    assert [line for line in news if "response_time_p95 of app1/api is missing" in line] == [
        "response_time_p95 of app1/api is missing: nothing is taken away there until it is back"
    ]
    assert decided(one, blind, START + 114 * STEP)["api"].direction is None
    assert "response_time_p95 of app1/api is back" in look(one, calm, 1, START + 115 * STEP)


def test_a_count_changed_by_another_hand_is_said_and_respected() -> None:
    one = watched()
    look(one, server(cpu=1.5), 30)
    (news,) = look(one, server(api=5, cpu=1.5), 1, START + 30 * STEP)
    assert "app1/api went from 2 to 5 instances by another hand" in news
    found = decided(one, server(api=5, cpu=1.5), START + 30 * STEP)["api"]
    assert not found.changes
    assert any("somebody else changed the count" in held for held in found.held)


def test_the_counts_of_an_emergency_are_nobody_s_hand() -> None:
    one = watched()
    state = {
        "emergency": {"run_id": "r", "status": "active", "began_at": "2025-03-05T12:05:00+00:00", "expires_at": 9e9}
    }
    look(one, server(), 10)
    assert look(one, server(api=4, worker=6, state=state), 3, START + 10 * STEP) == []
    assert look(one, server(), 3, START + 13 * STEP) == []
    assert one.services["app1", "api"].count == 2


def test_stamps_outlive_a_restart_and_a_count_that_changed_meanwhile_is_noticed() -> None:
    one = watched()
    look(one, server(), 2)
    one.services["app1", "api"].acted(Direction.OUT, 3, START)
    kept = {"autoscaler": {"services": one.stamps("app1")}}
    again = watched()
    assert look(again, server(api=3, state=kept), 1, START + 60) == []
    assert again.services["app1", "api"].stamps == ServiceStamps(count=3, last_out=START)
    (news,) = look(watched(), server(api=7, state=kept), 1, START + 60)
    assert "changed while nobody watched" in news


def test_a_clock_that_was_set_moves_cooldowns_along_and_starts_samples_anew() -> None:
    one, busy = watched(), server(cpu=1.5)
    look(one, busy, 30)
    one.services["app1", "api"].acted(Direction.OUT, 2, START + 400)
    one.moved(86_400)
    assert one.services["app1", "api"].last_out == START + 400 + 86_400
    assert not decided(one, busy, START + 30 * STEP + 86_400)["api"].changes
    assert one.measurements() == []


def test_a_service_that_can_have_one_instance_only_is_left_alone() -> None:
    definitions = [definition("api", container_name="the-api"), definition("worker")]
    one, busy = watched(), server(cpu=1.9, definitions=definitions)
    assert any("app1/api is not scaled: it has the container_name" in line for line in look(one, busy, 40))
    assert set(decided(one, busy, START + 39 * STEP)) == {"worker"}


def test_a_service_that_is_not_scaled_holds_its_room_so_what_is_asked_for_is_what_fits() -> None:
    definitions = [definition("api", fixed_host_ports=("18000/tcp",)), definition("worker"), definition("postgres")]
    queue = traffic(pending=1500)
    instances = [
        container("api", memory=2 * GB), container("postgres", memory=GB),
        *(container("worker", number=number, memory=GB) for number in (1, 2)),
    ]  # fmt: skip
    one, busy = watched(), host(instances, definitions=definitions, cpus=64, memory=7 * GB, traffic=queue)
    look(one, busy, 40)
    worker = decided(one, busy, START + 39 * STEP)["worker"]
    assert (worker.current, worker.granted) == (2, 3)  # 6.3 of 7 GB may be given, 3 are fixed
    assert decide_scale(observation(busy), one.policy, {"worker": 3})[0].granted == 3
    with pytest.raises(RefusedError, match="4 instances of worker do not fit, at most 3"):
        decide_scale(observation(busy), one.policy, {"worker": 4})


def test_without_any_metric_it_is_blind() -> None:
    one = watched()
    nothing = [item.model_copy(update={"usage": type(item.usage)()}) for item in server().containers]
    blind = host(nothing, cpus=64, memory=256 * GB)
    look(one, blind, 10)
    assert {name: found.verdict for name, found in decided(one, blind, START + 9 * STEP).items()} == {
        "api": Verdict.UNKNOWN,
        "worker": Verdict.UNKNOWN,
    }


def test_a_minute_of_errors_above_ten_percent_starts_an_emergency_and_one_look_does_not() -> None:
    one, failing = watched(), server(traffic=traffic(failed=66))

    def severity(at: float) -> IncidentSeverity | None:
        moment = datetime.fromtimestamp(at, UTC)
        found = assess_measurements(one.measurements(), one.policy, moment, source="watch")
        return found.response.severity if found.response else None

    look(one, failing, 1)
    assert severity(START) is not IncidentSeverity.P1
    look(one, failing, 5, START + STEP)
    assert severity(START + 5 * STEP) is IncidentSeverity.P1


def test_readings_are_the_highest_of_a_service_and_the_host_s_own() -> None:
    there = [container("api", number=1, cpu_use=0.2), container("api", number=2, cpu_use=1.9)]
    seen: Observation = observation(host(there))
    found = {(service, metric): value for service, metric, value in readings_of(seen.hosts[0], rules())}
    assert found["api", "cpu_usage"] == 0.95
    assert round(found["", "cpu_usage"], 4) == round(2.1 / 8, 4)


def database(reads: float, seconds: float, replicas: int = 0, *, counted: bool = True) -> HostObservation:
    """The server with a primary that has answered so many reads a second for so long."""
    seen = PostgresObservation(
        project="selextract", service="postgres", container="selextract-postgres-1",
        replicas=tuple(PostgresReplica(name=f"db{number}") for number in range(replicas)),
    )  # fmt: skip
    so_far = {"reads" if counted else "transactions": int(reads * seconds)}
    return server(traffic=traffic().model_copy(update={"at": START + seconds, **so_far}), postgres=seen)


@pytest.mark.parametrize("counted", [True, False])
def test_reads_above_the_guide_s_figure_for_its_time_want_a_replica_more(counted: bool) -> None:
    calendar, calm, busy = Calendar.of(rules(), zone=ZoneInfo("UTC")), watched(), watched()
    for step in range(100):
        for one, reads in ((calm, 400.0), (busy, 600.0)):
            one.take(observation(database(reads, step * STEP, 1, counted=counted)), START + step * STEP)
    at = START + 99 * STEP
    assert calm.replicas_wanted(at, calendar) == ()
    (wanted,) = busy.replicas_wanted(at, calendar)
    assert (wanted.host, wanted.service, wanted.current, wanted.requested) == ("app1", "postgres", 1, 2)
    assert busy.by_transactions == (set() if counted else {"app1"})


SALE = {
    "events": {
        "sale": {
            "kind": "marketing_campaign", "start": "2025-03-06 10:00", "end": "2025-03-07 00:00", "time_zone": "UTC"
        }
    }
}  # fmt: skip


def test_a_dated_event_raises_what_ran_before_it_also_after_a_restart_and_restores_it() -> None:
    one = watched(rules(**SALE))
    calm = server(api=3, worker=4, cpu=0.8)
    begins, ends = datetime(2025, 3, 5, 10, tzinfo=UTC).timestamp(), datetime(2025, 3, 7, tzinfo=UTC).timestamp()
    look(one, calm, 40, begins - 41 * STEP)
    assert [found.changes for found in decided(one, calm, begins - STEP).values()] == [False, False]
    found = decided(one, calm, begins)
    assert {name: (what.rule, what.granted) for name, what in found.items()} == {
        "api": ("MAN-05", 6), "worker": ("MAN-05", 8)
    }  # fmt: skip
    kept = {"autoscaler": {"services": one.stamps("app1")}}
    again = watched(rules(**SALE))
    raised = server(api=6, worker=8, cpu=0.4, state=kept)
    again.take(observation(raised), begins + 600)
    assert not any(what.changes for what in decided(again, raised, begins + 600).values())
    look(again, raised, 80, ends - 80 * STEP)
    found = decided(again, raised, ends)
    assert {name: (what.rule, what.granted) for name, what in found.items()} == {
        "api": ("MAN-05", 3), "worker": ("MAN-05", 4)
    }  # fmt: skip
