"""PgBouncer in memory: one process in each container of its service, its console, and who is led through it."""

from __future__ import annotations

import configparser
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plugins.module_utils.pgbouncer.processes import Process
from plugins.module_utils.postgres.wire import Login, WireRefusedError
from plugins.module_utils.system.failure import HostSideError
from tests.simulation.engine import SimulatedEngine
from tests.simulation.postgres import SimulatedPostgres

__all__ = ["SERVICE", "SimulatedPgBouncer", "SimulatedWire"]

SERVICE = "pgbouncer"
_CONFIG, _RUN = "/etc/pgbouncer", "/run/pgbouncer"
_CONSOLE, _LOGIN_DATABASE = "pgbouncer", "selextract_login"
_PASSWORD = re.compile(r'"([^"]+)" "([^"]+)"')
_FIXED = ("listen_port", "listen_addr", "unix_socket_dir", "so_reuseport")  # a process keeps what it began with
_TIMER = "timer that ends a pause"
Row = dict[str, "str | None"]


@dataclass
class SimulatedPgBouncer:
    """What its processes know stands in ``engine.programs`` by the ID of the container."""

    engine: SimulatedEngine
    postgres: SimulatedPostgres

    def begin(self, container: dict[str, Any]) -> None:
        """Read the files as a process does that starts; without them it ends."""
        read = self._read(container)
        self.engine.programs[_key(container)] = {**read, "paused": False} if read else None

    def answering(self, folder: str, _port: int) -> list[Process]:
        """The processes whose sockets lie in that folder."""
        return [
            Process(1, f"console of {container['Id']}", 0)
            for container in self._containers()
            if self._mounted(container, _RUN) == folder and self.ready(container)
        ]

    def ready(self, container: dict[str, Any]) -> bool:
        """Whether its process answers."""
        return self.engine.up(container) and bool(self.engine.programs.get(_key(container)))

    def lets_in(self, container: dict[str, Any], login: Login) -> bool:
        """Whether a client gets through to the database: by the role that looks passwords up, and its own login."""
        about = self.engine.programs.get(_key(container)) or {}
        database, (role, password) = login.database, about.get("login", ("", ""))
        own = login.user == role
        found = self.postgres.knows(role, password) and bool(self.postgres.kept["function"])
        known = login.password == (password if own else "secret")
        return self.ready(container) and found and known and database in about["databases"]

    def console(self, container: dict[str, Any], command: str) -> list[Row]:
        """What its console answers."""
        about = self.engine.programs[_key(container)]
        answers: dict[str, Callable[[], list[Row]]] = {
            "SHOW VERSION": lambda: [{"version": "PgBouncer 1.24.1"}],
            "SHOW CONFIG": lambda: [
                {"key": key, "value": value, "changeable": "no" if key in _FIXED else "yes"}
                for key, value in about["settings"].items()
            ],
            "SHOW DATABASES": lambda: [
                {"name": name, "max_connections": most, "current_connections": "0"}
                for name, most in about["databases"].items()
            ],
            "SHOW CLIENTS": lambda: [
                {"user": "shop", "addr": str(one["Name"])[1:], "database": "shop"}
                for one in self.engine.pointing_to(container)
            ],
            "SHOW SERVERS": list,
            "SHOW STATE": lambda: [{"key": "paused", "value": "yes" if self.paused(container) else "no"}],
            "RECONNECT": list,
            "RELOAD": lambda: self._reload(container),
            "PAUSE": lambda: self._pause(container, paused=True),
            "RESUME": lambda: self._pause(container, paused=False),
        }
        return answers[command]()

    def paused(self, container: dict[str, Any]) -> bool:
        """Whether transactions wait: a pause is in force, and no timer of the host has ended it."""
        ends = float(self.engine.programs.get(_TIMER) or "inf")
        return bool(self.engine.programs[_key(container)]["paused"]) and self.engine.clock.now < ends

    def arm_timer(self, _unit: str, _container: str, seconds: float) -> None:
        """In place of the product's own: the host ends the pause then."""
        self.engine.programs[_TIMER] = self.engine.clock.now + seconds

    def disarm_timer(self, _unit: str) -> None:
        """In place of the product's own."""
        self.engine.programs[_TIMER] = None

    def told(self, container: dict[str, Any], signal: str) -> None:
        """A signal to the first process: ``USR2`` ends every pause."""
        if signal == "USR2":
            self._pause(container, paused=False)

    def _reload(self, container: dict[str, Any]) -> list[Row]:
        before, read = self.engine.programs[_key(container)], self._read(container)
        if read:
            fixed = {key: before["settings"][key] for key in _FIXED if key in before["settings"]}
            settings = {**read["settings"], **fixed}
            self.engine.programs[_key(container)] = {**before, **read, "settings": settings}
        return []

    def _pause(self, container: dict[str, Any], *, paused: bool) -> list[Row]:
        self.engine.programs[_key(container)] = {**self.engine.programs[_key(container)], "paused": paused}
        return []

    def _read(self, container: dict[str, Any]) -> dict[str, Any] | None:
        folder = Path(self._mounted(container, _CONFIG))
        parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=(";",))
        if not parser.read(folder / "pgbouncer.ini") or not (folder / "tls.crt").exists():
            return None
        login = _PASSWORD.match((folder / "userlist.txt").read_text(encoding="utf-8"))
        databases = {name: text.rpartition("max_db_connections=")[2] for name, text in parser["databases"].items()}
        return {
            "settings": dict(parser["pgbouncer"]),
            "databases": databases,
            "login": login.groups() if login else ("", ""),
        }

    def _containers(self) -> list[dict[str, Any]]:
        return [one for one in self.engine.containers.values() if self.engine.service_of(one) == SERVICE]

    def _mounted(self, container: dict[str, Any], target: str) -> str:
        return next(str(mount["Source"]) for mount in container["Mounts"] if mount["Destination"] == target)


def _key(container: dict[str, Any]) -> str:
    return f"pgbouncer {container['Id']}"


class SimulatedWire:
    """In place of ``Wire``: a connection to the console, or through PgBouncer to the database.

    ``ask`` lets each question be a boundary.
    """

    def __init__(
        self, pooler: SimulatedPgBouncer, ask: Callable[[str, Callable[[], list[Row]]], list[Row]], address: Any,
        login: Login, **_more: Any,
    ) -> None:  # fmt: skip
        self._pooler = pooler
        self._ask = ask
        self._login = login
        self._console = isinstance(address, str)
        self._container = self._other_side(address)
        if not self._console and not pooler.lets_in(self._container, login):
            raise WireRefusedError(f"FATAL: {login.user} is not let in")

    def __enter__(self) -> SimulatedWire:
        return self

    def __exit__(self, *unused: object) -> None:
        """There is nothing to close."""

    def rows(self, statement: str, **_more: Any) -> list[Row]:
        """As ``Wire.rows``."""
        return self._ask(statement if self._console else "query", lambda: self._answered(statement))

    def _answered(self, statement: str) -> list[Row]:
        if not self._pooler.ready(self._container):
            raise HostSideError("Nobody answers (Connection refused).", kind="postgres")
        if self._console:
            return self._pooler.console(self._container, statement)
        if self._login.database == _LOGIN_DATABASE:
            return [{"username": "shop"}]
        return [{"database": self._login.database, "role": self._login.user}]

    def _other_side(self, address: Any) -> dict[str, Any]:
        engine = self._pooler.engine
        for container in engine.containers.values():
            here = container["Id"] in address if self._console else address[0] in engine.addresses(container)
            if here and self._pooler.ready(container):
                return container
        raise HostSideError("Nobody answers (Connection refused).", kind="postgres")
