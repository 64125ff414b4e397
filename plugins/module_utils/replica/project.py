"""A replica as a Compose project of our own: its files, its container, its volume.

What is wanted comes as one mapping, the Plan's, and is kept once it is there.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..compose.own_names import refuse_taken_name
from ..docker.containers import Container, find_containers
from ..docker.engine import Engine
from ..docker.program import docker, remove_containers
from ..postgres.scram import new_password
from ..state.layout import REPLICA, OwnProject
from ..state.project_state import ProjectState, known_projects
from ..state.state import StateFolder, remove_folder
from ..system.certificate import self_made_certificate
from ..system.contained_folder import ContainedFolder
from ..system.failure import HostSideError
from .check.service import remove_check
from .diagnosis import EMPTY_VOLUME, NO_STANDBY

__all__ = ["INSIDE", "SERVICE", "ReplicaProject", "hba_text", "image_tag"]

SERVICE = "postgres"
_IMAGE = "selextract-replica"
INSIDE = "/var/lib/selextract-replica"
"""Where the volume is in the container."""
_CONFIG = "/etc/selextract-replica"
_RECORD = "replica.json"
_ANSWERS = "answers.json"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.]*\Z")

_START = f"""\
#!/bin/sh
# Starts a replica, and never anything but a replica: on an empty volume Postgres' images would make a new database.
set -eu
data={INSIDE}/data
if [ ! -s "$data/PG_VERSION" ]; then
    echo "{EMPTY_VOLUME}." >&2
    exit 1
fi
if [ ! -e "$data/standby.signal" ]; then
    echo "{NO_STANDBY}." >&2
    exit 1
fi
exec "$1/postgres" -D "$data" -c config_file={_CONFIG}/postgresql.conf
"""


def image_tag(image: str) -> str:
    """The name that the primary's image has on a replica's host, whatever else it is called there."""
    return f"{_IMAGE}:{image.rpartition(':')[2][:12]}"


@dataclass(frozen=True)
class ReplicaProject:
    """The replica of one app's Project on this host. Files that cannot be written raise kind ``state``."""

    folder: StateFolder
    socket_path: str
    project: str

    @property
    def own(self) -> OwnProject:
        """The Compose project that it is."""
        return self.state.beside(REPLICA)

    @property
    def state(self) -> ProjectState:
        """What is kept of the app's Project."""
        return ProjectState(self.folder, self.project)

    @property
    def path(self) -> str:
        """The folder of its files."""
        return os.path.join(self.folder.path, self.own.folder)

    @property
    def volume(self) -> str:
        """The volume of its data."""
        return f"{self.own.name}-data"

    @property
    def clone(self) -> str:
        """The container that makes its base backup."""
        return f"{self.own.name}-clone"

    @property
    def unit(self) -> str:
        """The service of systemd that is its check."""
        return f"{self.own.name}-check.service"

    @property
    def compose_file(self) -> str:
        """Its Compose file."""
        return os.path.join(self.path, "compose.yml")

    @property
    def finished(self) -> dict[str, Any] | None:
        """What was finished here last, as ``wanted``; None where no replica was finished."""
        return self.folder.read(os.path.join(self.own.folder, _RECORD))

    def finish(self, wanted: Mapping[str, Any]) -> None:
        """Note that what is wanted is there."""
        self.folder.write(os.path.join(self.own.folder, _RECORD), {"format": 1, "wanted": dict(wanted)})

    @property
    def answers(self) -> dict[str, str]:
        """The settings of the primary that change what a query answers, as this replica is to have them."""
        text = self._text(f"config/{_ANSWERS}") or "{}"  # an earlier version made replicas without it
        return {str(name): str(value) for name, value in json.loads(text).items()}

    def container(self) -> Container | None:
        """Its container, running or not."""
        with Engine(self.socket_path) as engine:
            containers = [
                container
                for container in find_containers(engine, self.socket_path, self.own.name)
                if container.service == SERVICE
            ]
        return containers[0] if containers else None

    @property
    def starts_with_its_files(self) -> bool:
        """Whether its container, if there is one, was started after its files were written the last time."""
        container, config = self.container(), os.path.join(self.path, "config")
        paths = [self.compose_file, *(os.path.join(config, name) for name in os.listdir(config))]
        return container is None or container.started > max(map(os.path.getmtime, paths))

    @property
    def password(self) -> str | None:
        """The replica's password for the primary, which is nowhere else; None where it has none yet."""
        return (self._text("config/passfile") or "").strip().rpartition(":")[2] or None

    def write(self, wanted: Mapping[str, Any], *, check: bool = False) -> list[str]:
        """Bring all files to what is wanted; the names of those that changed. A password and a certificate stay."""
        config = os.path.join(self.path, "config")
        owner = (int(wanted["uid"]), int(wanted["gid"]))
        files = {
            "start.sh": _START,
            "postgresql.conf": _conf(wanted),
            "pg_hba.conf": hba_text([str(wanted["superuser"]), *map(str, wanted.get("superusers") or ())]),
            "pg_ident.conf": "",
            _ANSWERS: json.dumps(wanted.get("answers") or {}, sort_keys=True),
        }
        changed = [name for name, text in files.items() if self._text(f"config/{name}") != text]
        secret = [name for name in ("passfile", "server.crt", "server.key") if not self._has(name)]
        compose = _compose(wanted, config, self.volume)
        if self._text("compose.yml") != compose:
            changed.append("compose.yml")
        if check or not (changed or secret):
            return [*changed, *secret]
        refuse_taken_name(self.state, self.own, self.socket_path)
        self.state.note_beside(REPLICA, self.own)
        ContainedFolder(self.folder.path).make_folder(self.own.folder)
        self._files.make_folder("config", owner=owner)
        ContainedFolder(config).give_to(owner)
        for name, text in {**files, **self._secrets(secret, str(wanted["name"]))}.items():
            self._files.write(f"config/{name}", text.encode(), owner=owner)
        self._files.write("compose.yml", compose.encode())
        return [*changed, *secret]

    def remove(self) -> list[str]:
        """Take everything of the replica off this host; what was there, in words."""
        gone = []
        if remove_check(self.unit, entirely=not self._others):
            gone.append("its check")
        containers = self._containers()
        remove_containers(self.clone, *containers)
        if containers:
            gone.append("its container")
        if docker(["volume", "inspect", self.volume]).code == 0:
            answer = docker(["volume", "rm", "--force", self.volume], bound=120)
            if answer.code:
                raise HostSideError(f"The replica's volume cannot be removed: {answer.complaint}.", kind="docker")
            gone.append("its data")
        docker(["network", "rm", f"{self.own.name}_default"])
        if remove_folder(self.path):
            gone.append("its files")
        self.state.note_beside(REPLICA, None)
        return gone

    @property
    def present(self) -> bool:
        """Whether anything of a replica is on this host."""
        volume = docker(["volume", "inspect", self.volume]).code == 0
        return volume or os.path.isdir(self.path) or bool(self._containers())

    @property
    def _others(self) -> list[str]:
        """The other Projects with a replica on this host: they have the program of the check in common."""
        names = [name for name in known_projects(self.folder) if name != self.project]
        return [name for name in names if ReplicaProject(self.folder, self.socket_path, name).finished]

    def _containers(self) -> list[str]:
        with Engine(self.socket_path) as engine:
            return [container.id for container in find_containers(engine, self.socket_path, self.own.name)]

    def _has(self, name: str) -> bool:
        return self._files.status(f"config/{name}") is not None

    @property
    def _files(self) -> ContainedFolder:
        """Its files; the user of its container owns the folder ``config``."""
        return ContainedFolder(self.path)

    def _text(self, path: str) -> str | None:
        content = self._files.read(path)
        return None if content is None else content.decode("utf-8", "replace")

    def _secrets(self, missing: list[str], name: str) -> dict[str, str]:
        secrets: dict[str, str] = {}
        if "passfile" in missing:
            secrets["passfile"] = f"*:*:*:{name}:{new_password()}\n"
        if "server.crt" in missing or "server.key" in missing:
            secrets["server.crt"], secrets["server.key"] = self_made_certificate(name)
        return secrets


def _conf(wanted: Mapping[str, Any]) -> str:
    """``postgresql.conf``: the settings of the Plan, and what ties this server to its primary and to its files."""
    primary, name = wanted["primary"], wanted["name"]
    own = {
        "data_directory": f"{INSIDE}/data",
        "hba_file": f"{_CONFIG}/pg_hba.conf",
        "ident_file": f"{_CONFIG}/pg_ident.conf",
        "listen_addresses": "*",
        "port": "5432",
        "ssl": "on",
        "ssl_cert_file": f"{_CONFIG}/server.crt",
        "ssl_key_file": f"{_CONFIG}/server.key",
        "hot_standby": "on",
        "logging_collector": "off",
        "log_destination": "stderr",
        "lc_messages": "C",
        "cluster_name": str(name),
        "primary_conninfo": _conninfo(primary, str(name)),
        "primary_slot_name": str(name),
    }
    settings = {**wanted["settings"], **own}
    for setting in settings:
        if not _NAME.match(setting):
            raise HostSideError(f"{setting!r} is not the name of a setting.", kind="usage")
    lines = [f"{setting} = {_quoted(str(settings[setting]))}" for setting in sorted(settings)]
    return "# Written by selextract-infra; changes made here are lost.\n" + "\n".join(lines) + "\n"


def _conninfo(primary: Mapping[str, Any], name: str) -> str:
    return (
        f"host={primary['address']} port={primary['port']} user={name} passfile={_CONFIG}/passfile sslmode=require"
        f" channel_binding=require connect_timeout={primary['connect_timeout']} application_name={name}"
    )


def _quoted(value: str) -> str:
    if any(ord(character) < 32 for character in value):
        raise HostSideError("A setting's value may not have control characters.", kind="usage")
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def hba_text(superusers: Sequence[str]) -> str:
    """Who may come in: the app's roles with a password, as on the primary; no superuser and nobody who replicates.

    Names of roles are the primary's word; a line end in one would begin a line of its own.
    """
    if any(ord(character) < 32 for name in superusers for character in name):
        raise HostSideError("A superuser's name may not have control characters.", kind="usage")
    return "\n".join(
        (
            "# Written by selextract-infra; changes made here are lost.",
            "local all all trust",
            "host replication all all reject",
            *('host all "' + name.replace('"', '""') + '" all reject' for name in superusers),
            "host all all all scram-sha-256",
            "",
        )
    )


def _compose(wanted: Mapping[str, Any], config: str, volume: str) -> str:
    """The Compose file; JSON is YAML."""
    service = {
        "image": image_tag(wanted["image"]["id"]),
        "pull_policy": "never",
        "entrypoint": ["/bin/sh", f"{_CONFIG}/start.sh", wanted["bindir"]],
        "command": [],
        "user": f"{wanted['uid']}:{wanted['gid']}",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "restart": "unless-stopped",
        "stop_signal": "SIGINT",
        "stop_grace_period": f"{int(wanted['stop_grace'])}s",
        "shm_size": int(wanted["shm_size"]),
        "mem_limit": int(wanted["memory"]),
        "memswap_limit": int(wanted["memory"]),
        "cpus": float(wanted["cpus"]),
        "ports": [f"{wanted['address']}:{wanted['port']}:5432"],
        "volumes": [f"data:{INSIDE}", f"{config}:{_CONFIG}:ro"],
        "logging": {"driver": "json-file", "options": {"max-size": "10m", "max-file": "2"}},
        "healthcheck": {
            "test": ["CMD", f"{wanted['bindir']}/pg_isready", "-q", "-p", "5432"],
            "interval": "5s",
            "timeout": "5s",
        },
    }
    content = {"services": {SERVICE: service}, "volumes": {"data": {"external": True, "name": volume}}}
    return json.dumps(content, indent=1) + "\n"
