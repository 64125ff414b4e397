"""The state folder as version 0.1 wrote it: all Projects in the same files, and one balancer and one replica a host.

It is only read here, and cleared once it has been taken over; see ``migration``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

from .layout import BALANCER, PGBOUNCER, READ_BALANCER, REPLICA, OwnProject
from .run_projects import projects_of_run
from .state import StateFolder

__all__ = ["AUTOSCALER", "CAPACITY", "EDGE", "FILES", "POOLER", "POSTGRES", "FlatLayout"]

CAPACITY, POOLER, POSTGRES = "capacity.json", "pgbouncer.json", "postgres.json"
EDGE, AUTOSCALER = "edge.json", "autoscaler.json"
FILES = (CAPACITY, POOLER, POSTGRES, EDGE, AUTOSCALER)
_FOLDERS = {BALANCER: "balancer", READ_BALANCER: "balancer-ro", REPLICA: "replica"}
_NAMES = {
    BALANCER: "selextract-balancer",
    READ_BALANCER: "selextract-balancer-ro",
    REPLICA: "selextract-replica",
}
_REPLICA_OPERATIONS = ("replicas", "restart postgres")


class FlatLayout:
    """What version 0.1 left in a state folder, Project by Project."""

    def __init__(self, folder: StateFolder) -> None:
        self._folder = folder

    @property
    def present(self) -> bool:
        """Whether any of it is there."""
        return any(os.path.exists(os.path.join(self._folder.path, name)) for name in FILES) or any(
            os.path.isdir(os.path.join(self._folder.path, name)) for name in (*_FOLDERS.values(), PGBOUNCER)
        )

    def projects(self) -> list[str]:
        """All Projects that something of it belongs to, sorted."""
        owners = [self.owner(component) for component in _FOLDERS]
        return sorted({*self._named(), *(owner for owner in owners if owner)})

    def record(self, project: str, name: str) -> dict[str, Any] | None:
        """What a file holds of one Project, as that Project's own file has it; None for nothing."""
        content = self._folder.read(name) or {}
        if name == CAPACITY:
            return {key: server for key, server in content.items() if server.get("project") == project} or None
        if name == POOLER:
            return content.get(project)
        if name == POSTGRES:
            servers = content.get("servers") or {}
            own = {key: server for key, server in servers.items() if server.get("project") == project}
            return {**content, "servers": own} if own else None
        if name == EDGE:
            return content if content.get("project") == project else None
        if name == AUTOSCALER:
            return content if content and self._sole() == project else None
        return None

    def beside(self, project: str) -> dict[str, OwnProject]:
        """The Compose projects of ours beside one Project, by component, with the names that they have."""
        own = {
            component: OwnProject(_NAMES[component], folder)
            for component, folder in _FOLDERS.items()
            if self.owner(component) == project
        }
        if os.path.isdir(os.path.join(self._folder.path, PGBOUNCER, project)):
            own[PGBOUNCER] = OwnProject(f"{project}-pgbouncer", os.path.join(PGBOUNCER, project))
        return own

    def owner(self, component: str) -> str | None:
        """The Project that a component belongs to, None where there is none of it.

        Only the API's balancer said so in version 0.1. For what belongs to replicas the Runs that made them tell, else
        the network that the balancer for reads joins.
        """
        name = _FOLDERS[component]
        if not os.path.isdir(os.path.join(self._folder.path, name)):
            return None
        if component == BALANCER:
            settings = self._folder.read(f"{name}/settings.json") or {}
            return str(settings["project"]) if settings.get("project") else self._sole()
        return self._by_runs() or self._by_network(name) or self._sole()

    def clear(self) -> None:
        """Remove the files that were taken over. Folders stay: containers that run have them mounted."""
        for name in FILES:
            self._folder.remove(name)

    def _named(self) -> Iterator[str]:
        """The Projects that the files themselves name."""
        for record in (self._folder.read(CAPACITY) or {}).values():
            yield str(record["project"])
        yield from self._folder.read(POOLER) or {}
        for server in ((self._folder.read(POSTGRES) or {}).get("servers") or {}).values():
            yield str(server["project"])
        for about in (self._folder.read(EDGE), self._folder.read("balancer/settings.json")):
            if about and about.get("project"):
                yield str(about["project"])

    def _sole(self) -> str | None:
        """The one Project that there is on this host; None where there are several."""
        named = {*self._named(), *(name for record in self._runs() for name in projects_of_run(record))}
        return named.pop() if len(named) == 1 else None

    def _by_runs(self) -> str | None:
        records = [record for record in self._runs() if record.get("operation") in _REPLICA_OPERATIONS]
        newest = sorted(records, key=lambda record: str(record.get("started_at", "")), reverse=True)
        return next((name for record in newest for name in sorted(projects_of_run(record))), None)

    def _by_network(self, name: str) -> str | None:
        """Compose's own network of a Project has the Project's name."""
        settings = self._folder.read(f"{name}/settings.json") or {}
        try:
            network = str(json.loads(str(settings.get("compose", "{}")))["networks"]["app"]["name"])
        except (ValueError, KeyError, TypeError):
            return None
        return network[: -len("_default")] if network.endswith("_default") else None

    def _runs(self) -> list[dict[str, Any]]:
        return [self._folder.read(f"runs/{name}") or {} for name in self._folder.names("runs")]
