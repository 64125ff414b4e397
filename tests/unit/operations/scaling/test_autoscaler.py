"""Triggers, durations, cooldowns, arbitration, bounds, seasons, hosts and connections, with the guide's numbers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from selextract_infra.assess.calendar import Calendar
from selextract_infra.assess.room import HostSize
from selextract_infra.errors import UsageError
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.model.decision import Verdict
from selextract_infra.model.scaling import Direction, ServiceStamps
from selextract_infra.operations.scaling.autoscaler import Autoscaler
from selextract_infra.policy import default_policy, load_policy
from tests.unit.operations.scaling.scaled import GB, INTERVAL, WEDNESDAY, autoscaler, decided, feed, service


@pytest.mark.parametrize(
    ("role", "metric", "value", "rule", "after"),
    [
        ("api", "cpu_usage", 0.7, "TRG-01", 3),
        ("worker", "cpu_usage", 0.7, "TRG-01", 3),
        ("api", "memory_usage", 0.8, "TRG-03", 3),
        ("api", "response_time_p95", 1.0, "TRG-04", 3),
        ("api", "requests_per_second", 300.1, "HAPI-03", 3),
        ("worker", "pending_tasks", 100, "HWRK-03", 4),
    ],
)
def test_each_trigger_fires_at_its_threshold(role: str, metric: str, value: float, rule: str, after: int) -> None:
    decision = decided(feed(service(role), **{metric: value}))
    assert (decision.verdict, decision.rule, decision.granted) == (Verdict.RAISE, rule, after)
    assert decision.direction is Direction.OUT
    assert rule in decision.why


@pytest.mark.parametrize(
    ("role", "metric", "value"),
    [
        ("api", "cpu_usage", 0.699),
        ("api", "memory_usage", 0.799),
        ("api", "response_time_p95", 0.999),
        ("api", "requests_per_second", 300),
        ("worker", "pending_tasks", 99),
    ],
)
def test_below_its_threshold_no_trigger_fires(role: str, metric: str, value: float) -> None:
    assert decided(feed(service(role), **{metric: value})).verdict is Verdict.KEEP


@pytest.mark.parametrize(
    ("role", "metric", "value", "seconds"),
    [
        ("api", "cpu_usage", 0.9, 300),
        ("api", "memory_usage", 0.9, 180),
        ("api", "response_time_p95", 3.0, 300),
        ("worker", "pending_tasks", 500, 120),
    ],
)
def test_a_breach_counts_only_after_its_whole_duration(role: str, metric: str, value: float, seconds: int) -> None:
    one = feed(service(role), until=WEDNESDAY - seconds - INTERVAL)
    scaler, at = autoscaler(), WEDNESDAY - seconds - INTERVAL
    while at < WEDNESDAY:
        assert not scaler.decide([one], at)[0].changes
        at += INTERVAL
        one.record(metric, at, value)
    assert scaler.decide([one], at)[0].verdict is Verdict.RAISE


def test_one_sample_back_inside_starts_the_duration_again() -> None:
    one = feed(service(), until=WEDNESDAY - 165)
    one.record("cpu_usage", WEDNESDAY - 150, 0.5)
    for step in range(9, -1, -1):
        one.record("cpu_usage", WEDNESDAY - step * INTERVAL, 0.99)
    assert not decided(one).changes


@pytest.mark.parametrize(("missing", "verdict"), [(4, Verdict.RAISE), (5, Verdict.KEEP)])
def test_a_gap_is_inconclusive_below_80_percent_of_the_samples(missing: int, verdict: Verdict) -> None:
    one = feed(service(), seconds=1800, without="cpu_usage")
    for step in range(20, -1, -1):
        if not 5 <= step < 5 + missing:
            one.record("cpu_usage", WEDNESDAY - step * INTERVAL, 0.9)
    decision = decided(one)
    assert decision.verdict is verdict
    if verdict is Verdict.KEEP:
        assert any("TRG-01: too few samples" in why for why in decision.held)


@pytest.mark.parametrize(
    ("total", "wanted", "granted"), [(600, 4, 4), (1000, 7, 7), (2000, 14, 10), (601, 5, 5), (600.0000000001, 4, 4)]
)
def test_instances_by_load(total: float, wanted: int, granted: int) -> None:
    decision = decided(feed(service(), requests_per_second=total))
    assert (decision.requested, decision.granted) == (wanted, granted)
    assert (decision.why_less is not None) == (granted < wanted)


def test_today_a_load_over_all_instances_would_never_stop_adding() -> None:
    policy = load_policy({"scaling": {"api": {"load_scope": {"stated": "total"}}}})
    assert decided(feed(service(count=9), requests_per_second=200), policy=policy).granted == 10
    assert not decided(feed(service(count=9), requests_per_second=200, cpu_usage=0.5)).changes


def test_two_workers_for_one_queue_and_one_action() -> None:
    decision = decided(feed(service("worker", 14), pending_tasks=120))
    assert (decision.requested, decision.granted) == (16, 15)
    assert "the maximum is 15" in (decision.why_less or "")
    assert len(decision.fired) == 1


def test_the_largest_of_several_wishes_wins_and_all_are_named() -> None:
    decision = decided(feed(service("worker"), pending_tasks=150, cpu_usage=0.9, memory_usage=0.9))
    assert (decision.granted, decision.rule, len(decision.fired)) == (4, "HWRK-03", 3)


@pytest.mark.parametrize(
    ("role", "metrics", "cooldown"),
    [
        ("api", {"cpu_usage": 0.9}, 600),
        ("api", {"response_time_p95": 2.0}, 900),
        ("worker", {"pending_tasks": 200}, 300),
    ],
)
def test_the_cooldown_blocks_the_action_only(role: str, metrics: dict[str, float], cooldown: float) -> None:
    one = feed(service(role), **metrics)
    one.last_out = WEDNESDAY - cooldown + 1
    held = decided(one)
    assert (held.verdict, held.granted) == (Verdict.KEEP, 2)
    assert held.fired
    assert held.next_at == datetime.fromtimestamp(WEDNESDAY + 1, UTC)
    one.last_out = WEDNESDAY - cooldown
    assert decided(one).verdict is Verdict.RAISE


def test_a_shorter_cooldown_of_another_rule_lets_it_act() -> None:
    one = feed(service(), response_time_p95=2.0, cpu_usage=0.9)
    one.last_out = WEDNESDAY - 700
    decision = decided(one)
    assert (decision.rule, decision.verdict) == ("TRG-01", Verdict.RAISE)
    assert any("TRG-04 waits" in why for why in decision.held)


def test_deciding_starts_no_cooldown() -> None:
    one = feed(service(), cpu_usage=0.9)
    assert decided(one) == decided(one)
    assert one.stamps == ServiceStamps(count=2)
    one.acted(Direction.OUT, 3, WEDNESDAY)
    assert one.stamps == ServiceStamps(count=3, last_out=WEDNESDAY)


def test_an_instance_goes_when_everything_is_calm() -> None:
    decision = decided(feed(service(count=3)))
    assert (decision.verdict, decision.granted, decision.direction) == (Verdict.LOWER, 2, Direction.IN)
    assert decision.rule in ("TRG-02", "HAPI-04")
    workers = decided(feed(service("worker", 3)))
    assert (workers.verdict, workers.granted) == (Verdict.LOWER, 2)


@pytest.mark.parametrize(
    ("role", "metric", "value"),
    [
        ("api", "cpu_usage", 0.31),
        ("api", "memory_usage", 0.8),
        ("api", "response_time_p95", 1.0),
        ("api", "requests_per_second", 270),
        ("worker", "pending_tasks", 11),
    ],
)
def test_one_metric_that_is_not_calm_keeps_the_instance(role: str, metric: str, value: float) -> None:
    assert decided(feed(service(role, 3), **{metric: value})).direction is not Direction.IN


def test_a_short_spike_in_the_last_15_minutes_keeps_the_instance_too() -> None:
    one = feed(service(count=3), without="memory_usage")
    for step in range(119, -1, -1):
        one.record("memory_usage", WEDNESDAY - step * INTERVAL, 0.85 if step == 40 else 0.5)
    kept = decided(one)
    assert not kept.changes
    assert "memory_usage was beyond the threshold of TRG-03" in kept.why


@pytest.mark.parametrize("metric", ["cpu_usage", "memory_usage", "response_time_p95", "requests_per_second"])
def test_a_missing_metric_vetoes_fewer_but_not_more(metric: str) -> None:
    kept = decided(feed(service(count=3), without=metric))
    assert not kept.changes
    busy = "memory_usage" if metric == "cpu_usage" else "cpu_usage"
    assert decided(feed(service(count=3), without=metric, **{busy: 0.95})).granted == 4


def test_two_instances_carry_the_share_of_the_third_but_one_not_of_the_second() -> None:
    policy = load_policy({"scaling": {"api": {"instances": {"minimum": 1}}}})
    calm = {"cpu_usage": 0.3, "requests_per_second": 40.0}
    assert decided(feed(service(count=3), **calm), policy=policy).granted == 2  # 30 % of three are 45 % of two
    assert decided(feed(service(count=2), **calm), policy=policy).granted == 1  # 60 % of one is below 63 %
    strict = load_policy(
        {"scaling": {"api": {"instances": {"minimum": 1}}}, "trigger_rules": {"hysteresis": {"share": "85%"}}}
    )
    kept = decided(feed(service(count=2), **calm), policy=strict)
    assert not kept.changes
    assert any("cpu_usage would be beyond 85 %" in why for why in kept.held)


def test_out_beats_in() -> None:
    decision = decided(feed(service("worker", 4), pending_tasks=150, cpu_usage=0.1))
    assert (decision.direction, decision.granted) == (Direction.OUT, 6)


def test_fewer_wait_30_minutes_after_fewer_and_15_after_more() -> None:
    one = feed(service(count=4), seconds=3600)
    one.last_in = WEDNESDAY - 1799
    assert not decided(one).changes
    one.last_in = WEDNESDAY - 1800
    assert decided(one).granted == 3
    one.last_out = WEDNESDAY - 899
    assert not decided(one).changes
    one.last_out = WEDNESDAY - 900
    assert decided(one).granted == 3


def test_a_count_that_somebody_else_changed_is_noticed_and_left_alone_for_a_while() -> None:
    one = feed(service(count=2))
    assert one.observe_count(5, WEDNESDAY - 60)
    assert not one.observe_count(5, WEDNESDAY - 45)
    kept = decided(one)
    assert (kept.verdict, kept.current) == (Verdict.KEEP, 5)
    assert any("somebody else" in why for why in kept.held)
    later = WEDNESDAY - 60 + 1800
    assert decided(feed(one, until=later), later).granted == 4
    busy = feed(service(count=5), cpu_usage=0.95)
    busy.observe_count(3, WEDNESDAY - 60)
    assert not decided(busy).changes


def test_more_than_the_maximum_by_hand_is_not_taken_away_under_load() -> None:
    one = feed(service(count=12), cpu_usage=0.9)
    decision = decided(one)
    assert (decision.verdict, decision.granted) == (Verdict.REFUSED, 12)


def test_a_restart_goes_on_with_the_stamps_and_notices_what_happened_meanwhile() -> None:
    one = feed(service(count=4), cpu_usage=0.9)
    assert not one.restore(ServiceStamps(count=4, last_out=WEDNESDAY - 30), WEDNESDAY)
    assert not decided(one).changes
    assert one.restore(ServiceStamps(count=3, last_out=WEDNESDAY + 86_400), WEDNESDAY)
    assert one.stamps == ServiceStamps(count=4, last_out=WEDNESDAY, changed_by_hand=WEDNESDAY)


def test_a_clock_that_goes_back_drops_the_samples_and_is_inconclusive() -> None:
    one = feed(service(), cpu_usage=0.9)
    assert not one.record("cpu_usage", WEDNESDAY - 3600, 0.9)
    assert not decided(one, WEDNESDAY - 3600).changes


def test_without_any_metric_it_is_blind_and_says_so() -> None:
    decision = decided(service())
    assert (decision.verdict, decision.granted) == (Verdict.UNKNOWN, 2)
    stale = decided(feed(service(), until=WEDNESDAY - 600))
    assert stale.verdict is Verdict.UNKNOWN
    assert "no metric" in stale.why


def test_while_an_incident_is_open_nothing_is_taken_away() -> None:
    one = feed(service(count=4))
    kept = autoscaler().decide([one], WEDNESDAY, incident=IncidentSeverity.P1)[0]
    assert not kept.changes
    assert "incident" in kept.why
    assert autoscaler().decide([one], WEDNESDAY, incident=IncidentSeverity.P3)[0].granted == 3


def test_a_stopped_service_stays_stopped() -> None:
    decision = decided(feed(service(count=0), cpu_usage=0.9))
    assert (decision.verdict, decision.granted) == (Verdict.KEEP, 0)


def test_fewer_than_the_minimum_are_raised_to_it() -> None:
    decision = decided(feed(service(count=1)))
    assert (decision.rule, decision.granted) == ("HAPI-01", 2)


@pytest.mark.parametrize(("value", "count", "granted"), [(501, 0, 1), (500, 0, 0), (501, 2, 3), (501, 3, 3)])
def test_read_replicas_come_strictly_above_500_reads_and_never_more_than_three(
    value: float, count: int, granted: int
) -> None:
    decision = decided(feed(service("database", count), read_queries_per_second=value))
    assert (decision.resource, decision.granted) == ("replicas", granted)


def test_a_replica_is_never_taken_away_unasked() -> None:
    assert not decided(feed(service("database", 3), read_queries_per_second=0)).changes


def test_a_trigger_may_be_narrowed_to_one_service() -> None:
    policy = load_policy({"triggers": {"cpu_scale_out": {"service": "worker"}}})
    assert not decided(feed(service("api"), cpu_usage=0.9), policy=policy).changes
    assert decided(feed(service("worker"), cpu_usage=0.9), policy=policy).changes


def test_a_decision_is_pure_and_complete() -> None:
    policy = default_policy()
    one = feed(service(), cpu_usage=0.9)
    hosts = [HostSize("app1", 64, 256 * GB)]
    scaler = Autoscaler(policy, hosts, Calendar.of(policy))
    decision = scaler.decide([one], WEDNESDAY)[0]
    assert decision.model_dump(mode="json")["numbers"] == {"cpu_usage": pytest.approx(0.9), "TRG-01_threshold": 0.7}
    one.role = "redis"
    with pytest.raises(UsageError):
        scaler.decide([one], WEDNESDAY)
