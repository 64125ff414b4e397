"""Triggers, durations, cooldowns, arbitration, bounds, seasons, hosts and connections, with the guide's numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from selextract_infra.decide.autoscale import autoscale
from selextract_infra.decide.autoscale_room import DatabaseSide, HostSize
from selextract_infra.decide.autoscale_rules import refuse_cheaper, rules_by_role
from selextract_infra.decide.calendar import Calendar, planned_event
from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.model.decision import Verdict
from selextract_infra.model.scaling import Direction, ServiceStamps
from selextract_infra.policy import default_policy, load_policy
from tests.unit.decide.scaled import GB, GUIDE, INTERVAL, WEDNESDAY, autoscaler, decided, feed, service


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
    one = feed(service(role), until=WEDNESDAY - seconds)
    scaler, at = autoscaler(), WEDNESDAY - seconds
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
    for step in range(19, -1, -1):
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


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def floor_at(text: str, role: str = "api", *, cheaper: bool = False, usual: int = 0, incident: str = "") -> int:
    policy, at = default_policy(), moment(text)
    scaler = autoscaler(
        calendar=Calendar.of(policy, zone=ZoneInfo("UTC"), cheaper=cheaper),
        cheaper=cheaper,
        usual={role: usual} if usual else None,
    )
    one = service(role)
    severity = IncidentSeverity(incident) if incident else None
    return scaler.floors.of(one, scaler.rules_of(one), at, severity).count


@pytest.mark.parametrize(
    ("day", "cheaper", "usual", "floor"),
    [
        ("2025-03-05", False, 0, 2),
        ("2025-11-19T23:59:59", False, 0, 2),
        ("2025-11-20", False, 0, 6),  # 3 x 2
        ("2025-11-30T23:59:59", False, 0, 6),
        ("2025-12-01", False, 0, 2),  # Cyber Monday is outside
        ("2025-11-22", True, 3, 9),  # a Saturday in Black Friday: the weekend is suspended, not 4.5
        ("2025-12-20", False, 0, 4),
        ("2025-07-05", False, 3, 3),  # 0.7 x 3 = 2.1, rounded up
        ("2025-03-08", True, 3, 2),  # 0.5 x 3 = 1.5, rounded up
        ("2025-03-08", True, 0, 1),  # 0.5 x 1 is no outage
        ("2025-07-05", True, 4, 2),  # the lower of 0.7 and 0.5, not 0.35
        ("2025-11-22", False, 5, 10),  # 15, but no more than the maximum
    ],
)
def test_the_floor_by_season_and_weekend(day: str, cheaper: bool, usual: int, floor: int) -> None:
    at = day if "T" in day else f"{day}T00:00:00"
    assert floor_at(f"{at}+00:00", cheaper=cheaper, usual=usual) == floor


def test_an_open_incident_suspends_the_weekend() -> None:
    at = "2025-03-08T12:00:00+00:00"
    assert floor_at(at, cheaper=True, usual=4) == 2
    assert floor_at(at, cheaper=True, usual=4, incident="P1") == 4
    assert floor_at(at, cheaper=True, usual=4, incident="P3") == 2


def test_black_friday_raises_both_floors_to_six_and_the_host_has_no_room_for_that() -> None:
    at = moment("2025-11-20T00:00:00+00:00")
    api, worker = feed(service("api"), until=at), feed(service("worker"), until=at)
    large = autoscaler().decide([api, worker], at)
    assert [decision.granted for decision in large] == [6, 6]
    assert all(decision.rule == "SEA-04" and "black_friday" in decision.why for decision in large)
    guide = autoscaler(host=GUIDE, overrides=("X-09",)).decide([api, worker], at)
    assert [decision.granted for decision in guide] == [6, 4]  # 4.5 + 6 x 2 + 4 x 3 = 28.5 of 28.8 GB
    assert "X-11" in (guide[1].why_less or "")


def test_planned_events_prepare_ahead_and_take_the_maximum_not_the_product() -> None:
    policy, zone = default_policy(), ZoneInfo("UTC")
    starts = datetime(2025, 11, 25, 12, tzinfo=UTC)
    events = (
        planned_event(policy, "marketing_campaign", "sale", starts, starts + timedelta(days=1)),
        planned_event(policy, "feature_launch", "launch", starts, starts + timedelta(days=1)),
    )
    march = tuple(
        planned_event(policy, kind, kind, starts - timedelta(days=200), starts - timedelta(days=199))
        for kind in ("marketing_campaign", "feature_launch")
    )
    scaler = autoscaler(calendar=Calendar.of(policy, zone=zone, events=(*events, *march)))
    one = service()
    rules = scaler.rules_of(one)

    def floor(at: datetime) -> int:
        return scaler.floors.of(one, rules, at.timestamp()).count

    assert floor(starts) == 6  # the season's 3.0, not 3.0 x 2.0 x 1.5
    usual = starts - timedelta(days=200)
    assert floor(usual - timedelta(hours=24, seconds=1)) == 2
    assert floor(usual - timedelta(hours=24)) == 4
    assert floor(usual + timedelta(days=1)) == 2


def test_after_an_event_instances_go_one_by_one_by_the_metrics_alone() -> None:
    at = moment("2025-12-01T00:00:00+00:00")
    kept = decided(feed(service(count=6), until=at, cpu_usage=0.5), at)
    assert not kept.changes
    assert decided(feed(service(count=6), until=at), at).granted == 5


def test_the_guide_s_host_has_no_cpu_for_a_third_instance_unless_overridden() -> None:
    api, worker = feed(service("api"), cpu_usage=0.9), feed(service("worker"))
    refused = autoscaler(host=GUIDE).decide([api, worker], WEDNESDAY)[0]
    assert (refused.verdict, refused.granted) == (Verdict.REFUSED, 2)
    assert "X-09" in (refused.why_less or "")
    assert autoscaler(host=GUIDE, overrides=("X-09",)).decide([api, worker], WEDNESDAY)[0].granted == 3


def test_memory_of_the_host_has_no_override() -> None:
    api, worker = feed(service("api", 4), requests_per_second=1500), feed(service("worker", 4))
    decision = autoscaler(host=GUIDE, overrides=("X-09", "X-11")).decide([api, worker], WEDNESDAY)[0]
    assert (decision.requested, decision.granted) == (10, 6)  # 4.5 + 12 + 6 x 2 = 28.5 of 28.8 GB
    assert "X-11" in (decision.why_less or "")


def test_what_one_service_gets_is_gone_for_the_next() -> None:
    api, worker = feed(service("api"), requests_per_second=1500), feed(service("worker"), pending_tasks=500)
    first, second = autoscaler(host=GUIDE, overrides=("X-09",)).decide([api, worker], WEDNESDAY)
    assert (first.granted, second.granted) == (9, 2)  # 4.5 + 6 + 9 x 2 = 28.5 of 28.8 GB
    assert second.verdict is Verdict.REFUSED


def test_a_service_without_a_memory_limit_is_not_added_to() -> None:
    one = feed(service(), cpu_usage=0.9)
    one.memory = None
    decision = decided(one)
    assert decision.verdict is Verdict.REFUSED
    assert "no memory limit" in (decision.why_less or "")


def test_connections_with_one_more_while_rolling_hold_the_api_back() -> None:
    api, worker = feed(service("api"), requests_per_second=1500), feed(service("worker", 15))
    direct = autoscaler(database=DatabaseSide()).decide([api, worker], WEDNESDAY)[0]
    assert (direct.requested, direct.granted) == (10, 5)  # 6 x 20 + 60 = 180 and 20 of the surge are more than 197
    assert "X-13" in (direct.why_less or "")
    no_surge = autoscaler(database=DatabaseSide(surge=0)).decide([api, worker], WEDNESDAY)[0]
    assert no_surge.granted == 6
    assert autoscaler().decide([api, worker], WEDNESDAY)[0].granted == 10
    assert autoscaler(database=DatabaseSide(), overrides=("X-13",)).decide([api, worker], WEDNESDAY)[0].granted == 10


def test_the_cheaper_profile_removes_sooner_but_never_before_a_worker_is_drained() -> None:
    rules = rules_by_role(default_policy(), cheaper=True)
    assert (rules["api"].minimum, rules["worker"].minimum) == (1, 1)
    assert {(rule.duration, rule.cooldown) for role in ("api", "worker") for rule in rules[role].back} == {(300, 300)}
    short = load_policy({"optimisation": {"profile": {"scale_down_delay": "1 minute"}}})
    assert {rule.duration for rule in rules_by_role(short, cheaper=True)["worker"].back} == {200}  # 8 tasks of 25 s
    usual = rules_by_role(default_policy())
    assert {(rule.duration, rule.cooldown) for rule in usual["api"].back} == {(900, 1800)}


def test_single_instances_in_production_are_refused_by_name() -> None:
    with pytest.raises(RefusedError) as refused:
        refuse_cheaper(default_policy())
    assert (refused.value.rule, refused.value.override) == ("X-34", "--override X-34")
    refuse_cheaper(default_policy(), ("X-34",))


def test_a_trigger_may_be_narrowed_to_one_service() -> None:
    policy = load_policy({"triggers": {"cpu_scale_out": {"service": "worker"}}})
    assert not decided(feed(service("api"), cpu_usage=0.9), policy=policy).changes
    assert decided(feed(service("worker"), cpu_usage=0.9), policy=policy).changes


def test_a_decision_is_pure_and_complete() -> None:
    policy = default_policy()
    one = feed(service(), cpu_usage=0.9)
    hosts = [HostSize("app1", 64, 256 * GB)]
    decision = autoscale([one], datetime.fromtimestamp(WEDNESDAY, UTC), policy, hosts, Calendar.of(policy))[0]
    assert decision.model_dump(mode="json")["numbers"] == {"cpu_usage": pytest.approx(0.9), "TRG-01_threshold": 0.7}
    with pytest.raises(UsageError):
        autoscale([one], datetime.fromisoformat("2025-03-05"), policy, hosts, Calendar.of(policy))
    one.role = "redis"
    with pytest.raises(UsageError):
        autoscale([one], datetime.fromtimestamp(WEDNESDAY, UTC), policy, hosts, Calendar.of(policy))
