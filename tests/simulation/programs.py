"""The programs in containers: which of them does what when it starts, when it is asked, and whether it serves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.simulation.engine import SimulatedEngine
from tests.simulation.pgbouncer import SERVICE as PGBOUNCER
from tests.simulation.pgbouncer import SimulatedPgBouncer
from tests.simulation.postgres import SimulatedPostgres
from tests.simulation.redis import SERVICE as REDIS
from tests.simulation.redis import SimulatedRedis

__all__ = ["SimulatedPrograms"]

_POSTGRES = "db"
_LENGTH_OF_ID = 64
Effect = Callable[[], tuple[int, str, str]]


class SimulatedPrograms:
    """What runs in the containers of one engine."""

    def __init__(self, engine: SimulatedEngine) -> None:
        self._engine = engine
        self.postgres = SimulatedPostgres(engine)
        self.pgbouncer = SimulatedPgBouncer(engine, self.postgres)
        self.redis = SimulatedRedis(engine)
        engine.begin, engine.serves, engine.run = self._begin, self._serves, self._run

    def called(self, arguments: list[str], feed: bytes) -> tuple[bool, str, Effect]:
        """Whether a call of the ``docker`` program changes anything, its name, and what it does."""
        if arguments[0] == "run" and "pgbouncer" in arguments:
            return False, "docker run --rm pgbouncer --version", lambda: (0, "PgBouncer 1.24.1\n", "")
        if arguments[:2] == ["image", "inspect"]:
            return False, "docker image inspect", lambda: (0, f"{self._engine._known_image(arguments[-1])['Id']}\n", "")
        if arguments[0] == "pull":
            return True, "docker pull", lambda: (1, "", "the registry is not reached\n")
        if arguments[0] == "exec" and "psql" in arguments:
            container, statements = next(word for word in arguments if len(word) == _LENGTH_OF_ID), feed.decode()
            changes = self.postgres.changes(statements)
            name = f"psql {'changes' if changes else 'asks'}"
            return changes, name, lambda: self._psql(container, statements)
        raise AssertionError(arguments)

    def changes_inside(self, path: str) -> bool:
        """Whether a program that is started inside a container changes anything there."""
        _, words = self._engine.execs.get(path.split("/")[2], ("", []))
        if not path.endswith("/start"):
            return False
        return self.redis.changes(words) if words[0] == "redis-cli" else words[:2] == ["sh", "-c"]

    def _psql(self, container: str, statements: str) -> tuple[int, str, str]:
        known = self._engine.containers.get(container)
        if known is None or not known["State"]["Running"]:
            return 1, "", "Error response from daemon: container is not running\n"
        return self.postgres.answer(known, statements)

    def _begin(self, container: dict[str, Any]) -> None:
        service = self._engine.service_of(container)
        if service == _POSTGRES:
            self.postgres.begin(container)
        elif service == PGBOUNCER:
            self.pgbouncer.begin(container)
        elif service == REDIS:
            self.redis.begin(container)

    def _serves(self, container: dict[str, Any]) -> bool:
        return self._engine.service_of(container) != PGBOUNCER or self.pgbouncer.ready(container)

    def _run(self, container: dict[str, Any], words: list[str]) -> tuple[int, str]:
        if words[0] == "redis-cli":
            return self.redis.answer(container, words)
        signals = words[:2] == ["sh", "-c"] and words[2].startswith("kill -")
        if signals and self._engine.service_of(container) == PGBOUNCER:
            self.pgbouncer.told(container, words[2].split()[1][1:])
        return 0, ""
