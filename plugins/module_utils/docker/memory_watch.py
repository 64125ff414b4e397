"""A lower memory limit that a person insisted on, watched for as long as the autoscaler's trigger waits (X-06)."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from ..state.act import Act, Work
from ..state.lock import held_run
from ..state.options import DOCKER, STATE, STEP
from ..state.state import StateFolder
from ..system.amounts import memory
from ..system.failure import HostSideError
from .cgroup import find_control_group
from .containers import Container, find_containers
from .engine import Engine

__all__ = ["MEMORY_WATCH", "SustainedUse"]

_PAUSE = 1.0  # seconds between two looks
_LONGEST = 2  # times the duration: what goes up and down around the share is left to the autoscaler


@dataclass
class SustainedUse:
    """How long each container has used at least ``share`` of its limit; ``duration`` in seconds. Pure."""

    share: float
    duration: float
    began: float
    since: dict[str, float] = field(default_factory=dict)

    def seen(self, uses: dict[str, tuple[int, int]], now: float) -> str | None:
        """The container that has been over it for the whole duration; ``uses`` has use and limit in bytes by name."""
        over = {name for name, (used, limit) in uses.items() if used >= self.share * limit}
        self.since = {name: self.since.get(name, now) for name in over}
        return next((name for name, since in sorted(self.since.items()) if now - since >= self.duration), None)

    def over(self, now: float) -> bool:
        """Whether the watch may end: it lasted, and nobody is above the share just now."""
        waited = now - self.began
        return (waited >= self.duration and not self.since) or waited >= _LONGEST * self.duration


def _watch(work: Work) -> dict[str, Any]:
    given = work.params
    if work.check_mode:
        return {"changed": False, "watched": []}
    record = held_run(StateFolder(given["state_folder"]), given["run_id"])
    use = SustainedUse(given["share"], given["seconds"], time.monotonic())
    with record.failure_noted(given["step_id"]), Engine(given["docker_socket"]) as engine:
        while True:
            uses = _uses(find_containers(engine, given["docker_socket"], given["project"]), given["services"])
            full = use.seen(uses, time.monotonic())
            if full is not None:
                used, limit = uses[full]
                raise HostSideError(
                    f"{full} used {memory(used)} of its new limit of {memory(limit)}, {used / limit:.0%}, and at least"
                    f" {given['share']:.0%} for {given['seconds']:.0f} s: it would be scaled out for want of memory.",
                    kind="gate",
                    rule="X-06",
                )
            if use.over(time.monotonic()):
                return {"changed": False, "watched": sorted(uses)}
            time.sleep(_PAUSE)


def _uses(containers: list[Container], services: list[str]) -> dict[str, tuple[int, int]]:
    """The working set and the limit of each running container of those services, in bytes."""
    uses = {}
    for container in containers:
        if container.service not in services or not container.running or not container.memory:
            continue
        group = find_control_group(container.pid)
        reading = group.read() if group else None
        if reading is not None:
            uses[container.name] = (reading.memory, container.memory)
    return uses


MEMORY_WATCH = Act(
    "memory_watch",
    {
        "project": {"type": "str", "required": True},
        "services": {"type": "list", "elements": "str", "required": True},
        "share": {"type": "float", "required": True},
        "seconds": {"type": "float", "required": True},
        **STEP,
        **DOCKER,
        **STATE,
    },
    _watch,
)
