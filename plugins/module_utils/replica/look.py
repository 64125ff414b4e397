"""What there is of a replication on this host: the primary, a replica of ours, the balancer; what is wrong with it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..docker.containers import Container
from ..docker.engine import Engine
from ..docker.program import docker
from ..haproxy.read_rotation import ReadRotation
from ..postgres.psql import PostgresServer, find_server, server_in
from ..state.state import StateFolder
from ..system.failure import HostSideError
from .diagnosis import diagnosed
from .lag import QUERY, complaint_of_replica, lag_seconds
from .ports import chosen_ports
from .project import ReplicaProject

__all__ = ["Complaint", "Look", "answers_otherwise", "replica_complaint"]

# Postgres marks what an argument sets as waiting for a restart where a file says otherwise; a restart changes nothing.
_PRIMARY = """
SELECT pg_is_in_recovery() AS in_recovery, current_setting('server_version_num')::int AS version,
  (SELECT system_identifier::text FROM pg_control_system()) AS system_identifier,
  (SELECT setting FROM pg_config WHERE name = 'BINDIR') AS bindir,
  (SELECT coalesce(sum(pg_database_size(oid)), 0)::bigint FROM pg_database) AS data_bytes,
  current_setting('wal_level') AS wal_level, current_setting('max_wal_senders')::int AS max_wal_senders,
  current_setting('max_replication_slots')::int AS max_replication_slots,
  (SELECT count(*)::int FROM pg_stat_replication) AS senders, current_setting('ssl') = 'on' AS ssl,
  (SELECT count(*)::int FROM pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global')) AS tablespaces,
  (SELECT coalesce(json_agg(json_build_object('name', slot_name, 'active', active, 'lost',
    coalesce(wal_status = 'lost', false), 'retained_bytes',
    pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_wal_lsn() END, restart_lsn)::bigint)
    ORDER BY slot_name), '[]') FROM pg_replication_slots WHERE slot_name LIKE 'selextract\\_%%') AS slots,
  (SELECT coalesce(json_agg(rolname ORDER BY rolname), '[]') FROM pg_roles
    WHERE rolreplication AND rolname LIKE 'selextract\\_%%') AS roles,
  (SELECT coalesce(json_agg(rolname ORDER BY rolname), '[]') FROM pg_roles WHERE rolsuper) AS superusers,
  (SELECT json_object_agg(name, setting) FROM pg_settings WHERE name = ANY('{%s}')) AS settings,
  (SELECT coalesce(json_object_agg(name, setting), '{}') FROM (
    SELECT s.name, CASE WHEN s.source = ANY ('{configuration file,command line}') THEN s.setting ELSE f.setting END
    FROM pg_settings s LEFT JOIN pg_file_settings f ON f.name = s.name AND f.applied
    WHERE (s.context = ANY ('{user,superuser}') OR strpos(s.name, '.') > 0)
      AND (s.source = ANY ('{configuration file,command line}') OR f.setting IS NOT NULL)
    UNION ALL SELECT name, setting FROM pg_file_settings
    WHERE applied AND strpos(name, '.') > 0 AND name NOT IN (SELECT name FROM pg_settings)
    ) own (name, setting)) AS answers,
  (SELECT coalesce(json_object_agg(s.name, coalesce(f.setting, '')), '{}') FROM pg_settings s LEFT JOIN LATERAL
    (SELECT setting FROM pg_file_settings WHERE name = s.name ORDER BY seqno DESC LIMIT 1) f ON true
    WHERE pending_restart AND source <> ALL ('{command line,environment variable,override}')) AS pending_restart
"""
_REPLICA = """
SELECT current_setting('server_version_num')::int AS version,
  (SELECT system_identifier::text FROM pg_control_system()) AS system_identifier,
  (SELECT coalesce(json_agg(name ORDER BY name), '[]') FROM pg_settings
    WHERE pending_restart AND source <> ALL ('{command line,environment variable,override}')) AS pending_restart
"""
# What is set for a role or a database is in the data, so a replica has it as its primary does. An app's own settings
# (``app.currency``) are not in pg_settings (measured with 17).
_ANSWERS = """
SELECT coalesce(json_object_agg(wanted.name, CASE
  WHEN s.name IS NULL THEN coalesce(current_setting(wanted.name, true), '')
  WHEN source = ANY ('{configuration file,command line,default}') THEN s.setting END), '{}') AS answers
FROM unnest('{%s}'::text[]) wanted (name) LEFT JOIN pg_settings s ON s.name = wanted.name
"""
_COLLATIONS = """
SELECT count(*)::int AS different FROM pg_database
WHERE datallowconn AND datcollversion IS DISTINCT FROM pg_database_collation_actual_version(oid)
"""
_COLLATIONS_SINCE = 150000
_MOST_NAMED = 5


class Look:
    """A look at one host for one Project; ``settings`` names the primary's parameters that a replica must know."""

    def __init__(self, folder: StateFolder, socket_path: str, project: str, settings: Sequence[str]) -> None:
        self._folder = folder
        self._project = project
        self._socket_path = socket_path
        self._settings = settings

    def primary(self, service: str, superuser: str, socket: str | None) -> dict[str, Any] | None:
        """The app's own server, None where it does not run here. ``problem`` says why it could not be asked."""
        try:
            with Engine(self._socket_path) as engine:
                server = find_server(
                    engine, self._socket_path, self._project, service, superuser=superuser, socket=socket
                )
                details = engine.inspect(server.container) or {}
        except HostSideError:
            return None
        try:
            row = server.row(_PRIMARY % ",".join(self._settings))
        except HostSideError as failure:
            return {"container": server.name, "problem": failure.sentence}
        config = details.get("Config") or {}
        networks = sorted((details.get("NetworkSettings") or {}).get("Networks") or {})
        preferred = f"{self._project}_default"
        return {
            **row,
            "container": server.name,
            "uid": server.uid,
            "gid": server.gid,
            "image": {"id": str(details.get("Image")), "name": str(config.get("Image"))},
            "network": preferred if preferred in networks else next(iter(networks), ""),
            "stop_grace": float(config.get("StopTimeout") or 10),
            "problem": None,
        }

    def replica(self, superuser: str) -> dict[str, Any] | None:
        """Our replica of this host, None where there is nothing of one."""
        project = ReplicaProject(self._folder, self._socket_path, self._project)
        if not project.present:
            return None
        finished, container = project.finished or {}, project.container()
        look: dict[str, Any] = {
            "wanted": finished.get("wanted"),
            "state": container.state if container else "absent",
            "image": None,
            "problem": None,
        }
        if not finished:
            return {**look, "problem": "It was never finished."}
        complaint = replica_complaint(project, self._socket_path, superuser)
        look["problem"] = complaint.sentence if complaint else None
        if container is None:
            return look
        with Engine(self._socket_path) as engine:
            look["image"] = str((engine.inspect(container.id) or {}).get("Image") or "")
        return {**look, **(_figures(container, superuser) if container.running else {})}

    def balancer(self) -> dict[str, Any] | None:
        """The balancer for reads, None where there is none; ``servers`` as HAProxy sees them."""
        rotation = ReadRotation(self._folder, self._socket_path, self._project)
        if rotation.settings is None:
            return None
        running = rotation.admin.answers
        return {"settings": rotation.settings, "running": running, "servers": rotation.status() if running else []}

    def ports(self, address: str, wanted: dict[str, int]) -> dict[str, int]:
        """The ports that the Project has or would get on this host's private address."""
        return chosen_ports(self._folder, self._socket_path, self._project, address, wanted)

    def own_names(self) -> dict[str, str]:
        """The Compose projects of ours that are here, or would be."""
        rotation = ReadRotation(self._folder, self._socket_path, self._project)
        replica = ReplicaProject(self._folder, self._socket_path, self._project)
        return {
            "balancer_name": rotation.own.name,
            "balancer_folder": rotation.place,
            "replica_name": replica.own.name,
        }

    def room(self) -> dict[str, Any]:
        """Bytes free where Docker keeps its volumes, and the IDs of the images that are here."""
        with Engine(self._socket_path) as engine:
            place = str(engine.info().get("DockerRootDir") or "/var/lib/docker")
        listed = docker(["image", "ls", "--quiet", "--no-trunc"])
        return {"free_bytes": shutil.disk_usage(place).free, "images": sorted(set(listed.text.split()))}


@dataclass(frozen=True)
class Complaint:
    """Why a replica does not do its work; ``known`` where its server has named the cause."""

    sentence: str
    known: bool


def replica_complaint(project: ReplicaProject, socket_path: str, superuser: str) -> Complaint | None:
    """What keeps the replica of this host from its work, None where nothing does."""
    container = project.container()
    if container is None:
        return Complaint("Its container is gone.", known=True)
    with Engine(socket_path) as engine:
        diagnosis = diagnosed(engine.logs(container.id, 40))
    if not container.running or container.state == "restarting":
        return Complaint(diagnosis or "Its server does not run.", known=diagnosis is not None)
    try:
        server = server_in(container, superuser=superuser)
        row = {**server.row(QUERY), **server.row(_REPLICA)}
        complaint = complaint_of_replica(row, float("inf"))
        if complaint is None and int(row["version"]) >= _COLLATIONS_SINCE and server.row(_COLLATIONS)["different"]:
            return Complaint(str(diagnosed("has a collation version mismatch")), known=True)
        complaint = complaint or answers_otherwise(project.answers, server)
    except HostSideError as failure:
        return Complaint(diagnosis or f"It cannot be asked: {failure.sentence}", known=diagnosis is not None)
    if complaint is None:
        return None
    deaf = row.get("receiver") != "streaming" and not row.get("paused")
    return Complaint(
        (diagnosis if deaf else None) or f"It must not be read from: {complaint}.", known=deaf and diagnosis is not None
    )


def answers_otherwise(wanted: Mapping[str, str], server: PostgresServer) -> str | None:
    """Which of the primary's settings that change an answer this server does not have; None where it has all."""
    if not wanted:
        return None
    has = server.row(_ANSWERS % ",".join(f'"{name}"' for name in sorted(wanted)))["answers"]
    different = [name for name, value in sorted(wanted.items()) if has.get(name, "") not in (value, None)]
    if not different:
        return None
    return f"it answers otherwise than its primary, which has another {', '.join(different[:_MOST_NAMED])}"


def _figures(container: Container, superuser: str) -> dict[str, Any]:
    """What the replica's server says of itself; nothing where it does not answer."""
    try:
        server = server_in(container, superuser=superuser)
        row = {**server.row(QUERY), **server.row(_REPLICA)}
    except HostSideError:
        return {}
    return {
        "version": row["version"],
        "system_identifier": row["system_identifier"],
        "pending_restart": row["pending_restart"],
        "streaming": row.get("receiver") == "streaming",
        "paused": bool(row.get("paused")),
        "lag_bytes": int(row.get("lag_bytes") or 0),
        "lag_seconds": lag_seconds(row),
    }
