"""The emergency of a host: one at a time, with an end, and taken back exactly (X-17, X-74).

``emergency.json`` says whose it is, when it ends and what it has set. It is on the disk before anything is changed;
how each thing is undone is in the record of its Run.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from ..compose import dotenv
from ..compose.compose import environment_bytes
from ..compose.our_file import our_file
from ..docker.containers import Container, find_containers
from ..docker.engine import Engine
from ..docker.instances import instances_of
from ..docker.limits import Limits, describe, refuse_shrinking
from ..system.failure import HostSideError
from .runs import RunRecord, moment
from .state import StateFolder
from .undo import undo_step
from .undoing import Undoing

__all__ = ["FILE", "Emergency", "Ending", "take_back", "values_now"]

FILE = "emergency.json"
_OPEN = ("active", "refused")


class Emergency:
    """What ``emergency.json`` holds. ``open``: it is on, or its values were kept from being taken back."""

    def __init__(self, folder: StateFolder) -> None:
        self.folder = folder
        self.content: dict[str, Any] = folder.read(FILE) or {}

    @property
    def open(self) -> bool:
        """Whether there is something to take back."""
        return self.content.get("status") in _OPEN

    @property
    def waits(self) -> bool:
        """Whether it is still to end by itself."""
        return self.content.get("status") == "active"

    @property
    def run_id(self) -> str:
        """The Run that began it, empty where there is none."""
        return str(self.content.get("run_id", ""))

    def refuse_another(self, run_id: str) -> None:
        """Raise ``HostSideError`` while one of another Run is open: a second would multiply it (X-74)."""
        if self.open and self.run_id != run_id:
            raise HostSideError(
                f"An emergency of {self.content.get('project', 'the app')} is on since {self.content.get('began_at')}"
                f" (run {self.run_id}); a second would multiply it (X-74).",
                kind="refused",
                rule="X-74",
            )

    def begin(self, about: dict[str, Any]) -> None:
        """Write it down as active; ``about`` says whose it is and when it ends."""
        self.content = {"format": 1, **about, "status": "active", "message": ""}
        self.save()

    def note(self, **more: Any) -> None:
        """Write down what has become of it."""
        self.content.update(more)
        self.save()

    def save(self) -> None:
        """Bring it to the disk."""
        self.folder.write(FILE, self.content)


@dataclass
class Ending:
    """What became of taking it back: ``ended``, or the ``sentence`` that says why not; ``refused`` names a rule."""

    ended: bool
    sentence: str
    refused: str = ""
    done: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def values_now(project: str, directory: str, services: list[str], containers: list[Container]) -> dict[str, Any]:
    """What an emergency may have changed, as it is now: counts, limits, our file and its entry in ``.env``."""
    path = os.path.join(directory, our_file(directory))
    text = None
    if os.path.exists(path):
        with open(path, encoding="utf-8") as source:
            text = source.read()
    entry = dotenv.find_entry(environment_bytes(directory), "COMPOSE_FILE")
    own = {service: instances_of(containers, project, service) for service in services}
    return {
        "counts": {service: len(there) for service, there in own.items()},
        "limits": {service: sorted({describe(Limits.of(one)) for one in there}) for service, there in own.items()},
        "file": text,
        "entry": None if entry is None else entry.raw.decode("latin-1"),
    }


def take_back(
    emergency: Emergency,
    record: RunRecord,
    socket_path: str,
    by: str,
    *,
    now: float,
    force: bool = False,
    check: bool = False,
) -> Ending:
    """Put back everything that the emergency changed, exactly; ``record`` is that of its Run, whose lock is held.

    Nothing is touched where somebody has changed a value since (``force`` does it all the same), or where a container
    uses more memory now than it may have afterwards. Twice is harmless.
    """
    if not emergency.open:
        return Ending(True, "No emergency is on, so nothing had to be put back.")
    content = emergency.content
    with Engine(socket_path) as engine:
        containers = find_containers(engine, socket_path)
    reason = None if force else _changed_by_hand(content, containers)
    if reason is not None:
        if not check:
            emergency.note(status="refused", message=reason, refused_at=moment(now))
        return Ending(False, reason, refused="changed by hand")
    _refuse_starving(record, str(content.get("step_id")), containers)
    undoing = Undoing(emergency.folder, socket_path, check)
    undo_step(undoing, record, str(content.get("step_id")))
    if undoing.failures:
        sentence = " ".join(["Not everything could be put back:", *undoing.failures])
        if not check:
            emergency.note(message=sentence)
        return Ending(False, sentence, done=undoing.done, notes=undoing.notes)
    if not check:
        record.end(now)
        emergency.note(status="reverted", reverted_at=moment(now), reverted_by=by, message=" ".join(undoing.notes))
    return Ending(True, "Everything is as it was before.", done=undoing.done, notes=undoing.notes)


def _changed_by_hand(content: dict[str, Any], containers: list[Container]) -> str | None:
    """What is not as the emergency left it, in one sentence; None where it never came to its end, or nothing is."""
    was = content.get("set")
    if not was:
        return None
    now = values_now(str(content["project"]), str(content["directory"]), list(was["counts"]), containers)
    found = [
        f"{service} has {now['counts'][service]} instances, not {count}"
        for service, count in sorted(was["counts"].items())
        if now["counts"][service] != count
    ]
    found += [
        f"{service} has {'; '.join(now['limits'][service])}, not {'; '.join(limits)}"
        for service, limits in sorted(was["limits"].items())
        if now["limits"][service] and now["limits"][service] != limits
    ]
    found += [our_file(str(content["directory"]))] if now["file"] != was["file"] else []
    found += ["COMPOSE_FILE in .env"] if now["entry"] != was["entry"] else []
    return f"Changed by hand since the emergency began, so nothing was put back: {', '.join(found)}." if found else None


def _refuse_starving(record: RunRecord, step_id: str, containers: list[Container]) -> None:
    """Raise ``HostSideError`` where a container uses more memory than the limit it would get back."""
    before = (record.step(step_id).get("inverse") or {}).get("containers") or {}
    for container in containers:
        noted = before.get(container.id)
        if noted is not None:
            refuse_shrinking(container, Limits(noted["memory"], noted["swap"], noted["cpus"]), 0.0)
