"""A restore point: dumps of the databases and an archive of the app's folder, read again before they count."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
import time
from collections.abc import Iterable, Mapping
from typing import Any

from ..docker.program import docker_environment
from ..state.act import Act, Work
from ..state.lock import begun_step
from ..state.options import DATABASES, DOCKER, STATE, STEP
from ..system.contained_folder import ContainedFolder
from ..system.failure import HostSideError
from .psql import PostgresServer, find_servers, undisturbed

__all__ = ["RESTORE_POINT", "RestorePoint", "needed_bytes"]

_FILES = "files.tar.gz"
_MANIFEST = "manifest.json"
_LEAST_BYTES = 16 * 2**20
_CHUNK = 1 << 20


class RestorePoint:
    """One restore point, in a folder of its own below ``folder``; only root can read it, as it holds secrets.

    Everything that fails raises ``HostSideError`` of kind ``backup``, after what is unfinished was removed.
    """

    def __init__(self, folder: str, name: str, bound: float) -> None:
        self.path = os.path.join(folder, name)
        self._folder = ContainedFolder(folder)
        self._name = name
        self._bound = bound
        self._files: list[dict[str, Any]] = []

    @property
    def complete(self) -> bool:
        """Whether it was finished; its manifest is written last."""
        return self._folder.status(f"{self._name}/{_MANIFEST}") is not None

    def make(
        self,
        servers: Iterable[PostgresServer],
        app_folder: str,
        largest_file: int,
        others: Mapping[str, str] | None = None,
    ) -> list[dict[str, Any]]:
        """Dump every database of the servers and archive the app's folder; read all of it again; say what it holds.

        ``others`` are the folders of other Projects by name, archived each by itself.
        """
        try:
            self._folder.make()
            self._folder.refuse_writable()
            self.remove()
            self._folder.make_folder(self._name)
            for server in servers:
                self._dump_server(server)
            self._archive(_FILES, app_folder, largest_file)
            for project, folder in (others or {}).items():
                self._archive(f"files-{project}.tar.gz", folder, largest_file)
            content = {"format": 1, "made_at": round(time.time()), "files": self._files}
            self._folder.write(f"{self._name}/{_MANIFEST}", json.dumps(content, indent=1).encode())
        except HostSideError:
            self.remove()
            raise
        except (OSError, tarfile.TarError, EOFError) as problem:
            self.remove()
            reason = getattr(problem, "strerror", None) or problem
            raise HostSideError(f"The restore point {self.path} cannot be made: {reason}.", kind="backup") from problem
        return self._files

    def remove(self) -> None:
        """Remove it, finished or not."""
        self._folder.remove_tree(self._name)

    def forget_older(self, kept: int) -> None:
        """Remove the oldest restore points but so many."""
        manifests = {name: self._folder.status(f"{name}/{_MANIFEST}") for name in self._folder.names()}
        made = sorted((status.st_mtime, name) for name, status in manifests.items() if status is not None)
        for _, name in made[: max(0, len(made) - kept)]:
            self._folder.remove_tree(name)

    def _dump_server(self, server: PostgresServer) -> None:
        rows = server.rows("SELECT datname FROM pg_database WHERE NOT datistemplate AND datallowconn ORDER BY datname")
        options = ["-U", server.superuser, *(["-h", server.socket] if server.socket else [])]
        roles = f"{server.name}-roles.sql"
        self._write(server, ["pg_dumpall", *options, "--globals-only"], roles)
        if b"PostgreSQL database cluster dump complete" not in self._tail(roles):
            raise HostSideError(f"The dump of the roles of {server.name} is not complete.", kind="backup")
        for number, row in enumerate(rows):
            name = f"{server.name}-{number}.dump"
            self._write(server, ["pg_dump", *options, "-Fc", "-d", _dbname(str(row["datname"]))], name)
            self._read_dump(server, name, str(row["datname"]))

    def _write(self, server: PostgresServer, command: list[str], name: str) -> None:
        with self._folder.new_file(f"{self._name}/{name}") as target:
            done = self._docker(server, command, stdin=subprocess.DEVNULL, stdout=target)
            size = os.fstat(target.fileno()).st_size
        if done.returncode:
            raise HostSideError(f"{command[0]} of {server.name} failed: {_complaint(done.stderr)}.", kind="backup")
        self._files.append({"name": name, "bytes": size, "from": server.name})

    def _read_dump(self, server: PostgresServer, name: str, database: str) -> None:
        """Let the server's own program read the whole dump, not only its list."""
        with self._folder.source(f"{self._name}/{name}") as source:
            done = self._docker(server, ["pg_restore", "-f", "/dev/null"], stdin=source, stdout=subprocess.DEVNULL)
        if done.returncode:
            raise HostSideError(
                f"The dump of {database} of {server.name} cannot be read again: {_complaint(done.stderr)}.",
                kind="backup",
            )

    def _docker(self, server: PostgresServer, command: list[str], *, stdin: Any, stdout: Any) -> Any:
        given = ["docker", "exec", "-i", "-u", f"{server.uid}:{server.gid}", "-e", "LC_ALL=C", server.container]
        words = [*given, *undisturbed(command)]
        try:
            return subprocess.run(
                words, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, timeout=self._bound,
                env=docker_environment(), check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise HostSideError(f"{command[0]} did not end within {self._bound:.0f} s.", kind="backup") from None

    def _tail(self, name: str) -> bytes:
        with self._folder.source(f"{self._name}/{name}") as source:
            source.seek(max(0, os.fstat(source.fileno()).st_size - 200))
            return source.read()

    def _archive(self, name: str, app_folder: str, largest: int) -> None:
        """The app's folder without large files, sockets and what is not a file."""
        if not os.path.isdir(app_folder):
            raise HostSideError(
                f"The restore point {self.path} cannot be made: {app_folder}, the folder of a Compose project with"
                " containers here, is gone.",
                kind="backup",
            )
        path = f"{self._name}/{name}"
        left_out: list[str] = []

        def chosen(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
            if entry.isdir() or entry.issym() or (entry.isfile() and entry.size <= largest):
                return entry
            left_out.append(entry.name)
            return None

        with (
            self._folder.new_file(path) as target,
            tarfile.open(mode="w:gz", fileobj=target, compresslevel=1) as archive,
        ):
            archive.add(app_folder, arcname=os.path.basename(app_folder.rstrip("/")) or "app", filter=chosen)
        members = 0
        with self._folder.source(path) as written, tarfile.open(mode="r:gz", fileobj=written) as archive:
            size = os.fstat(written.fileno()).st_size
            for entry in archive:
                members += 1
                source = archive.extractfile(entry) if entry.isfile() else None
                while source is not None and source.read(_CHUNK):
                    pass
        about = {"name": name, "bytes": size, "from": app_folder, "members": members}
        self._files.append({**about, "left_out": left_out[:20]})


def needed_bytes(servers: Iterable[PostgresServer], room: float) -> int:
    """The room that a restore point needs: ``room`` times what the databases occupy, and a little for the files."""
    query = "SELECT coalesce(sum(pg_database_size(datname)), 0)::bigint AS bytes FROM pg_database WHERE datallowconn"
    return int(sum(int(server.row(query)["bytes"]) for server in servers) * room) + _LEAST_BYTES


def _dbname(name: str) -> str:
    """A database's name in a form of libpq: a bare one with an equals sign would be taken for a whole address."""
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"dbname='{escaped}'"


def _complaint(output: bytes) -> str:
    lines = [line.strip() for line in output.decode("utf-8", "replace").splitlines() if line.strip()]
    return " ".join((lines[-1] if lines else "no reason was given").split())[:300].rstrip(".")


def _make(work: Work) -> dict[str, Any]:
    """Nothing of it is undone: one that is unfinished is removed where it fails, a finished one is kept."""
    given = work.params
    point = RestorePoint(given["folder"], given["run_id"], given["bound_seconds"])
    if work.check_mode:
        return {"changed": True, "path": point.path, "files": []}
    record = begun_step(given)
    apps = [given, *given["others"]]
    with record.failure_noted(given["step_id"]):
        servers = [
            server for app in apps for server in find_servers(given["docker_socket"], app["project"], app["databases"])
        ]
        folders = {other["project"]: other["directory"] for other in given["others"]}
        files = point.make(servers, given["directory"], given["largest_file"], folders)
        point.forget_older(given["kept"])
    record.end_step(given["step_id"], "verified", time.time(), point.path)
    return {"changed": True, "path": point.path, "files": files}


RESTORE_POINT = Act(
    "restore_point",
    {
        "project": {"type": "str", "required": True},
        "directory": {"type": "path", "required": True},
        **DATABASES,
        "others": {"type": "list", "elements": "dict", "default": []},
        "folder": {"type": "path", "required": True},
        "kept": {"type": "int", "required": True},
        "largest_file": {"type": "int", "required": True},
        "bound_seconds": {"type": "float", "default": 3600},
        **STEP,
        **DOCKER,
        **STATE,
    },
    _make,
)
