"""Where PgBouncer lives on a host: its files, its container, and what we noted about it."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from typing import Any

from ..postgres.scram import new_password
from ..state.layout import PGBOUNCER, OwnProject
from ..state.project_state import POOLER, ProjectState
from ..state.project_state import known_projects as projects_of_host
from ..state.state import StateFolder, sync_folder, write_whole
from ..system.certificate import self_made_certificate
from ..system.failure import HostSideError
from .ini import CONFIG, RUN, SUPERVISOR, login_file, rendered, rendered_shared

__all__ = ["NUMBER", "Place", "compose_text", "known_projects"]

NUMBER = 6432  # user and group ID of PgBouncer and of what only it may read; Postgres' own convention for its port
_PASSWORD = re.compile(r'"[^"]+" "([^"]+)"')
_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")


@dataclass(frozen=True)
class Place:
    """The files of the PgBouncer beside one Compose project of the app."""

    folder: StateFolder
    project: str

    def __post_init__(self) -> None:
        if not _PROJECT.match(self.project):
            raise HostSideError(f"{self.project[:60]!r} is not the name of a Compose project.", kind="usage")

    @property
    def name(self) -> str:
        """The name of our own Compose project and of the container in it."""
        return self._own.name

    @property
    def path(self) -> str:
        """The folder of everything."""
        return os.path.join(self.folder.path, self._own.folder)

    @property
    def config(self) -> str:
        """What PgBouncer reads."""
        return os.path.join(self.path, "config")

    @property
    def run(self) -> str:
        """Where its processes put their sockets."""
        return os.path.join(self.path, "run")

    def record(self) -> dict[str, Any] | None:
        """What is in force, as it was asked for; None where nothing was put up."""
        return self._state.read(POOLER)

    def note(self, record: dict[str, Any] | None) -> None:
        """Note what is in force; None forgets it."""
        self._state.write(POOLER, record)

    def password(self) -> str | None:
        """The password of PgBouncer's own role, None where there is none yet."""
        match = _PASSWORD.match(self._text("userlist.txt") or "")
        return match[1] if match else None

    def new_password(self) -> str:
        """Make another password and keep it where only PgBouncer reads it."""
        self._make_folders()
        password = new_password()
        self._write("userlist.txt", login_file(password).encode(), mode=0o600)
        return password

    def text(self) -> str | None:
        """``pgbouncer.ini`` as it is, None where there is none."""
        return self._text("pgbouncer.ini")

    def differs(self, wanted: dict[str, Any]) -> bool:
        """Whether a file is not what it should be."""
        return (
            self.text() != rendered(wanted)
            or self._text("shared.ini") != rendered_shared(wanted)
            or self._text("supervise.sh") != SUPERVISOR
            or self.password() is None
            or self._text("tls.crt") is None
        )

    def write(self, wanted: dict[str, Any], network: str) -> None:
        """Put all files in place, each whole or not at all. Raises ``HostSideError`` of kind ``state``."""
        try:
            self._make_folders()
            self._write("supervise.sh", SUPERVISOR.encode(), mode=0o644)
            self._certify(wanted.get("certificate"))
            self._write("shared.ini", rendered_shared(wanted).encode(), mode=0o640)
            self._write("pgbouncer.ini", rendered(wanted).encode(), mode=0o640)
            write_whole(os.path.join(self.path, "compose.yml"), compose_text(self, wanted, network), mode=0o600)
        except OSError as problem:
            raise HostSideError(f"{self.path} cannot be written ({problem.strerror}).", kind="state") from problem

    @property
    def exists(self) -> bool:
        """Whether any of it is on this host."""
        return os.path.isdir(self.path)

    def remove(self) -> None:
        """Remove all files; none there is fine."""
        if not self.exists:
            return
        path = self.path
        shutil.rmtree(path)
        parent = os.path.dirname(path)
        if parent != self._state.path and not os.listdir(parent):  # version 0.1 had one folder for all of them
            os.rmdir(parent)
        sync_folder(self.folder.path)
        self._state.note_beside(PGBOUNCER, None)

    @property
    def _state(self) -> ProjectState:
        return ProjectState(self.folder, self.project)

    @property
    def _own(self) -> OwnProject:
        return self._state.beside(PGBOUNCER)

    def _make_folders(self) -> None:
        self._state.note_beside(PGBOUNCER, self._own)
        for path, mode in ((self.path, 0o711), (self.config, 0o750), (self.run, 0o700)):
            os.makedirs(path, mode=0o700, exist_ok=True)
            os.chmod(path, mode)
        os.chown(self.config, 0, NUMBER)
        os.chown(self.run, NUMBER, NUMBER)

    def _certify(self, given: dict[str, str] | None) -> None:
        """The team's certificate, else one of our own that is made once."""
        if given:
            for name, source in (("tls.key", given["key"]), ("tls.crt", given["certificate"])):
                with open(source, "rb") as content:
                    self._write(name, content.read(), mode=0o600)
            return
        if self._text("tls.crt") is not None and self._text("tls.key") is not None:
            return
        certificate, key = self_made_certificate("pgbouncer")
        self._write("tls.key", key.encode("ascii"), mode=0o600)
        self._write("tls.crt", certificate.encode("ascii"), mode=0o640)

    def _write(self, name: str, content: bytes, *, mode: int) -> None:
        owner = NUMBER if mode == 0o600 else 0
        write_whole(os.path.join(self.config, name), content, mode=mode, owner=(owner, NUMBER))

    def _text(self, name: str) -> str | None:
        try:
            with open(os.path.join(self.config, name), encoding="utf-8") as source:
                return source.read()
        except (FileNotFoundError, NotADirectoryError):
            return None


def known_projects(folder: StateFolder) -> list[str]:
    """The app's projects that have a PgBouncer of ours on this host."""
    return [name for name in projects_of_host(folder) if Place(folder, name).record() is not None]


def compose_text(place: Place, wanted: dict[str, Any], network: str) -> bytes:
    """Our own Compose project: one container on the app's network, which may do nothing but what it needs."""
    service = {
        "image": wanted["image"],
        "container_name": place.name,
        "entrypoint": ["/bin/sh", f"{CONFIG}/supervise.sh"],
        "command": [],
        "user": f"{NUMBER}:{NUMBER}",
        "init": True,
        "restart": "always",
        "stop_grace_period": "60s",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "ulimits": {"nofile": {"soft": wanted["files"], "hard": wanted["files"]}},
        "mem_limit": wanted["memory"],
        "memswap_limit": wanted["memory"],
        "cpus": wanted["cpus"],
        "networks": {"app": {"aliases": [wanted["host"]]}},
        "volumes": [f"{place.config}:{CONFIG}:ro", f"{place.run}:{RUN}"],
    }
    content = {
        "name": place.name,
        "services": {"pgbouncer": service},
        "networks": {"app": {"name": network, "external": True}},
    }
    return (json.dumps(content, indent=1, sort_keys=True).replace("$", "$$") + "\n").encode()
