"""Services of an application: their limits, how many instances they have, and instances made anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from selextract_infra.hosts.orchestrators import Orchestrator
from selextract_infra.hosts.orchestrators.orchestrator import PlannedAct

__all__ = ["begin_emergency", "carry", "scale", "set_limits"]


def set_limits(values: Mapping[str, Any], orchestrator: Orchestrator) -> tuple[PlannedAct, ...]:
    """Change limits of running containers, write them down, and prove that all still serve."""
    proof = orchestrator.health(values, values["services"])
    watch = _watched(values, orchestrator)
    return (orchestrator.limits(values), *orchestrator.written(values), *watch, proof)


def carry(values: Mapping[str, Any], orchestrator: Orchestrator) -> tuple[PlannedAct, ...]:
    """Do the ``acts`` that the step names, write the capacity down, make instances anew, and prove that all serve.

    Each only where the step says it. What was done to instances that are made anew is done again: it is there already
    where the new ones were made with it, and then that is proved.
    """
    named = tuple(PlannedAct(**act) for act in values.get("acts", ()))
    again = named if values.get("settle") else ()
    proof = orchestrator.health(values, values["services"])
    watch = _watched(values, orchestrator)
    return (*named, *orchestrator.written(values), *orchestrator.rollout(values), *again, *watch, proof)


def _watched(values: Mapping[str, Any], orchestrator: Orchestrator) -> tuple[PlannedAct, ...]:
    """Limits that somebody insisted on are watched before the proof."""
    return (orchestrator.watch(values),) if values.get("watched") else ()


def scale(values: Mapping[str, Any], orchestrator: Orchestrator) -> tuple[PlannedAct, ...]:
    """Add instances until there are as many as each of the ``targets``, or take the ``leaving`` ones away."""
    service = values["service"]
    proof = orchestrator.health(values, {service: {}}, counts={service: values["count"]})
    return (*orchestrator.count(values), *orchestrator.drain(values), *orchestrator.written(values), proof)


def begin_emergency(values: Mapping[str, Any], orchestrator: Orchestrator) -> tuple[PlannedAct, ...]:
    """All that an emergency grants at once."""
    return (orchestrator.emergency(values),)
