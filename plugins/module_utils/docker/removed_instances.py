"""Instances that a step removes: how each is made again is noted before, apart from Compose and the app's files."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..haproxy.rotation import Rotation
from ..state.runs import RunRecord
from ..state.state import StateFolder
from ..state.undoing import Undoing
from ..system.failure import HostSideError
from ..system.waiting import waited_for
from .containers import Container, find_containers
from .engine import Engine
from .instances import instances_of
from .kept_definitions import KeptDefinitions

__all__ = ["PART", "Leaving", "finish_undoing", "note_definitions", "undo_definitions"]

PART = "definitions"
_ROUNDED = 1.0  # seconds; when a Run was done is noted in whole ones


@dataclass(frozen=True)
class Leaving:
    """Instances of one service that are about to be removed, out of all that are ``present``.

    One that is made again must be healthy within ``gate_seconds``, or run for ``settling_seconds`` where it has no
    health check. ``beside``: another one could run beside them, so the new one is made first. ``variables`` are those
    that the step is about: one in their place that differs in others, or by its image, was made by somebody else.
    """

    containers: list[Container]
    present: list[Container]
    gate_seconds: float
    settling_seconds: float
    beside: bool = False
    variables: Sequence[str] = ()


def note_definitions(engine: Engine, folder: StateFolder, record: RunRecord, step_id: str, leaving: Leaving) -> None:
    """Keep how these instances are made again, and bring to the disk that this is the way back of the step.

    Raises ``HostSideError`` of kind ``refused`` where Docker would not make one of them again as it is.
    """
    run_id = str(record.content["run_id"])
    kept = KeptDefinitions(folder, run_id)
    known = (record.step(step_id).get("inverse") or {}).get(PART) or {}
    inverse: dict[str, Any] = {}
    for container in leaving.containers:
        details = engine.inspect(container.id)
        if details is None or kept.origin(container.id) in known:
            continue
        kept.keep(engine, details)
        inverse[container.id] = {
            "run_id": run_id,
            "name": container.name,
            "project": container.project,
            "service": container.service,
            "running": container.running,
            "healthy": container.health in (None, "healthy"),
            "starting": container.health == "starting",
            "stop_grace": container.stop_grace,
            "before": _before(known, container) or [container.id for container in leaving.present],
            "gate_seconds": leaving.gate_seconds,
            "settling_seconds": leaving.settling_seconds,
            "beside": leaving.beside,
            "variables": list(leaving.variables),
        }
    record.note_inverse(step_id, PART, inverse)


def _before(known: dict[str, dict[str, Any]], container: Container) -> list[str]:
    """The instances of its service from before the step, where the step has noted them already."""
    same = [
        noted
        for noted in known.values()
        if (noted["project"], noted["service"]) == (container.project, container.service)
    ]
    return list(same[0]["before"]) if same else []


def finish_undoing(engine: Engine, noted: dict[str, dict[str, Any]]) -> None:
    """Before a step is done again that could not be put back: what was made again and stands in nobody's place goes.

    Where nobody has its place, it takes that. ``noted`` is what ``note_definitions`` noted.
    """
    for id_, about in noted.items():
        details = engine.inspect(_interim(id_))
        if details is None:
            continue
        if engine.inspect(str(about["name"])) is None:
            engine.rename(str(details["Id"]), str(about["name"]))
            continue
        left = Container.parse(details)
        if left.running:
            engine.stop(left.id, left.stop_grace)
        engine.remove(left.id)


def _interim(removed: str) -> str:
    """What a container is called that was made again, until it has its place."""
    return f"selextract-again-{removed[:12]}"


def undo_definitions(undoing: Undoing, inverse: dict[str, dict[str, Any]]) -> None:
    """Put back the instances that a step removed, the last one first, each in the place of one that was made since.

    ``inverse`` has, by the ID of the removed container, what ``note_definitions`` noted. What is here is left alone.
    """
    with Engine(undoing.socket_path) as engine:
        for container, about in reversed(list(inverse.items())):
            _RemovedInstance(undoing, engine, container, about).put_back()


@dataclass(frozen=True)
class _RemovedInstance:
    """One instance, by the ID it had."""

    undoing: Undoing
    engine: Engine
    id: str
    about: dict[str, Any]

    @property
    def name(self) -> str:
        """The name it had and gets again."""
        return str(self.about["name"])

    def put_back(self) -> None:
        """Make it again where it is gone, start it where it was only stopped, and wait until it serves."""
        kept = KeptDefinitions(self.undoing.folder, self.about["run_id"])
        present = self.engine.inspect(self.id)
        again = kept.made_again.get(self.id)
        if present is not None:
            self._started_again(Container.parse(present))
        elif self.undoing.check:
            self.undoing.done.append(f"{self.name} would be made again as it was.")
        elif self._is_of_others(self.engine.inspect(self.name), kept):
            self.undoing.notes.append(f"{self.name} was made again since by somebody else; it stays as it is.")
        elif kept.definition(self.id) is None:
            self.undoing.notes.append(
                f"How {self.name} was is not known any more, so it stays as this run made it; the app's own"
                " `docker compose up` makes it as its files say."
            )
        elif again is None or self._out_of_place(again):
            self._made_again(kept)
            self.undoing.done.append(f"{self.name} was made again as it was.")
        else:
            self._started_again(Container.parse(self.engine.inspect(again) or {}))

    def _is_of_others(self, details: dict[str, Any] | None, kept: KeptDefinitions) -> bool:
        """Whether somebody else made that container: after the Run was done, or otherwise than the step makes one."""
        if details is None or str(details["Id"]) in kept.made_again.values():
            return False
        done_at, definition = self.undoing.done_at, kept.definition(self.id)
        if done_at and Container.parse(details).created_at > done_at + _ROUNDED:
            return True
        return definition is not None and definition.is_made_otherwise(details, self.about.get("variables") or ())

    def _out_of_place(self, again: str) -> bool:
        details = self.engine.inspect(again)
        return details is None or str(details["Name"]).lstrip("/") != self.name

    def _started_again(self, container: Container) -> None:
        if container.running or not self.about["running"]:
            return
        if not self.undoing.check:
            self._start(container.id)
        self.undoing.done.append(f"{self.name} was started again.")

    def _made_again(self, kept: KeptDefinitions) -> None:
        """Create it, then let it take its place: whatever fails before that leaves what is there now.

        Where both can run for a moment, it serves before the one in its place goes.
        """
        made = self._created(kept)
        replaced = self._in_its_place(kept)
        interim = Container.parse(self.engine.inspect(made) or {}).name
        if replaced is not None and self.about.get("beside", False):
            self._serve(made)
            self._remove(replaced)
            self.engine.rename(made, self.name)
        else:
            if replaced is not None:
                self._remove(replaced)
            self.engine.rename(made, self.name)
        self._serve(made)
        if interim != self.name:
            self._rotation.forget(interim)

    def _serve(self, made: str) -> None:
        """Let it run, where it ran before, and get requests under the name that it has now."""
        if not self.about["running"]:
            return
        self._start(made)
        details = self.engine.inspect(made)
        self._rotation.join([Container.parse(details)] if details else [], self.about["gate_seconds"])

    def _remove(self, replaced: Container) -> None:
        self._rotation.spare(replaced)
        self.engine.stop(replaced.id, max(replaced.stop_grace, self.about["stop_grace"]))
        self.engine.remove(replaced.id, volumes=True)  # what it was given by name stays

    @property
    def _rotation(self) -> Rotation:
        return Rotation(self.undoing.folder, self.undoing.socket_path, self.about["project"])

    def _created(self, kept: KeptDefinitions) -> str:
        """The ID of the container that was made again, not started yet; one from an attempt before is taken."""
        name = _interim(self.id)
        left = self.engine.inspect(kept.made_again.get(self.id, name)) or self.engine.inspect(name)
        definition = kept.definition(self.id)
        if left is None and definition is not None:
            made = definition.create(self.engine, name)
        else:
            made = str((left or {})["Id"])
        kept.note_made_again(self.id, made)
        return made

    def _in_its_place(self, kept: KeptDefinitions) -> Container | None:
        """The instance that was made since and goes now: the one with its name, else one that is not well.

        Nobody goes where there are fewer than before: another one that was made since is in place of another.
        """
        containers = find_containers(self.engine, self.undoing.socket_path, self.about["project"])
        old = {*self.about["before"], *kept.made_again.values()}
        present = instances_of(containers, self.about["project"], self.about["service"])
        since = [
            container
            for container in present
            if container.id not in old and not self._is_of_others(self.engine.inspect(container.id), kept)
        ]
        own = [container for container in since if container.name == self.name]
        others = [container for container in present if container.id != kept.made_again.get(self.id)]
        if len(others) < len(self.about["before"]):
            since = own
        return min(since, key=lambda one: (one.name != self.name, _well(one), -(one.number or 0)), default=None)

    def _start(self, container: str) -> None:
        self.engine.start(container)
        bound = self.about["gate_seconds"] + self._start_period(container)
        if not waited_for(lambda: self._serves(container), bound) and not self.about.get("starting", False):
            details = self.engine.inspect(container)
            now = Container.parse(details) if details else None
            state = "gone" if now is None else now.health if now.running and now.health else now.state
            raise HostSideError(f"{self.name} was put back and is {state} after {bound:.0f} s.", kind="restore")

    def _start_period(self, container: str) -> float:
        details = self.engine.inspect(container)
        return Container.parse(details).start_period if details else 0.0

    def _serves(self, container: str) -> bool:
        """Whether it is as well as it was: healthy, or running for the settling time where it has no health check.

        One that was just starting then, as after a boot, is expected to get healthy like any other.
        """
        details = self.engine.inspect(container)
        now = Container.parse(details) if details else None
        if now is None or not now.running:
            return False
        if now.health is None:
            return now.ran(time.time()) >= float(self.about["settling_seconds"])
        return now.health == "healthy" or (self.about["healthy"] is False and not self.about.get("starting", False))


def _well(container: Container) -> bool:
    return container.running and container.health in (None, "healthy")
