"""Look at a Postgres server in a container: version, role, settings in force, connections, replicas."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import Any

from ..docker.containers import Container, mount_of
from ..docker.engine import Engine
from ..docker.instances import instances_of
from ..system.failure import HostSideError
from .psql import server_in

__all__ = ["database_container", "look_at_postgres", "look_query", "settings_query"]

# What one of these sets Postgres marks as waiting for a restart where a file says otherwise; a restart changes nothing.
_PINNED = ("command line", "environment variable", "override")

_BOUND = 20.0  # seconds for the answer

_QUERY = """
SELECT json_build_object(
 'version', current_setting('server_version_num')::int / 10000,
 'server_version', current_setting('server_version'),
 'system_identifier', (SELECT system_identifier::text FROM pg_control_system()),
 'started_at', pg_postmaster_start_time(),
 'in_recovery', pg_is_in_recovery(),
 'data_directory', current_setting('data_directory'),
 'config_file', current_setting('config_file'),
 'database_bytes', (SELECT coalesce(sum(pg_database_size(oid)), 0)::bigint FROM pg_database WHERE datallowconn),
 'lz4', (SELECT coalesce('lz4' = ANY(enumvals), false) FROM pg_settings WHERE name = 'wal_compression'),
 'connections', (SELECT json_build_object(
   'open', count(*), 'active', count(*) FILTER (WHERE state = 'active'),
   'idle_in_transaction', count(*) FILTER (WHERE state LIKE 'idle in transaction%%'))
   FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()),
 'settings', (%(settings)s),
 'pending_restart', (SELECT coalesce(json_agg(name ORDER BY name), '[]') FROM pg_settings
   WHERE pending_restart AND NOT source = ANY (%(pinned)s)),
 'command_line', (SELECT coalesce(json_object_agg(name, setting), '{}') FROM pg_settings
   WHERE source = 'command line'),
 'role_settings', (SELECT coalesce(json_agg(json_build_object('database', datname, 'role', rolname,
   'name', split_part(one, '=', 1), 'value', substr(one, strpos(one, '=') + 1))), '[]')
   FROM pg_db_role_setting LEFT JOIN pg_database d ON d.oid = setdatabase LEFT JOIN pg_roles r ON r.oid = setrole,
   unnest(setconfig) one WHERE split_part(one, '=', 1) = ANY(%(names)s)),
 'limits', (SELECT coalesce(json_agg(json_build_object('subject', subject, 'connections', most, 'open', open)
   ORDER BY subject), '[]') FROM (
   SELECT 'role ' || rolname AS subject, rolconnlimit AS most, (SELECT count(*) FROM pg_stat_activity
     WHERE usesysid = r.oid AND backend_type = 'client backend') AS open
   FROM pg_roles r WHERE rolconnlimit >= 0 AND rolcanlogin AND NOT rolsuper
   UNION ALL SELECT 'database ' || datname, datconnlimit, (SELECT count(*) FROM pg_stat_activity
     WHERE datid = d.oid AND backend_type = 'client backend')
   FROM pg_database d WHERE datconnlimit >= 0 AND datallowconn) limited),
 'replicas', (SELECT coalesce(json_agg(json_build_object('name', application_name, 'address', host(client_addr),
   'state', state, 'sync_state', sync_state, 'lag_bytes', pg_wal_lsn_diff(%(here)s, replay_lsn)::bigint,
   'lag_seconds', extract(epoch FROM replay_lag)::float8) ORDER BY application_name), '[]') FROM pg_stat_replication),
 'slots', (SELECT coalesce(json_agg(json_build_object('name', slot_name, 'kind', slot_type, 'active', active,
   'wal_status', wal_status, 'retained_bytes', pg_wal_lsn_diff(%(here)s, restart_lsn)::bigint) ORDER BY slot_name),
   '[]') FROM pg_replication_slots),
 'standby', CASE WHEN pg_is_in_recovery() THEN (SELECT json_build_object(
   'receiving', EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming'),
   'primary_host', (SELECT sender_host FROM pg_stat_wal_receiver),
   'slot', (SELECT slot_name FROM pg_stat_wal_receiver),
   'replay_paused', pg_is_wal_replay_paused(),
   'replay_lag_bytes', pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::bigint,
   'replayed_seconds', extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8)) END)
"""
_HERE = "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END"
_SETTINGS = """
SELECT coalesce(json_object_agg(name, json_build_object('value', setting, 'unit', unit, 'source', source,
 'file', sourcefile, 'pending_restart', pending_restart AND NOT source = ANY (%s))), '{}')
 FROM pg_settings WHERE name = ANY(%s)
"""


def settings_query(names: Iterable[str]) -> str:
    """The statement that returns parameters by name as an Observation has them."""
    return _SETTINGS % (_array(_PINNED), _array(names))


def look_query(names: Iterable[str]) -> str:
    """The statement that returns all that is looked at, as one JSON value."""
    wanted = list(names)
    return _QUERY % {
        "settings": settings_query(wanted),
        "names": _array(wanted),
        "here": _HERE,
        "pinned": _array(_PINNED),
    }


def database_container(containers: list[Container], project: str, service: str) -> Container | None:
    """The running container of a database service, None where there is none."""
    return next((each for each in instances_of(containers, project, service) if each.running), None)


def look_at_postgres(
    engine: Engine, containers: list[Container], databases: list[dict[str, Any]], names: list[str]
) -> dict[str, Any] | None:
    """What is to be seen of the first of the mapped database services that runs here; None where none does.

    Each of ``databases`` has ``project``, ``service``, ``superuser`` and ``socket``; ``names`` are the parameters
    that are wanted. A server that does not answer says so in ``problem``.
    """
    for mapped in databases:
        container = database_container(containers, mapped["project"], mapped["service"])
        if container is not None:
            return {
                "project": mapped["project"],
                "service": mapped["service"],
                "container": container.name,
                **_asked(engine, container, mapped, names),
            }
    return None


def _asked(engine: Engine, container: Container, mapped: dict[str, Any], names: list[str]) -> dict[str, Any]:
    try:
        server = server_in(container, superuser=mapped["superuser"], socket=mapped.get("socket"))
        answer = dict(json.loads(server.execute(look_query(names), bound=_BOUND)))
        details = engine.inspect(container.id) or {}
    except ValueError:
        return {"problem": "What Postgres answers is not understood."}
    except HostSideError as failure:
        return {"problem": failure.sentence}
    total, free = _disk(mount_of(details, answer["data_directory"]))
    shm_size = (details.get("HostConfig") or {}).get("ShmSize") or None
    return {**answer, "disk_total": total, "disk_free": free, "shm_size": shm_size, "problem": None}


def _disk(mount: dict[str, Any] | None) -> tuple[int | None, int | None]:
    if mount is None:
        return None, None
    try:
        sizes = os.statvfs(str(mount.get("Source")))
    except OSError:
        return None, None
    return sizes.f_blocks * sizes.f_frsize, sizes.f_bavail * sizes.f_frsize


def _array(names: Iterable[str]) -> str:
    quoted = ",".join("'" + name.replace("'", "''") + "'" for name in names)
    return f"ARRAY[{quoted}]::text[]"
