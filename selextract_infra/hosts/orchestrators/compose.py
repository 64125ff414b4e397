"""Docker Compose as the orchestrator: its acts are those of `plugins/module_utils/compose` and `docker`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from selextract_infra.hosts.orchestrators.orchestrator import PlannedAct

__all__ = ["ComposeOrchestrator"]


class ComposeOrchestrator:
    """The verbs of an Orchestrator. Values that Plans of version 0.1 do not have are what held then."""

    def look(self, project: str, directory: str | None) -> Mapping[str, Any]:
        """A Project is found by the labels of its containers; its folder is named for when it has none."""
        return {"name": project, **({"directory": directory} if directory else {})}

    def count(self, values: Mapping[str, Any]) -> tuple[PlannedAct, ...]:
        """Only with the last of them do the new instances have to settle."""
        targets = values["targets"]
        return tuple(
            PlannedAct(
                name="instances",
                title=f"Let {values['service']} have {target} instances",
                values={**_instances(values), "count": target, "settle": number == len(targets)},
            )
            for number, target in enumerate(targets, start=1)
        )

    def drain(self, values: Mapping[str, Any]) -> tuple[PlannedAct, ...]:
        """They are named, because which one Compose would choose is not to be guessed."""
        leaving = values["leaving"]
        if not leaving:
            return ()
        wanted = {**_instances(values), "state": "absent", "names": leaving}
        return (PlannedAct(name="instances", title=f"Take {', '.join(leaving)} away", values=wanted),)

    def limits(self, values: Mapping[str, Any]) -> PlannedAct:
        """Change limits of running containers."""
        keys = ("project", "services", "shrink_margin")
        wanted = {**{key: values[key] for key in keys}, "recreated": values.get("recreated", {})}
        return PlannedAct(name="container_limits", title="Set limits in place", values=wanted)

    def written(self, values: Mapping[str, Any]) -> tuple[PlannedAct, ...]:
        """Write the capacity file."""
        capacity = values.get("capacity")
        if capacity is None:
            return ()
        wanted = {"project": values["project"], "directory": values["directory"], "services": capacity["services"]}
        return (PlannedAct(name="capacity_file", title="Write the capacity file", values=wanted),)

    def rollout(self, values: Mapping[str, Any]) -> tuple[PlannedAct, ...]:
        """Replace containers, each by one that is made from the files in force."""
        return tuple(
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
        )

    def watch(self, values: Mapping[str, Any]) -> PlannedAct:
        """On the host itself, which sees each second of it."""
        return PlannedAct(
            name="memory_watch",
            title="Watch the memory of limits that somebody insisted on",
            values={"project": values["project"], **values["watched"]},
        )

    def health(self, values: Mapping[str, Any], services: Mapping[str, Any], **more: Any) -> PlannedAct:
        """The gate; where instances were made anew it also asks whether they are as the files in force say."""
        settled = {"settled_in": values["directory"]} if values.get("settle") else {}
        return PlannedAct(
            name="health_gate",
            title="Check that the services answer",
            values={
                "project": values["project"],
                "services": services,
                "urls": values["health"],
                "answering": values.get("answering", []),
                "bound_seconds": values["gate_seconds"],
                "settling_seconds": values.get("settling_seconds", 0),
                **settled,
                **more,
            },
        )

    def emergency(self, values: Mapping[str, Any]) -> PlannedAct:
        """All of it as one act: seconds count, and what belongs together is done at once."""
        capacity = values["capacity"]
        keys = ("project", "directory", "counts", "services", "drain_seconds", "switches", "expires_at", "about")
        wanted = {
            **{key: values[key] for key in keys},
            "capacity": capacity["services"] if capacity else None,
            "urls": values["health"],
            "bound_seconds": values["gate_seconds"],
            "edge_folder": values["edge_folder"] or None,
        }
        return PlannedAct(name="emergency_begin", title="Begin the emergency", values=wanted)

    def stop(self, application: Mapping[str, Any]) -> PlannedAct:
        """Stop the services of one Project."""
        return PlannedAct(
            name="services_stop",
            title=f"Let services of {application['project']} finish and stop them",
            values={key: application[key] for key in ("project", "order", "graces")},
        )

    def start(self, values: Mapping[str, Any]) -> PlannedAct:
        """Start the containers that were stopped, none is made."""
        wanted = {key: values[key] for key in ("steps", "bound_seconds")}
        return PlannedAct(name="services_start", title="Start what was stopped", values=wanted)


def _instances(values: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("project", "directory", "service", "drain_seconds", "stop_grace")
    return {**{key: values[key] for key in keys}, "bound_seconds": values["gate_seconds"]}
