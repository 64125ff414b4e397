"""The emergency of a host: one at a time, with an end, and taken back exactly (X-17, X-74).

``emergency.json`` says whose it is, when it ends and what it has set. It is on the disk before anything is changed;
how each thing is undone is in the record of its Run.
"""

from __future__ import annotations

import os
from typing import Any

from ..compose import dotenv
from ..compose.files_in_force import environment_bytes
from ..compose.our_file import our_file
from ..docker.containers import Container
from ..docker.instances import instances_of
from ..docker.limits import ContainerLimits, describe
from ..system.failure import HostSideError
from .state import StateFolder

__all__ = ["FILE", "Emergency", "values_now"]

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
        "counts": {service: len(present) for service, present in own.items()},
        "limits": {
            service: sorted({describe(ContainerLimits.of(container)) for container in present})
            for service, present in own.items()
        },
        "file": text,
        "entry": None if entry is None else entry.raw.decode("latin-1"),
    }
