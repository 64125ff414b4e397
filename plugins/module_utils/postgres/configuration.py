"""The settings of a Postgres server in a container that are ours: one file, and the line that includes it."""

from __future__ import annotations

import json
import posixpath
import time
from collections.abc import Mapping
from typing import Any

from ..docker.containers import mount_of
from ..docker.engine import Engine
from ..system.contained_folder import ContainedFolder
from ..system.failure import HostSideError
from .look import settings_query
from .psql import PostgresServer

__all__ = [
    "FILE",
    "Configuration",
    "configuration_of",
    "differing",
    "reload",
    "settings_in_force",
    "wait_for_settings",
]

FILE = "conf.d/selextract-infra.conf"
_FOLDER, _MAIN = posixpath.dirname(FILE), "postgresql.conf"
_COMMENT = b"# Settings of selextract-infra; taking this line out takes them out of force.\n"
_LINE = f"include_if_exists = '{FILE}'\n".encode()
_RELOAD_BOUND = 10.0  # seconds until a reload has reached every new session
_PENDING = "setting could not be applied"


class Configuration:
    """Our file in the data directory of one server, on the volume that the container keeps it on.

    ``details`` is what Docker says about the container, which need not run; ``data_directory`` and ``config_file`` are
    the server's own. Raises ``HostSideError`` of kind ``refused`` where the data lies on no volume of the host.
    """

    def __init__(self, details: dict[str, Any], data_directory: str, config_file: str) -> None:
        mount = mount_of(details, data_directory)
        if mount is None or not mount.get("Source"):
            raise HostSideError(
                f"The data directory {data_directory} lies on no volume, so settings would be lost with the container.",
                kind="refused",
                rule="mapping",
            )
        self._inside = posixpath.relpath(data_directory, str(mount["Destination"]))
        self._folder = ContainedFolder(str(mount["Source"]))
        self.data_directory = data_directory
        self.config_file = config_file
        if self._folder.read(self._path("PG_VERSION")) is None:
            raise HostSideError(f"{mount['Source']} does not hold the data directory.", kind="state")

    @property
    def text(self) -> str | None:
        """Our file as it is, None where there is none."""
        content = self._folder.read(self._path(FILE))
        return None if content is None else content.decode("utf-8", "replace")

    @property
    def owned(self) -> bool:
        """Whether the server's main file lies in its data directory; elsewhere it is the app team's alone."""
        return self.config_file == posixpath.join(self.data_directory, _MAIN)

    @property
    def included(self) -> bool:
        """Whether the main file in the data directory includes ours."""
        return any(line.strip() == _LINE.strip() for line in self._main().splitlines())

    def write(self, text: str | None) -> None:
        """Replace our file; None takes it away, which the line that includes it allows."""
        self.clear_unfinished()
        if text is None:
            self._folder.remove(self._path(FILE))
            return
        self._folder.make_folder(self._path(_FOLDER), like=self._path("PG_VERSION"))
        self._folder.write(self._path(FILE), text.encode(), like=self._path(_MAIN))

    def clear_unfinished(self) -> None:
        """Remove what a process that was killed while it wrote has left in the data directory."""
        for name in (FILE, _MAIN):
            self._folder.clear_unfinished(self._path(name))

    def include(self) -> None:
        """Let the main file end with the line that includes ours, so that ours wins over all before it."""
        content = self._main()
        gap = b"" if content.endswith(b"\n") or not content else b"\n"
        self._folder.write(self._path(_MAIN), content + gap + _COMMENT + _LINE, like=self._path(_MAIN))

    def exclude(self) -> None:
        """Take that line out again; everything else stays."""
        lines = self._main().splitlines(keepends=True)
        kept = [line for line in lines if line.strip() not in (_COMMENT.strip(), _LINE.strip())]
        self._folder.write(self._path(_MAIN), b"".join(kept), like=self._path(_MAIN))

    def _main(self) -> bytes:
        content = self._folder.read(self._path(_MAIN))
        if content is None:
            raise HostSideError(f"{self.data_directory} holds no {_MAIN}.", kind="state")
        return content

    def _path(self, name: str) -> str:
        return posixpath.join(self._inside, name)


def configuration_of(engine: Engine, server: PostgresServer) -> Configuration:
    """The configuration of a server that runs. Raises ``HostSideError`` where its main file does not include ours."""
    places = server.row("SELECT current_setting('data_directory') AS data, current_setting('config_file') AS main")
    configuration = Configuration(engine.inspect(server.container) or {}, str(places["data"]), str(places["main"]))
    if not configuration.owned and not _reads(server, posixpath.join(configuration.data_directory, FILE)):
        raise HostSideError(
            f"{server.name} reads {configuration.config_file}, which is the app team's; it has to end with"
            f" include_if_exists = '{posixpath.join(configuration.data_directory, FILE)}' before settings can be"
            " applied.",
            kind="refused",
            rule="mapping",
        )
    return configuration


def settings_in_force(server: PostgresServer, names: list[str]) -> dict[str, dict[str, Any]]:
    """Parameters by name: ``value``, ``unit``, ``source``, ``file`` and ``pending_restart``."""
    return dict(json.loads(server.execute(settings_query(names) + ";")))


def differing(in_force: Mapping[str, Mapping[str, Any]], wanted: Mapping[str, str]) -> list[str]:
    """The parameters whose value in force is not the one wanted, sorted; both as ``pg_settings`` has them."""
    return sorted(name for name, value in wanted.items() if not _same(str(in_force.get(name, {}).get("value")), value))


def reload(server: PostgresServer) -> None:
    """Let the server read its files again. Raises ``HostSideError`` where it cannot read a value in them."""
    rows = server.rows("SELECT name, sourcefile, error FROM pg_file_settings WHERE error IS NOT NULL")
    for row in rows:
        if str(row["sourcefile"]).endswith("/" + FILE) and row["error"] != _PENDING:
            raise HostSideError(f"Postgres cannot take {row['name']}: {row['error']}.", kind="refused")
    server.execute("SELECT pg_reload_conf();")


def wait_for_settings(server: PostgresServer, wanted: Mapping[str, str], *, before_restart: bool = False) -> None:
    """Wait until a reload has put the values into force; ``before_restart`` it is enough that they wait for that one.

    Raises ``HostSideError`` that says what wins over them, at once where only a restart would help.
    """
    give_up = time.monotonic() + _RELOAD_BOUND
    while True:
        in_force = settings_in_force(server, list(wanted))
        names = differing(in_force, wanted)
        waiting = [name for name in names if in_force.get(name, {}).get("pending_restart")]
        if not names or (before_restart and waiting == names):
            return
        if waiting == names or time.monotonic() > give_up:
            reasons = "; ".join(_why(name, in_force.get(name, {}), wanted[name]) for name in names)
            raise HostSideError(f"{reasons}.", kind="gate")
        time.sleep(0.1)


def _why(name: str, in_force: Mapping[str, Any], wanted: str) -> str:
    if in_force.get("pending_restart"):
        by = "it waits for a restart"
    elif in_force.get("source") == "command line":
        by = "an argument of the server says otherwise"
    elif str(in_force.get("file")).endswith("/postgresql.auto.conf"):
        by = "postgresql.auto.conf says otherwise"
    else:
        by = "the server does not take it"
    return f"{name} is {in_force.get('value')} and not {wanted}: {by}"


def _reads(server: PostgresServer, path: str) -> bool:
    rows = server.rows("SELECT DISTINCT sourcefile FROM pg_file_settings")
    return any(row["sourcefile"] == path for row in rows)


def _same(value: str, other: str) -> bool:
    try:
        return abs(float(value) - float(other)) < 1e-9
    except ValueError:
        return value == other
