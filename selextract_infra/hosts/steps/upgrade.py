"""What a host does itself in an upgrade of its hardware: all but the hardware, and what is planned anew for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from selextract_infra.hosts.orchestrators import Orchestrator
from selextract_infra.hosts.orchestrators.orchestrator import PlannedAct

__all__ = ["LED", "upgrade_host"]

LED = ("hardware", "retune")
"""Kinds of steps that a provider or another Plan carries out: of these the host only records where they stand."""

_OF_RUN = ("kind", "policy_digest")


def upgrade_host(values: Mapping[str, Any], orchestrator: Orchestrator) -> tuple[PlannedAct, ...]:
    """The acts of one step of it."""
    return _KINDS[values["kind"]](values, orchestrator)


def _check(values: Mapping[str, Any], _: Orchestrator) -> tuple[PlannedAct, ...]:
    given = {key: value for key, value in _own(values).items() if key != "directory" and value is not None}
    return (PlannedAct(name="upgrade_ready", title="Check room and addresses, measure answers", values=given),)


def _freeze(values: Mapping[str, Any], _: Orchestrator) -> tuple[PlannedAct, ...]:
    """Freeze it, or leave it as it was before; who freezes it is known by the Run."""
    return (PlannedAct(name="host_freeze", title="Freeze the host, or leave it as before", values=_own(values)),)


def _stop(values: Mapping[str, Any], orchestrator: Orchestrator) -> tuple[PlannedAct, ...]:
    return tuple(orchestrator.stop(application) for application in (values, *values.get("others", ())))


def _back_up(values: Mapping[str, Any], _: Orchestrator) -> tuple[PlannedAct, ...]:
    return (PlannedAct(name="restore_point", title="Dump, archive, and read it again", values=_own(values)),)


def _grow(values: Mapping[str, Any], _: Orchestrator) -> tuple[PlannedAct, ...]:
    return (PlannedAct(name="volume_grow", title="Grow partition and file system", values=_own(values)),)


def _start(values: Mapping[str, Any], orchestrator: Orchestrator) -> tuple[PlannedAct, ...]:
    return (orchestrator.start(values),)


def _compare(values: Mapping[str, Any], orchestrator: Orchestrator) -> tuple[PlannedAct, ...]:
    asked = {**values, "health": values["urls"], "gate_seconds": values["bound_seconds"]}
    gate = (orchestrator.health(asked, values["services"], part=True),) if values["services"] else ()
    compared = {key: values[key] for key in ("urls", "requests", "slower", "target_seconds")}
    load = PlannedAct(
        name="load_check", title="Compare answers with before", values={**compared, "before_step": "preflight"}
    )
    return (*gate, load)


def _own(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in _OF_RUN}


_KINDS: Mapping[str, Callable[[Mapping[str, Any], Orchestrator], tuple[PlannedAct, ...]]] = {
    "preflight": _check,
    "freeze": _freeze,
    "drain": _stop,
    "backup": _back_up,
    "stop": _stop,
    "grow": _grow,
    "start": _start,
    "gate": _compare,
    "unfreeze": _freeze,
}
