"""The roadmap with dates: what is done, due and overdue on a day, and what carries it out (RP, NXT).

Month N of the program runs from N-1 to N months after its start; a milestone of that month is due at its end. Storage
and network have no milestone of their own (X-52), so their vertical phases stand in the roadmap with their windows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date

from dateutil.relativedelta import relativedelta

from selextract_infra.assess.hardware import RESOURCES, phase_id
from selextract_infra.errors import UsageError
from selextract_infra.model.planning import Milestone, MilestoneStatus, RoadmapGate, RoadmapPhase, RoadmapReport
from selextract_infra.planning.phase_names import milestone_ids, phase_of
from selextract_infra.policy import Policy

__all__ = ["month_of", "only", "roadmap_on"]

_TITLES = {"memory": "Memory upgrade", "cpu": "CPU upgrade", "storage": "Storage upgrade", "network": "Network upgrade"}


def roadmap_on(policy: Policy, start: date, today: date, *, done: Collection[str] = ()) -> RoadmapReport:
    """The roadmap of a program that starts on ``start``, as it stands on ``today``.

    ``done`` are IDs of milestones that are finished (``RP1-M1``, ``VP3``); a vertical phase finishes the milestone that
    carries it out. Raises UsageError for an unknown ID and for dates too far away to reckon with.
    """
    known = milestone_ids(policy)
    for name in done:
        if name not in known:
            raise UsageError(f"{name[:40]!r} is not a milestone.", remedy=f"milestones are {known[0]} to {known[-1]}")
    try:
        dated = _milestones(policy, start, today, frozenset(done))
        milestones = tuple(sorted(dated, key=lambda milestone: milestone.due))
        return RoadmapReport(
            start=start,
            today=today,
            month=month_of(start, today),
            phases=tuple(_phases(policy, start, today, milestones)),
            milestones=milestones,
            next_review=_next_review(policy, today),
            review_due=policy.guide.next_review,
            review_overdue=today > policy.guide.next_review,
            gates=tuple(_gates(policy, start, today)),
        )
    except (OverflowError, ValueError) as error:
        raise UsageError(f"{start} and {today} cannot be reckoned with: {error}.") from error


def month_of(start: date, today: date) -> int:
    """The running month of the program: 1 on its first day, 0 before."""
    if today < start:
        return 0
    passed = relativedelta(today, start)
    return passed.years * 12 + passed.months + 1


def _after(start: date, months: int) -> date:
    return start + relativedelta(months=months)


def _status(name: str, starts: date, due: date, today: date, done: Collection[str]) -> MilestoneStatus:
    if name in done:
        return MilestoneStatus.DONE
    if today >= due:
        return MilestoneStatus.OVERDUE
    return MilestoneStatus.DUE if today >= starts else MilestoneStatus.UPCOMING


def _milestones(policy: Policy, start: date, today: date, done: Collection[str]) -> Iterator[Milestone]:
    upgrades = set()
    for phase_name, phase in policy.roadmap.phases.items():
        for name, milestone in phase.milestones.items():
            path = f"roadmap.phases.{phase_name}.milestones.{name}"
            entry = policy.entry(path)
            item = policy.origin(path).item_id or path
            starts, due = _after(start, milestone.month - 1), _after(start, milestone.month)
            upgrades.add(milestone.upgrade)
            also = phase_id(milestone.upgrade, policy) if milestone.upgrade else item
            yield Milestone(
                id=item,
                title=entry.says if entry else name,
                phase=phase_of(item),
                month=milestone.month,
                starts=starts,
                due=due,
                status=_status(also if also in done else item, starts, due, today, done),
                operation=milestone.operation,
                command=f"selextract-infra {milestone.operation}" if milestone.operation else None,
            )
    for resource in RESOURCES:
        if resource not in upgrades:
            window = getattr(policy.vertical.phases, resource).window
            name = phase_id(resource, policy)
            starts, due = _after(start, window.start), _after(start, window.end)
            yield Milestone(
                id=name,
                title=f"{_TITLES[resource]}, at any time of its window.",
                phase=name,
                month=None,
                starts=starts,
                due=due,
                status=_status(name, starts, due, today, done),
                operation=f"upgrade {resource}",
                command=f"selextract-infra upgrade {resource}",
            )


def _phases(policy: Policy, start: date, today: date, milestones: Collection[Milestone]) -> Iterator[RoadmapPhase]:
    for resource in RESOURCES:
        window = getattr(policy.vertical.phases, resource).window
        name = phase_id(resource, policy)
        yield _phase(name, _TITLES[resource], "vertical", window.start, window.end, start, today, milestones)
    for name, phase in policy.roadmap.phases.items():
        item = phase_of(policy.origin(f"roadmap.phases.{name}.period").item_id or name)
        period = phase.period
        yield _phase(item, period.title, "roadmap", period.start, period.end, start, today, milestones)


def _phase(
    name: str,
    title: str,
    path: str,
    first: int,
    last: int,
    start: date,
    today: date,
    milestones: Collection[Milestone],
) -> RoadmapPhase:
    starts, ends = _after(start, first), _after(start, last)
    mine = [milestone for milestone in milestones if milestone.phase == name]
    return RoadmapPhase(
        id=name,
        title=title,
        path=path,
        first_month=first,
        last_month=last,
        starts=starts,
        ends=ends,
        current=starts <= today < ends,
        done=sum(milestone.status is MilestoneStatus.DONE for milestone in mine),
        milestones=len(mine),
    )


def _next_review(policy: Policy, today: date) -> date:
    """The day of the next review: the guide's own, once that is past the next by its interval (META-06)."""
    review, every = policy.guide.next_review, max(1, policy.recommendations.review.every)
    if review >= today:
        return review
    return _after(review, every * ((month_of(review, today) - 1) // every + 1))


def _gates(policy: Policy, start: date, today: date) -> Iterator[RoadmapGate]:
    """Policies that the guide writes as if they held already, and the month of the roadmap that brings them (X-62)."""
    by_month = {
        milestone.month: policy.origin(f"roadmap.phases.{phase}.milestones.{name}").item_id or name
        for phase, section in policy.roadmap.phases.items()
        for name, milestone in section.milestones.items()
    }
    for capability in policy.enabled_from.annotations():
        month = getattr(policy.enabled_from, capability).value
        day = _after(start, month)
        milestone = by_month.get(month, f"month {month}")
        name = capability.replace("_", " ")
        holds = today >= day
        yield RoadmapGate(
            policy=capability,
            item="X-62",
            from_milestone=milestone,
            from_day=day,
            open=holds,
            sentence=f"{name}: {'in force since' if holds else 'a goal until'} {day} ({milestone})",
        )


def only(report: RoadmapReport, name: str) -> RoadmapReport:
    """The report narrowed to one phase or milestone, by its ID. A vertical phase has the milestone that carries it out.

    Raises UsageError for a phase that the roadmap does not date, such as one of several regions.
    """
    phase = phase_of(name)
    phases = tuple(known for known in report.phases if known.id == phase)
    operations = {known.id: f"upgrade {resource}" for known, resource in zip(report.phases, RESOURCES, strict=False)}
    milestones = tuple(
        milestone
        for milestone in report.milestones
        if name in (milestone.id, milestone.phase) or (name in operations and milestone.operation == operations[name])
    )
    if not phases and not milestones:
        raise UsageError(f"{name} has no dates: it is held as a plan for later and never executed.")
    return report.model_copy(update={"phases": phases, "milestones": milestones})
