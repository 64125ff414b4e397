"""Which containers there are, kept up to date by Docker's own events, and what each of them uses."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass
from typing import Any

from .bucket import Sample
from .docker.cgroup import ControlGroup, Reading, find_control_group
from .docker.containers import Container
from .docker.engine import Engine
from .system.failure import HostSideError

__all__ = ["Watch"]

_EVENTS = ("start", "die", "oom", "update", "rename", "destroy")
_RECONNECT = 5.0  # seconds between attempts to reach Docker


@dataclass
class _Life:
    """A container since it was started: where it is measured, and what was measured last."""

    container: Container
    group: ControlGroup | None
    reading: Reading | None = None
    at: float = 0.0
    kills_before: int = 0  # in the kernel's count, from before we watched
    kills_announced: int = 0  # by events of Docker
    kills_told: int = 0
    restarts: int = 0

    def kills(self) -> int:
        """Kills not told yet. Kernel and events tell of the same ones, so the larger of their two counts holds."""
        counted = self.reading.oom_kills - self.kills_before if self.reading else 0
        total = max(counted, self.kills_announced)
        fresh, self.kills_told = max(0, total - self.kills_told), max(total, self.kills_told)
        return fresh

    def sample(self, now: float) -> Sample | None:
        """What it used since the sample before, None when there is nothing to tell."""
        before, since = self.reading, now - self.at
        reading = self.group.read() if self.group else None
        if reading is not None:
            self.reading, self.at = reading, now
        kills, restarts, self.restarts = self.kills(), self.restarts, 0
        measured = reading is not None and before is not None
        if not measured and not kills and not restarts:
            return None
        latest = self.reading or Reading(0.0, 0, 0, 0)
        used = latest.cpu_seconds - before.cpu_seconds if measured and before else 0.0
        return Sample(
            seconds=since if measured else 0.0,
            cpu_seconds=max(0.0, used),
            memory=latest.memory,
            page_cache=latest.page_cache,
            limit=self.container.memory or 0,
            oom_kills=kills,
            restarts=restarts,
        )


class Watch:
    """All containers of this host; those that are known are measured on while Docker is not ``reachable``."""

    def __init__(self, socket_path: str) -> None:
        self._socket_path = socket_path
        self._engine = Engine(socket_path)
        self._lives: dict[str, _Life] = {}
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._following = False
        self._retry_at = 0.0
        self._seen_before = False
        self.reachable = False

    def samples(self, now: float) -> list[tuple[Container, Sample]]:
        """What every container used since the call before; ``now`` is monotonic, in seconds."""
        self._follow(now)
        found = [(life.container, life.sample(now)) for life in self._lives.values()]
        return [(container, sample) for container, sample in found if sample is not None]

    def refresh(self) -> None:
        """Compare with Docker's own list, in case an event was missed."""
        try:
            listed = {str(one["Id"]) for one in self._engine.containers()}
            for gone in set(self._lives) - listed:
                del self._lives[gone]
            for unknown in listed - set(self._lives):
                self._inspect(unknown)
        except HostSideError:
            self.reachable = False
        else:
            self.reachable = self._seen_before = True

    def _follow(self, now: float) -> None:
        while not self._events.empty():
            event = self._events.get()
            if event is None:
                self._following, self.reachable, self._retry_at = False, False, now + _RECONNECT
            else:
                self._apply(event)
        if not self._following and now >= self._retry_at:
            self._retry_at = now + _RECONNECT
            self._following = True
            threading.Thread(target=self._listen, daemon=True).start()
            self._lives_again()

    def _listen(self) -> None:
        try:
            for event in Engine(self._socket_path).follow(_EVENTS):
                self._events.put(event)
        except HostSideError:
            self.reachable = False
        finally:
            self._events.put(None)

    def _lives_again(self) -> None:
        """After Docker was away any container may have been started anew."""
        self.refresh()
        try:
            for name in list(self._lives):
                self._inspect(name)
        except HostSideError:
            self.reachable = False

    def _apply(self, event: dict[str, Any]) -> None:
        name = str(event.get("id") or (event.get("Actor") or {}).get("ID") or "")
        action = event.get("Action") or event.get("status")
        life = self._lives.get(name)
        if action == "oom" and life is not None:
            life.kills_announced += 1
            return
        if action == "destroy":
            self._lives.pop(name, None)
            return
        try:
            self._inspect(name)
        except HostSideError:
            self.reachable = False

    def _inspect(self, name: str) -> None:
        raw = self._engine.inspect(name)
        if raw is None:
            self._lives.pop(name, None)
            return
        container, known = Container.parse(raw), self._lives.get(name)
        if known is not None and known.container.started_at == container.started_at:
            known.container = container
            return
        group = find_control_group(container.pid) if container.running else None
        life = _Life(container, group, group.read() if group else None, time.monotonic())
        if known is not None:
            life.restarts = known.restarts + max(1, container.restarts - known.container.restarts)
            life.kills_announced = max(0, known.kills_announced - known.kills_told)
        elif not self._seen_before and life.reading is not None:
            life.kills_before = life.reading.oom_kills
        self._lives[name] = life
