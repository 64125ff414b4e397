"""Run the health checks of containers that start, in between the times that Docker does."""

from __future__ import annotations

import time
from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from .engine import Engine, EngineGoneError, EngineRefusedError

__all__ = ["HealthChecks"]

_FIRST = 0.9  # seconds from when a container is seen first to its first check; nothing is up much sooner
_PAUSE = 0.25  # seconds from a check that fails to the next
_BOUND = 5.0  # seconds that a check may take
_AT_ONCE = 4  # each check is a process of its own, on a host that is short of CPU already
_SHELL = ["/bin/sh", "-c"]


class HealthChecks:
    """The health checks of containers of which Docker does not know yet whether they are well.

    Docker runs one at its interval, often half a minute, and takes the first success as proof. The same check, run here
    in between, proves the same sooner. One that does not answer in time is left to Docker, which can end it.
    """

    def __init__(self, socket_path: str) -> None:
        self._socket_path = socket_path
        self._pool = ThreadPoolExecutor(_AT_ONCE)
        self._answers: dict[str, Future[str | None]] = {}
        self._due: dict[str, float] = {}
        self._passed: dict[str, str] = {}

    def __enter__(self) -> HealthChecks:
        return self

    def __exit__(self, *unused: object) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def passed(self, containers: Collection[str]) -> dict[str, str]:
        """Of these running containers, by ID, those whose check has passed; each with the start since when it does.

        A start is written as Docker writes it. The others are checked again when it is time; nothing is waited for.
        """
        now = time.monotonic()
        for container in containers:
            if container not in self._passed:
                self._follow(container, now)
        return {container: self._passed[container] for container in containers if container in self._passed}

    def _follow(self, container: str, now: float) -> None:
        answer = self._answers.get(container)
        if answer is None:
            if now >= self._due.setdefault(container, now + _FIRST):
                self._answers[container] = self._pool.submit(self._ask, container)
        elif answer.done() and (started := answer.result()) is not None:
            del self._answers[container]
            self._due[container] = now + _PAUSE
            if started:
                self._passed[container] = started

    def _ask(self, container: str) -> str | None:
        """The start of which the check passes, empty while it does not.

        None where it is Docker's to say: without a check, or without an answer in time.
        """
        with Engine(self._socket_path, timeout=_BOUND) as engine:
            try:
                details = engine.inspect(container) or {}
                check = _arguments(details.get("Config") or {})
                if not check:
                    return None
                return str(details["State"]["StartedAt"]) if engine.run_inside(container, check)[0] == 0 else ""
            except EngineRefusedError:
                return ""  # it does not run at this moment
            except EngineGoneError:
                return None


def _arguments(config: dict[str, Any]) -> list[str]:
    """The health check as a program with arguments; empty where there is none."""
    kind, *words = (config.get("Healthcheck") or {}).get("Test") or ["NONE"]
    if kind == "CMD-SHELL":
        return [*(config.get("Shell") or _SHELL), *words]
    return [str(word) for word in words] if kind == "CMD" else []
