"""What a finished operation may have changed on a host, and what it must have changed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.chaos.differences import Difference
from tests.chaos.grammar import Draw
from tests.chaos.project import project_name

__all__ = ["may_lose_requests", "may_restart", "not_in_force", "unexpected"]

_OWN_FILES = (
    "compose.capacity.yml",
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
# Faults that themselves stop what serves.
_BREAKS = {"engine", "container", "oom", "team"}
_KINDS = {
    "rightsize": {"limits"},
    "settle": {"limits", "new", "gone"},
    "scale up": {"new"},
    "scale down": {"gone"},
    "tune workers": {"environment", "new", "gone"},
    "tune postgres": {"setting"},
    "restart": {"setting"},
    "balancer on": {"new"},
    "pgbouncer on": {"new", "gone", "environment", "schema"},
    "emergency run": {"limits", "new", "gone", "environment"},
    "emergency revert": {"limits"},
}


def unexpected(draw: Draw, listed: list[Difference]) -> list[str]:
    """The differences that the operation, done, does not explain."""
    return [str(difference) for difference in listed if not _explained(draw, difference)]


def _explained(draw: Draw, difference: Difference) -> bool:
    name = draw.operation.name
    if difference.kind == "file":
        return _own_file(difference)
    if difference.kind not in _KINDS.get(name, set()):
        return False
    if difference.kind == "setting":
        return True
    return difference.service in _services(draw) or (difference.kind == "new" and _ours(draw, difference))


def _own_file(difference: Difference) -> bool:
    path, name = difference.thing, difference.thing.rpartition("/")[2]
    return (
        name in _OWN_FILES
        or path.startswith(("front.d/", "deploy/front.d/"))
        or (name == ".env" and "COMPOSE_FILE" in difference.text)
    )


def _ours(draw: Draw, difference: Difference) -> bool:
    return difference.thing.startswith(f"{project_name(draw.shape)}-") and difference.service != draw.shape.database


def _services(draw: Draw) -> set[str]:
    shape, name = draw.shape, draw.operation.name
    if name in ("rightsize", "settle", "scale up", "scale down"):
        return {draw.operation.service}
    if name in ("tune workers", "pgbouncer on"):
        return {shape.api, shape.worker}
    return {shape.api, shape.worker, "front", shape.cache} if name.startswith("emergency") else set()


def not_in_force(draw: Draw, containers: Mapping[str, Any]) -> list[str]:
    """What was asked for and is not there, although the operation says that it is done."""
    operation, listed = draw.operation, []
    own = (project_name(draw.shape), operation.service, False)
    mine = {
        name: facts
        for name, facts in containers.items()
        if (facts["project"], facts["service"], facts["one_off"]) == own
    }
    if operation.name in ("rightsize", "settle"):
        wanted = operation.memory << 20
        listed = [
            f"{name} has {facts['limits']['memory']} bytes"
            for name, facts in mine.items()
            if facts["limits"]["memory"] != wanted
        ]
        if operation.cpus:
            cores = round(float(operation.cpus) * 1e9)
            listed += [
                f"{name} has {facts['limits']['cores']}e-9 cores"
                for name, facts in mine.items()
                if facts["limits"]["cores"] != cores
            ]
    if operation.name.startswith("scale"):
        count = operation.count - (operation.name == "scale down")
        running = [name for name, facts in mine.items() if facts["state"] == "running"]
        listed = [f"{len(running)} run, asked for were {count}"] if len(running) != count else []
    return listed


def may_restart(draw: Draw, service: str) -> bool:
    """Whether a database or a queue may have been started anew."""
    operation, fault = draw.operation, draw.fault
    if fault.kind in ("engine", "team") or fault.detail == service:
        return True
    if service == draw.shape.database and operation.name in ("tune postgres", "restart"):
        return True
    return operation.service == service and (operation.name == "settle" or draw.shape.limits == "none")


def may_lose_requests(draw: Draw, plan: Mapping[str, Any]) -> bool:
    """Whether the fault stops what serves, or the plan says that a step disturbs users."""
    return draw.fault.kind in _BREAKS or any(step.get("disrupts") for step in plan.get("steps", []))
