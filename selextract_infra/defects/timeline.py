"""Dates, names, and what exists when (X-51, X-52, X-60 to X-62, X-72)."""

from __future__ import annotations

from selextract_infra.defects.rule import Breach, rule
from selextract_infra.model.finding import RuleClass, Severity
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


@rule(
    "X-51",
    "upgrades have several dates",
    Severity.MAJOR,
    RuleClass.PICK,
    subject="roadmap",
    items="VP1-01 VP2-01 VP3-01 VP4-01 STP-00 MTP-00 CST-02 CST-03 CST-04 RP1-M2 RP1-M5",
    resolution="The roadmap's month is the date, every other window is the latest that is acceptable.",
)
def dates(policy: Policy, _: Host) -> Breach | None:
    """Vertical path, plans, cost table and roadmap each say when an upgrade is; no month satisfies them all."""
    conflicts = {name: spans for name, spans in dates_of(policy).items() if _disagree(spans)}
    if not conflicts:
        return None
    listed = "; ".join(
        f"{name}: " + ", ".join(f"{where.replace('_', ' ')} {_span(span)}" for where, span in spans.items())
        for name, spans in conflicts.items()
    )
    return Breach(
        f"months of the upgrades disagree. {listed}.",
        {
            "conflicts": len(conflicts),
            **{f"{name}_{where}_months": _span(s) for name, spans in conflicts.items() for where, s in spans.items()},
        },
    )


@rule(
    "X-52",
    "upgrades without a milestone",
    Severity.MAJOR,
    RuleClass.WARN,
    subject="roadmap",
    items="VP3-01 VP4-01 RP-00",
    resolution="They are scheduled by their window.",
)
def without_milestone(policy: Policy, _: Host) -> Breach | None:
    """The roadmap has a month for some of the upgrades only."""
    spans = {name: found["window"] for name, found in dates_of(policy).items() if "roadmap" not in found}
    if not spans:
        return None
    return Breach(
        "the roadmap has no month for "
        + ", ".join(f"{name} (window {_span(span)})" for name, span in spans.items())
        + ".",
        {f"{name}_window_months": _span(span) for name, span in spans.items()},
    )


@rule(
    "X-60",
    "phase names are ambiguous",
    Severity.MAJOR,
    RuleClass.FIX,
    subject="roadmap",
    items="RP1-00 RP2-00 RP3-00 RP4-00 VP-00 MR-00",
    resolution="Only qualified names are taken, such as vertical.cpu or roadmap.preparation.",
)
def phase_names(policy: Policy, _: Host) -> Breach | None:
    """Three lists of phases count from one: phase 2 is a CPU upgrade, an orchestrator or a continent."""
    labels: dict[str, list[str]] = {}
    for name, phase in dict(policy.vertical.phases).items():
        labels.setdefault(phase.label, []).append(f"vertical.{name}")
    for name, roadmap in policy.roadmap.phases.items():
        labels.setdefault(roadmap.period.label, []).append(f"roadmap.{name}")
    for name, region in policy.regions.phases.items():
        labels.setdefault(region.label, []).append(f"regions.{name}")
    shared = {label: names for label, names in labels.items() if len({name.split(".")[0] for name in names}) > 1}
    if not shared:
        return None
    return Breach(
        "; ".join(f"{label} is {', '.join(names)}" for label, names in shared.items()) + ".",
        {"ambiguous_names": len(shared), **{label.lower().replace(" ", "_"): len(n) for label, n in shared.items()}},
    )


@rule(
    "X-61",
    "the next steps are faster than the phases",
    Severity.MINOR,
    RuleClass.REPORT,
    subject="roadmap",
    items="NXT-02 RP1-00 STP-00",
    resolution="Report it; the phases' own months hold.",
)
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
    said = [f"{name.replace('_', ' ')} in {w} months for a phase of {end}" for name, (w, end) in faster.items()]
    if late:
        said.append(f"{horizon.label} begin in month {horizon.start}, before it nothing is planned")
    return Breach(
        "; ".join(said) + ".",
        {
            **{f"{name}_months": within for name, (within, _) in faster.items()},
            **{f"{name}_phase_months": end for name, (_, end) in faster.items()},
            "unplanned_months": horizon.start if late else 0,
        },
    )


@rule(
    "X-62",
    "policies for what does not exist yet",
    Severity.MAJOR,
    RuleClass.PICK,
    subject="roadmap",
    items="HAPI-01 LB-01 HDB-01 RP2-M9 RP2-M10 RP2-M11",
    resolution="Each capability has a month from which its policies hold.",
)
def not_yet(policy: Policy, _: Host) -> Breach | None:
    """Fewest instances, balancing and replicas are stated as if they were there; the roadmap brings them late in the
    first year.
    """
    months = {name: reading for name, reading in dict(policy.enabled_from).items() if reading.open}
    if not months:
        return None
    return Breach(
        "no month is stated for "
        + ", ".join(f"{name.replace('_', ' ')} (roadmap month {reading.value})" for name, reading in months.items())
        + ".",
        {f"{name}_month": reading.value for name, reading in months.items()},
    )


@rule(
    "X-72",
    "no program can change hardware",
    Severity.MAJOR,
    RuleClass.FIX,
    subject="vertical",
    items="VP1-02 VP2-02 VP3-02 VP4-02 DRV-07",
    resolution="Drain, back up, stop, wait for a provider or a person, boot, look, tune again, put back; grow the file "
    "system after a larger disk.",
)
def hands(policy: Policy, _: Host) -> Breach | None:
    """The upgrades of memory, CPU, disk and network need a provider or somebody's hands; the guide names neither."""
    if not policy.vertical.performed_by.open:
        return None
    phases = dict(policy.vertical.phases)
    return Breach(
        f"{len(phases)} upgrades ({', '.join(phases)}) name nobody who changes the hardware; the "
        f"{policy.vertical.performed_by.value} is waited for.",
        {"upgrades": len(phases)},
    )
