"""Qualified names of phases and milestones: "phase 2" means three things in the guide and is refused (X-60)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

from selextract_infra.assess.hardware import RESOURCES, phase_id
from selextract_infra.errors import UsageError
from selextract_infra.policy import Policy

__all__ = ["labelled_phases", "milestone_ids", "phase_names", "phase_of", "resolve"]

_UNQUALIFIED = re.compile(r"(?:phase|p)?[\s_-]*(\d{1,3})")
_MOST_SHOWN = 60


def phase_of(item: str) -> str:
    """The phase that an item of the guide belongs to: ``RP1`` of ``RP1-M2``."""
    return item.partition("-")[0]


def labelled_phases(policy: Policy) -> Iterator[tuple[str, str, str, str]]:
    """Every phase of the three paths: its ID, the guide's own label, a title, and the dotted name."""
    for resource in RESOURCES:
        label = getattr(policy.vertical.phases, resource).label
        yield phase_id(resource, policy), label, f"{resource} upgrade", f"vertical.{resource}"
    for name, phase in policy.roadmap.phases.items():
        item = phase_of(policy.origin(f"roadmap.phases.{name}.period").item_id or name)
        yield item, phase.period.label, phase.period.title, f"roadmap.{name}"
    for name, region in policy.regions.phases.items():
        title = f"regions such as {', '.join(region.names)}"
        yield _region_id(name, policy), region.label, title, f"regions.{name}"


def phase_names(policy: Policy) -> dict[str, tuple[str, str, str]]:
    """The phases by ID; of several regions in a phase the first one."""
    names: dict[str, tuple[str, str, str]] = {}
    for item, label, title, dotted in labelled_phases(policy):
        names.setdefault(item, (label, title, dotted))
    return names


def _region_id(region: str, policy: Policy) -> str:
    return phase_of(policy.origin(f"regions.phases.{region}").item_id or region)


def milestone_ids(policy: Policy) -> list[str]:
    """The IDs of all milestones, those of the roadmap and the vertical phases, in order."""
    roadmap = [
        policy.origin(f"roadmap.phases.{phase}.milestones.{name}").item_id or name
        for phase, section in policy.roadmap.phases.items()
        for name in section.milestones
    ]
    return [*roadmap, *(phase_id(resource, policy) for resource in RESOURCES)]


def resolve(name: str, policy: Policy) -> str:
    """The ID that a name means: ``VP2`` for ``vp2`` and ``vertical.cpu``, ``RP1-M5`` for ``rp1-m5``.

    Raises UsageError for an ambiguous name, naming all that it could mean, and for an unknown one with the nearest.
    """
    phases, plain = phase_names(policy), name.strip().lower()
    by_name = {known.lower(): known for known in (*phases, *milestone_ids(policy))}
    by_name |= {dotted: known for known, (_, _, dotted) in phases.items()}
    by_name |= {f"regions.{region}": _region_id(region, policy) for region in policy.regions.phases}
    if plain in by_name:
        return by_name[plain]
    unqualified = _UNQUALIFIED.fullmatch(plain)
    meant = [] if unqualified is None else _labelled(f"Phase {int(unqualified[1])}", phases)
    if meant:
        listed = ", ".join(f"{known} ({phases[known][1]})" for known in meant)
        raise UsageError(f"{name.strip()!r} is ambiguous: it can mean {listed}.", remedy=f"say {' or '.join(meant)}")
    close = get_close_matches(plain, by_name, n=1, cutoff=0.6)
    hint = f"did you mean {by_name[close[0]]}?" if close else f"there are {', '.join(phases)}"
    raise UsageError(f"{name[:_MOST_SHOWN]!r} is no phase and no milestone.", remedy=hint)


def _labelled(label: str, phases: dict[str, tuple[str, str, str]]) -> list[str]:
    return [known for known, (guide_label, _, _) in phases.items() if guide_label == label]
