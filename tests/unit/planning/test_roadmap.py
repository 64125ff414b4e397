from __future__ import annotations

import contextlib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.errors import UsageError
from selextract_infra.model.planning import MilestoneStatus
from selextract_infra.planning.phase_names import resolve
from selextract_infra.planning.roadmap import month_of, roadmap_on
from selextract_infra.policy import default_policy, load_policy

POLICY = default_policy()
START = date(2025, 2, 1)


def dates(name: str, start: date = START) -> tuple[date, date]:
    milestone = next(one for one in roadmap_on(POLICY, start, start).milestones if one.id == name)
    return milestone.starts, milestone.due


def test_twenty_four_milestones_and_the_two_phases_without_one() -> None:
    names = [one.id for one in roadmap_on(POLICY, START, START).milestones]
    assert len(names) == 26
    assert {"VP3", "VP4"} <= set(names)
    assert not {"VP1", "VP2"} & set(names)


@pytest.mark.parametrize(
    ("name", "starts", "due"),
    [
        ("RP1-M1", date(2025, 2, 1), date(2025, 3, 1)),
        ("RP1-M2", date(2025, 3, 1), date(2025, 4, 1)),
        ("RP1-M5", date(2025, 6, 1), date(2025, 7, 1)),
        ("RP2-M12", date(2026, 1, 1), date(2026, 2, 1)),
        ("RP4-M24", date(2027, 1, 1), date(2027, 2, 1)),
        ("VP3", date(2026, 2, 1), date(2026, 8, 1)),
        ("VP4", date(2026, 8, 1), date(2027, 2, 1)),
    ],
)
def test_dates_follow_from_the_start(name: str, starts: date, due: date) -> None:
    assert dates(name) == (starts, due)


def test_months_end_where_the_calendar_lets_them() -> None:
    assert dates("RP1-M1", date(2025, 1, 31)) == (date(2025, 1, 31), date(2025, 2, 28))
    assert dates("RP1-M2", date(2025, 1, 31)) == (date(2025, 2, 28), date(2025, 3, 31))


def test_done_due_overdue_and_upcoming() -> None:
    report = roadmap_on(POLICY, START, date(2025, 4, 15), done=["RP1-M1"])
    status = {one.id: one.status for one in report.milestones}
    assert status["RP1-M1"] is MilestoneStatus.DONE
    assert status["RP1-M2"] is MilestoneStatus.OVERDUE
    assert status["RP1-M3"] is MilestoneStatus.DUE
    assert status["RP1-M4"] is MilestoneStatus.UPCOMING
    assert report.month == 3


def test_a_milestone_is_due_until_the_day_before_its_end() -> None:
    last_day = roadmap_on(POLICY, START, date(2025, 2, 28)).milestones[0]
    next_day = roadmap_on(POLICY, START, date(2025, 3, 1)).milestones[0]
    assert (last_day.status, next_day.status) == (MilestoneStatus.DUE, MilestoneStatus.OVERDUE)


def test_a_finished_vertical_phase_finishes_its_milestone() -> None:
    report = roadmap_on(POLICY, START, date(2025, 8, 1), done=["VP1", "VP3"])
    done = {one.id for one in report.with_status(MilestoneStatus.DONE)}
    assert done == {"RP1-M2", "VP3"}


def test_milestones_name_the_command_that_carries_them_out() -> None:
    commands = {one.id: one.command for one in roadmap_on(POLICY, START, START).milestones}
    assert commands["RP1-M2"] == "selextract-infra upgrade memory"
    assert commands["RP1-M5"] == "selextract-infra upgrade cpu"
    assert commands["VP3"] == "selextract-infra upgrade storage"
    assert commands["RP2-M7"] is None


def test_running_phases_are_of_both_paths() -> None:
    report = roadmap_on(POLICY, START, date(2025, 9, 1))
    assert [one.id for one in report.phases if one.current] == ["VP2", "RP2"]


def test_policies_that_come_later_are_gated() -> None:
    gates = {one.policy: one for one in roadmap_on(POLICY, START, date(2025, 12, 31)).gates}
    assert (gates["read_replicas"].from_milestone, gates["read_replicas"].open) == ("RP2-M9", True)
    assert (gates["autoscaling"].from_milestone, gates["autoscaling"].open) == ("RP2-M11", False)
    assert gates["autoscaling"].from_day == date(2026, 1, 1)


@pytest.mark.parametrize(
    ("today", "overdue", "following"),
    [
        (date(2025, 2, 1), False, date(2025, 4, 30)),
        (date(2025, 4, 30), False, date(2025, 4, 30)),
        (date(2025, 5, 1), True, date(2025, 7, 30)),
        (date(2025, 7, 30), True, date(2025, 10, 30)),
    ],
)
def test_reviews_each_quarter(today: date, overdue: bool, following: date) -> None:
    report = roadmap_on(POLICY, START, today)
    assert (report.review_overdue, report.next_review) == (overdue, following)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("VP2", "VP2"),
        ("vp2", "VP2"),
        ("vertical.cpu", "VP2"),
        ("roadmap.preparation", "RP2"),
        (" rp1-m5 ", "RP1-M5"),
        ("regions.cdn", "MR2"),
    ],
)
def test_qualified_names(name: str, meant: str) -> None:
    assert resolve(name, POLICY) == meant


@pytest.mark.parametrize("name", ["phase 2", "Phase 2", "2", "PHASE-2", "p2", "phase_02"])
def test_phase_2_alone_is_ambiguous(name: str) -> None:
    with pytest.raises(UsageError, match="ambiguous") as refused:
        resolve(name, POLICY)
    assert refused.value.remedy == "say VP2 or RP2 or MR2"


def test_phase_4_has_two_meanings_and_phase_9_none() -> None:
    with pytest.raises(UsageError) as four:
        resolve("phase 4", POLICY)
    assert four.value.remedy == "say VP4 or RP4"
    with pytest.raises(UsageError, match="no phase and no milestone"):
        resolve("phase 9", POLICY)


def test_an_unknown_milestone_is_refused() -> None:
    with pytest.raises(UsageError, match="not a milestone"):
        roadmap_on(POLICY, START, START, done=["RP9-M1"])


def test_dates_that_no_calendar_has_are_refused() -> None:
    with pytest.raises(UsageError, match="cannot be reckoned"):
        roadmap_on(POLICY, date(9999, 6, 1), date(9999, 6, 1))


def test_before_the_start_nothing_is_due() -> None:
    report = roadmap_on(POLICY, START, date(2025, 1, 1))
    assert report.month == 0
    assert {one.status for one in report.milestones} == {MilestoneStatus.UPCOMING}


def test_a_moved_milestone_moves_its_dates() -> None:
    moved = {"roadmap": {"phases": {"optimisation": {"milestones": {"month_5": {"month": "6 months"}}}}}}
    report = roadmap_on(load_policy(moved), START, START)
    assert next(one.due for one in report.milestones if one.id == "RP1-M5") == date(2025, 8, 1)


@given(st.dates(date(2000, 1, 1), date(2090, 1, 1)), st.dates(date(2000, 1, 1), date(2095, 1, 1)))
def test_every_milestone_has_one_status_and_its_dates_are_in_order(start: date, today: date) -> None:
    report = roadmap_on(POLICY, start, today)
    assert report.month == month_of(start, today)
    for one in report.milestones:
        assert one.starts < one.due
        assert (one.status is MilestoneStatus.OVERDUE) == (today >= one.due)
    assert sum(phase.current for phase in report.phases) <= 2


@given(st.text(max_size=20))
def test_any_name_is_resolved_or_refused(name: str) -> None:
    with contextlib.suppress(UsageError):
        assert resolve(name, POLICY)
