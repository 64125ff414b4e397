"""Dates, names, and what exists when (X-51, X-52, X-60 to X-62, X-72)."""

from __future__ import annotations

from selextract_infra.defects.rule import Breach, check
from selextract_infra.defects.sentence import spaced
from selextract_infra.planning.phase_names import labelled_phases
from selextract_infra.policy.model import Policy
from selextract_infra.policy.schema.system import Host

Span = tuple[int, int]


def dates_of(policy: Policy) -> dict[str, dict[str, Span]]:
    """For each vertical phase, every place of the guide that gives it a time, in months from the start."""
    windows: dict[str, dict[str, Span]] = {}
    for name, phase in dict(policy.vertical.phases).items():
        windows[name] = {"window": (phase.window.start, phase.window.end)}
    for term, plan in dict(policy.planning).items():
        for action in plan.actions.values():
            if action.upgrade:
                windows[action.upgrade][term] = (plan.horizon.start, plan.horizon.end)
    rows = sorted(policy.cost.table.values(), key=lambda row: row.month)
    for name in windows:
        paid = next((row.month for row in rows if getattr(row, name) > getattr(rows[0], name)), None)
        if paid is not None:
            windows[name]["cost_table"] = (paid, paid)
    for roadmap in policy.roadmap.phases.values():
        for milestone in roadmap.milestones.values():
            if milestone.upgrade:
                windows[milestone.upgrade]["roadmap"] = (milestone.month, milestone.month)
    return windows


def _disagree(spans: dict[str, Span]) -> bool:
    """Whether no month is in all spans; a span ends before its last month begins, a single month is that month."""
    return max(start for start, _ in spans.values()) > min(max(start, end - 1) for start, end in spans.values())


def _span(span: Span) -> str:
    return f"{span[0]}" if span[0] == span[1] else f"{span[0]}-{span[1]}"


@check("X-51")
def dates(policy: Policy, _: Host) -> Breach | None:
    """Vertical path, plans, cost table and roadmap each say when an upgrade is; no month satisfies them all."""
    conflicts = {name: spans for name, spans in dates_of(policy).items() if _disagree(spans)}
    if not conflicts:
        return None
    rows = {
        name: ", ".join(f"{spaced(where)} {_span(span)}" for where, span in spans.items())
        for name, spans in conflicts.items()
    }
    return Breach(
        {"listed": "; ".join(f"{name}: {spans}" for name, spans in rows.items())},
        conflicts=len(conflicts),
        **{f"{name}_{where}_months": _span(s) for name, spans in conflicts.items() for where, s in spans.items()},
    )


@check("X-52")
def without_milestone(policy: Policy, _: Host) -> Breach | None:
    """The roadmap has a month for some of the upgrades only."""
    spans = {name: dates["window"] for name, dates in dates_of(policy).items() if "roadmap" not in dates}
    if not spans:
        return None
    return Breach(
        {"listed": ", ".join(f"{name} (window {_span(span)})" for name, span in spans.items())},
        **{f"{name}_window_months": _span(span) for name, span in spans.items()},
    )


@check("X-60")
def phase_names(policy: Policy, _: Host) -> Breach | None:
    """Three lists of phases count from one: phase 2 is a CPU upgrade, an orchestrator or a continent."""
    labels: dict[str, list[str]] = {}
    for _item, label, _title, dotted in labelled_phases(policy):
        labels.setdefault(label, []).append(dotted)
    shared = {label: names for label, names in labels.items() if len({name.split(".")[0] for name in names}) > 1}
    if not shared:
        return None
    return Breach(
        {"listed": "; ".join(f"{label} is {', '.join(names)}" for label, names in shared.items())},
        ambiguous_names=len(shared),
        **{label.lower().replace(" ", "_"): len(n) for label, n in shared.items()},
    )


@check("X-61")
def next_steps(policy: Policy, _: Host) -> Breach | None:
    """A phase is to be executed in half of its own time, and the plan of immediate needs begins after three months."""
    phases, steps = policy.roadmap.phases, policy.roadmap.next_steps
    ends = {name: phase.period.end for name, phase in phases.items()}
    faster = {
        name: (step.within, ends[step.completes])
        for name, step in steps.items()
        if step.completes in ends and step.within < ends[step.completes]
    }
    horizon = policy.planning.short_term.horizon
    late = horizon.start > 0 and "immediate" in horizon.label.lower()
    if not faster and not late:
        return None
    rows = [f"{spaced(name)} in {w} months for a phase of {end}" for name, (w, end) in faster.items()]
    if late:
        rows.append(f"{horizon.label} begin in month {horizon.start}, before it nothing is planned")
    return Breach(
        {"listed": "; ".join(rows)},
        **{f"{name}_months": within for name, (within, _) in faster.items()},
        **{f"{name}_phase_months": end for name, (_, end) in faster.items()},
        unplanned_months=horizon.start if late else 0,
    )


@check("X-62")
def not_yet(policy: Policy, _: Host) -> Breach | None:
    """Fewest instances, balancing and replicas are stated as if they were there; the roadmap brings them late in the
    first year.
    """
    months = {name: reading for name, reading in dict(policy.enabled_from).items() if reading.open}
    if not months:
        return None
    return Breach(
        {"listed": ", ".join(f"{spaced(name)} (roadmap month {reading.value})" for name, reading in months.items())},
        **{f"{name}_month": reading.value for name, reading in months.items()},
    )


@check("X-72")
def hands(policy: Policy, _: Host) -> Breach | None:
    """The upgrades of memory, CPU, disk and network need a provider or somebody's hands; the guide names neither."""
    if not policy.vertical.performed_by.open:
        return None
    phases = dict(policy.vertical.phases)
    return Breach({"phases": ", ".join(phases)}, upgrades=len(phases))
