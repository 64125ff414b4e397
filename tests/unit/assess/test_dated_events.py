"""Dated events of the policy are seen by status, assess and forecast as they are by the autoscaler."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from selextract_infra.assess.dated_events import event_findings, event_lines, events_beyond_room
from selextract_infra.flow.assess import _usual
from selextract_infra.planning.forecast.dated_events import events_of
from selextract_infra.policy import Policy, load_policy
from tests.unit.seen import GB, container, host, observation, policy


def team(**events: dict[str, Any]) -> Policy:
    return load_policy({"events": {name: {"time_zone": "Europe/Berlin"} | event for name, event in events.items()}})


SALE = {"kind": "marketing_campaign", "start": "2026-03-02 09:00", "end": "2026-03-08 23:00"}
FAIR = {"factor": "1.5x", "start": "2026-03-08 00:00", "end": "2026-03-10 00:00"}


def test_status_says_which_event_is_on_and_which_comes() -> None:
    policy = team(sale=SALE, fair=FAIR)
    before = event_lines(policy, datetime(2026, 2, 20, tzinfo=UTC))
    assert before[0] == (
        "sale, 2026-03-02 09:00 to 2026-03-08 23:00 CET: 100 % more capacity from 2026-03-01 09:00 CET on"
    )
    assert event_lines(policy, datetime(2026, 3, 1, 9, tzinfo=UTC))[0] == (
        "sale is on, 100 % more capacity until 2026-03-08 23:00 CET"
    )
    assert event_lines(policy, datetime(2026, 4, 1, tzinfo=UTC)) == ()


def test_what_is_over_and_what_overlaps_is_one_sentence_each() -> None:
    policy = team(sale=SALE, fair=FAIR)
    assert [finding.sentence for finding in event_findings(policy, datetime(2026, 3, 1, tzinfo=UTC))] == [
        "The events sale and fair overlap until 2026-03-08 23:00 CET; sale counts."
    ]
    late = [finding.sentence for finding in event_findings(policy, datetime(2026, 3, 9, tzinfo=UTC))]
    assert late == ["The event sale is over since 2026-03-08 23:00 CET, so it changes nothing."]


def test_a_forecast_takes_its_days_out_of_the_fit_and_expects_so_much_on_them() -> None:
    (event,) = events_of(team(fair=FAIR))
    assert (event.first, event.last, event.factor) == (date(2026, 3, 8), date(2026, 3, 9), 1.5)


def test_the_usual_throughput_is_higher_while_an_event_is_on() -> None:
    hours = {"monitoring": {"throughput_hours": {"mon-fri 08:00-20:00": "100/second"}}}
    policy = load_policy({"events": {"sale": SALE | {"time_zone": "Europe/Berlin"}}} | hours)
    at = datetime(2026, 3, 4, 12, tzinfo=UTC)
    usual, during = _usual(policy, at - timedelta(days=7)), _usual(policy, at)
    assert usual is not None
    assert during == 2 * usual


def test_an_event_that_asks_for_more_than_fits_says_how_many_do_before_it_begins() -> None:
    at = {"start": "2026-03-05 09:00", "end": "2026-03-08 23:00", "time_zone": "UTC"}
    rules = policy(events={"sale": {"factor": "9x", **at}})
    there = host([container("api", memory=2 * GB), container("worker", memory=3 * GB)])
    api, worker = (finding.sentence for finding in events_beyond_room(rules, observation(there)))
    assert api.startswith("The event sale asks for 9 instances of app1/api, and ")
    assert "(X-09)" in api or "X-11" in api or "X-13" in api
    assert worker.startswith("The event sale asks for 9 instances of app1/worker, and ")
    assert list(events_beyond_room(policy(), observation(there))) == []
