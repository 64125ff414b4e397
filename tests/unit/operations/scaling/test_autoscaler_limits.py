"""Seasons, events, weekends, profiles, hosts and connections around the autoscaler, with the guide's numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from selextract_infra.assess.calendar import Calendar, planned_event
from selextract_infra.assess.room import DatabaseSide
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.model.decision import Verdict
from selextract_infra.operations.scaling.rules import rules_by_role
from selextract_infra.policy import default_policy, load_policy
from tests.unit.operations.scaling.scaled import GUIDE, WEDNESDAY, autoscaler, decided, feed, service


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
