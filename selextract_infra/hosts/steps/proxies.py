"""What stands before instances: the balancer before the API, and PgBouncer before the database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from selextract_infra.hosts.orchestrators import Orchestrator
from selextract_infra.hosts.orchestrators.orchestrator import PlannedAct

__all__ = ["pool_connections", "turn_balancer"]

_SWITCH = "balancer"


def turn_balancer(values: Mapping[str, Any], orchestrator: Orchestrator) -> tuple[PlannedAct, ...]:
    """Put the balancer before the API, or take it away: requests go through it only while it is whole."""
    services: dict[str, Any] = {values["service"]: {}, values["nginx"]: {}}
    return (*(_on(values) if values["on"] else _off(values)), orchestrator.health(values, services))


def _on(values: Mapping[str, Any]) -> tuple[PlannedAct, ...]:
    app = {"project": values["project"]}
    return (
        PlannedAct(
            name="balancer",
            title="Start the balancer",
            values={
                **app,
                "compose": values["compose"],
                "settings": values["settings"],
                "edge_folder": values["folder"],
            },
        ),
        PlannedAct(
            name="balancer_server",
            title="Take the instances into rotation",
            values={**app, "service": values["service"], "bound_seconds": values["gate_seconds"], "settle": True},
        ),
        PlannedAct(
            name="edge_files",
            title="Let Nginx read our files",
            values={**app, "service": values["nginx"], "folder": values["folder"], "files": values["files"]},
        ),
        _switched(values, on=True, title="Send the requests through it"),
    )


def _off(values: Mapping[str, Any]) -> tuple[PlannedAct, ...]:
    """Nginx keeps our files: without switches they change nothing but compression, and others cost a reload."""
    return (
        _switched(values, on=False, title="Send the requests past it"),
        PlannedAct(
            name="balancer",
            title="Remove it when it holds no request any more",
            values={"project": values["project"], "state": "absent"},
        ),
    )


def _switched(values: Mapping[str, Any], *, on: bool, title: str) -> PlannedAct:
    wanted = {"project": values["project"], "folder": values["folder"], "name": _SWITCH, "enabled": on}
    return PlannedAct(name="edge_switch", title=title, values=wanted)


def pool_connections(values: Mapping[str, Any], _: Orchestrator) -> tuple[PlannedAct, ...]:
    """Put PgBouncer up, change it, or take it away; it proves itself by queries."""
    wanted = {key: values[key] for key in ("project", "state", "replace", "bound_seconds")}
    return (PlannedAct(name="pgbouncer", title="Change PgBouncer", values={**wanted, "wanted": values.get("wanted")}),)
