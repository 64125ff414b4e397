"""What later Runs and people have changed of what a Run set: found out before anything of it is undone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..compose.capacity_keys import key_text
from ..compose.capacity_writer import CapacityWriter
from ..docker.containers import Container, find_containers
from ..docker.engine import Engine
from ..docker.instances import instances_of
from ..docker.limits import ContainerLimits
from ..haproxy.balancer import Balancer
from ..nginx.include_files import Edge
from ..pgbouncer.folder import Place
from ..postgres.settings import settings_text
from .registry import VALUES
from .run_keys import conf_keys, keys_set, limits_of
from .run_projects import projects_of_run
from .runs import RunRecord
from .state import StateFolder

__all__ = ["LaterChange", "changed_keys", "later_changes"]


@dataclass(frozen=True)
class LaterChange:
    """One key that is no longer as the Run left it, and the later Run that set it; ``run`` is None for a person."""

    key: str
    run: str | None

    def result(self) -> dict[str, Any]:
        """As a module returns it."""
        by = f"changed since by run {self.run}" if self.run else "changed since by somebody else"
        return {"key": self.key, "run": self.run, "sentence": f"{self.key}: {by}"}


def changed_keys(values: Mapping[str, tuple[Any, Any]], present: Mapping[str, Any]) -> list[str]:
    """The keys whose present value is neither what the Run left nor what was there before it; pure.

    A count on the way from one to the other is the Run's own: it was interrupted.
    """
    changed = []
    for key, (before, left) in sorted(values.items()):
        if key not in present or present[key] in (before, left):
            continue
        if key.startswith("count:") and min(before, left) <= present[key] <= max(before, left):
            continue
        changed.append(key)
    return changed


def later_changes(folder: StateFolder, socket_path: str, record: RunRecord) -> list[LaterChange]:
    """What a rollback of the Run would overwrite."""
    steps = {name: step for name, step in record.content["steps"].items() if step.get("status") != "rolled back"}
    values = keys_set(steps)
    if not values:
        return []
    present = _Present(folder, socket_path, min(projects_of_run(record.content), default="")).values(steps)
    changed = {key: present[key] for key in changed_keys(values, present)}
    authors = _authors(folder, str(record.content["run_id"]), changed)
    return [LaterChange(key, authors.get(key)) for key in changed]


def _authors(folder: StateFolder, run_id: str, changed: Mapping[str, Any]) -> dict[str, str]:
    """By key, the newest other Run that left the value which is there; none where a person has set it since."""
    if not changed:
        return {}
    records = [folder.read(f"runs/{name}") or {} for name in folder.names("runs")]
    others = [record for record in records if record.get("run_id") != run_id]
    others.sort(key=lambda record: str(record.get("ended_at") or record.get("started_at") or ""))
    return {
        key: str(record["run_id"])
        for record in others
        for key, (_, left) in keys_set(record.get("steps") or {}).items()
        if key in changed and changed[key] == left
    }


class _Present:
    """The values on the host now, read only for the parts that a Run has."""

    def __init__(self, folder: StateFolder, socket_path: str, project: str) -> None:
        self._folder = folder
        self._socket_path = socket_path
        self._project = project  # of the Run; version 0.1 did not note it with each part
        self._containers: list[Container] | None = None

    def values(self, steps: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """By key, for all parts of these steps; a key that is gone altogether has no value here."""
        readers: dict[str, Callable[[Any], dict[str, Any]]] = {
            "containers": self._limits,
            "capacity_file": self._capacity,
            "instances": self._counts,
            "postgres_settings": self._postgres,
            "edge_files": self._edge,
            "balancer": self._balancer,
            "pgbouncer": self._pgbouncer,
            "freeze": lambda _: {"freeze": self._folder.read("freeze.json")},
        }
        present: dict[str, Any] = {}
        own = keys_set(steps)
        for step in steps.values():
            for part, inverse in (step.get("inverse") or {}).items():
                if (step.get("left") or {}).get(part) is None:
                    continue
                if part in readers:
                    present.update(readers[part](inverse))
                elif part in VALUES:
                    now = VALUES[part](self._socket_path, inverse)
                    present.update({f"{part}:{name}": value for name, value in now.items()})
        absent = {key: None for key in own if key.startswith(("file:", "postgres:", "nginx:"))}
        return {**absent, **present}

    def _all(self) -> list[Container]:
        if self._containers is None:
            with Engine(self._socket_path) as engine:
                self._containers = find_containers(engine, self._socket_path)
        return self._containers

    def _limits(self, inverse: Mapping[str, Any]) -> dict[str, Any]:
        names = {noted["name"] for noted in inverse.values()}
        return {
            f"container:{container.name}": limits_of(ContainerLimits.of(container).result())
            for container in self._all()
            if container.name in names
        }

    def _capacity(self, inverse: Mapping[str, Any]) -> dict[str, Any]:
        writer = CapacityWriter(self._folder, inverse["project"], inverse["directory"], socket_path=self._socket_path)
        return {"file:" + key_text(key): value for key, value in writer.keys().items()}

    def _counts(self, inverse: Mapping[str, Any]) -> dict[str, Any]:
        return {
            f"count:{service}": len(instances_of(self._all(), before["project"], service))
            for service, before in inverse.items()
        }

    def _postgres(self, inverse: Mapping[str, Any]) -> dict[str, Any]:
        with Engine(self._socket_path) as engine:
            text = settings_text(engine, self._socket_path, dict(inverse))
        return {"postgres:" + key_text(key): value for key, value in conf_keys(text).items()}

    def _balancer(self, inverse: Mapping[str, Any]) -> dict[str, Any]:
        project = inverse.get("project") or self._project
        return {"balancer": Balancer(self._folder, self._socket_path, project).digest}

    def _edge(self, inverse: Mapping[str, Any]) -> dict[str, Any]:
        files = Edge(self._folder, self._socket_path, inverse["project"]).files(inverse["folder"])
        return {f"nginx:{name}": text for name, text in files.items()}

    def _pgbouncer(self, inverse: Mapping[str, Any]) -> dict[str, Any]:
        return {f"pgbouncer:{project}": Place(self._folder, project).record() for project in inverse}
