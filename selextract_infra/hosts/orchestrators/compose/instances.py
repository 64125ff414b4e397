"""Instances: made anew one after the other, added, and taken away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from selextract_infra.hosts.orchestrators.compose.shared import prove, write_capacity
from selextract_infra.model.act import PlannedAct

__all__ = ["carry", "scale"]


def carry(values: Mapping[str, Any]) -> tuple[PlannedAct, ...]:
    """Do the ``acts`` that the step names, write the capacity file, make instances anew, and prove that all serve.

    Each only where the step says it. What was done to instances that are made anew is done again: it is there already
    where the new ones were made with it, and then that is proved.
    """
    named = tuple(PlannedAct(**act) for act in values.get("acts", ()))
    last = {"settled_in": values["directory"]} if values.get("settle") else {}
    again = named if values.get("settle") else ()
    proof = prove(values, values["services"], **last)
    return (*named, *write_capacity(values), *_replacements(values), *again, proof)


def scale(values: Mapping[str, Any]) -> tuple[PlannedAct, ...]:
    """Add instances until there are as many as each of the ``targets``, or take the ``leaving`` ones away."""
    counted = {values["service"]: values["count"]}
    last = prove(values, {values["service"]: {}}, counts=counted)
    return (*_additions(values), *_removal(values), *write_capacity(values), last)


def _replacements(values: Mapping[str, Any]) -> list[PlannedAct]:
    return [
        PlannedAct(
            name="replace_instance",
            title=f"Replace {container}",
            values={
                "name": container,
                "project": values["project"],
                "service": settled["service"],
                "directory": values["directory"],
                "variables": settled.get("variables", []),
                **({"command": True} if settled.get("command") else {}),
                "limits": values["services"].get(settled["service"]) or {},
                "replicable": settled.get("replicable", False),
                "stop_grace": settled.get("stop_grace"),
                "urls": values["health"],
                "bound_seconds": values["gate_seconds"],
                "settling_seconds": values.get("settling_seconds", 0),
            },
        )
        for settled in values.get("settle", ())
        for container in settled["containers"]
    ]


def _additions(values: Mapping[str, Any]) -> list[PlannedAct]:
    targets = values["targets"]
    return [
        PlannedAct(
            name="instances",
            title=f"Let {values['service']} have {target} instances",
            values={**_instances(values), "count": target, "settle": number == len(targets)},
        )
        for number, target in enumerate(targets, start=1)
    ]


def _removal(values: Mapping[str, Any]) -> list[PlannedAct]:
    leaving = values["leaving"]
    if not leaving:
        return []
    wanted = {**_instances(values), "state": "absent", "names": leaving}
    return [PlannedAct(name="instances", title=f"Take {', '.join(leaving)} away", values=wanted)]


def _instances(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "project": values["project"],
        "directory": values["directory"],
        "service": values["service"],
        "drain_seconds": values["drain_seconds"],
        "stop_grace": values["stop_grace"],
        "bound_seconds": values["gate_seconds"],
    }
