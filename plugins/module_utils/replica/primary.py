"""The primary's side of a replica: TLS, a role, a line in ``pg_hba.conf``, a slot; made, checked, taken away."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from ..docker.engine import Engine
from ..postgres.hba import has_line, with_line, without_line
from ..postgres.psql import PostgresServer, find_server, literal
from ..state.act import Act, Work, by_state
from ..state.lock import begun_step
from ..state.options import DOCKER, SERVER, STATE, STEP
from ..state.undoing import Undoing
from ..system.certificate import self_made_certificate
from ..system.failure import HostSideError
from ..system.waiting import waited_for

__all__ = ["CERTIFICATE", "REPLICATION_PRIMARY", "Primary", "undo_replication", "undo_replication_settings"]

CERTIFICATE = ("selextract-server.crt", "selextract-server.key")
_SLOT_BOUND = 20.0  # seconds until a walsender that lost its replica has let go of its slot
_QUIET = (
    "SET log_statement = 'none'; SET log_min_duration_statement = -1; SET log_min_error_statement = 'panic';"
    " SET log_min_messages = 'panic'; SET pg_stat_statements.track_utility = off;"
)
"""What is said of a role's password stays out of the server's log and statistics."""

_STATE = """
SELECT current_setting('data_directory') AS data, current_setting('hba_file') AS hba,
  current_setting('ssl') = 'on' AS ssl,
  (SELECT count(*) FROM pg_roles WHERE rolname = {name} AND rolreplication) > 0 AS role,
  (SELECT active_pid FROM pg_replication_slots WHERE slot_name = {name}) AS pid,
  (SELECT count(*) FROM pg_replication_slots WHERE slot_name = {name}) > 0 AS slot,
  (SELECT coalesce(wal_status = 'lost', false) FROM pg_replication_slots WHERE slot_name = {name}) AS lost
"""
_LET_IN = "SELECT count(*) > 0 AS done FROM pg_hba_file_rules WHERE {} = ANY (user_name) AND error IS NULL"
_SLOT = "SELECT slot_name, active_pid FROM pg_replication_slots WHERE slot_name = {}"
_DROP_SLOT = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = {} AND NOT active;"
_OWN_SETTINGS = (
    "SELECT name, setting FROM pg_file_settings WHERE sourcefile LIKE '%/postgresql.auto.conf' AND name IN ({})"
)
_CAUGHT_UP = """
SELECT s.active AND r.state = 'streaming' AND r.replay_lsn >= '{lsn}'::pg_lsn AS done, r.replay_lsn::text AS lsn
FROM pg_replication_slots s LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid WHERE s.slot_name = {name}
"""
_TLS = ["ssl", "ssl_cert_file", "ssl_key_file"]
_REACHED = ("project", "service", "superuser", "socket")


class Primary:
    """What one replica needs on the primary; ``name`` is that of its role and of its slot.

    Raises ``HostSideError`` of kind ``postgres`` for everything that the server refuses.
    """

    def __init__(self, server: PostgresServer, name: str) -> None:
        self.server = server
        self.name = name
        self.before: dict[str, Any] = server.row(_STATE.format(name=literal(name)))
        self.hba: str = server.read(self.before["hba"])

    @property
    def ready(self) -> bool:
        """Whether everything but the role's password is there."""
        present = self.before["ssl"] and self.before["role"] and self.before["slot"] and not self.before["lost"]
        return bool(present and has_line(self.hba, self.name))

    @property
    def absent(self) -> bool:
        """Whether nothing of it is there."""
        return not (self.before["role"] or self.before["slot"] or has_line(self.hba, self.name))

    def offer_tls(self) -> None:
        """Switch TLS on, with a certificate of its own making where the server has none; a reload is enough."""
        if self.before["ssl"]:
            return
        for file, content in zip(CERTIFICATE, self_made_certificate(self.server.name)):
            self.server.write(os.path.join(self.before["data"], file), content, new=True)
        certificate, key = CERTIFICATE
        self.server.execute(
            f"ALTER SYSTEM SET ssl_cert_file = {literal(certificate)}; ALTER SYSTEM SET ssl_key_file = {literal(key)};"
            " ALTER SYSTEM SET ssl = on;"
        )
        self.reload("SELECT current_setting('ssl') = 'on' AS done", "TLS")

    def set(self, settings: Mapping[str, str]) -> None:
        """Set parameters that a reload brings into force."""
        if not settings:
            return
        self.server.execute("".join(f"ALTER SYSTEM SET {name} = {literal(settings[name])};" for name in settings))
        self.server.execute("SELECT pg_reload_conf();")

    def reload(self, condition: str, what: str) -> None:
        """Reload the configuration and wait until a query's ``done`` holds."""
        self.server.execute("SELECT pg_reload_conf();")
        reached = waited_for(lambda: bool(self.server.row(condition)["done"]), bound=10.0)
        if not reached:
            raise HostSideError(
                f"{self.server.name}: {what} is not in force after a reload; a command-line argument or another file"
                " says otherwise.",
                kind="postgres",
            )

    def admit(self, verifier: str | None) -> None:
        """Make the role, or give it another password, and let it in; ``verifier`` None leaves its password."""
        if verifier is not None:
            verb = "ALTER" if self.before["role"] else "CREATE"
            self.server.execute(
                f"{_QUIET} {verb} ROLE {self.name} LOGIN REPLICATION NOSUPERUSER NOCREATEDB NOCREATEROLE"
                f" PASSWORD {literal(verifier)};"
            )
        if not has_line(self.hba, self.name):
            self.server.write(self.before["hba"], with_line(self.hba, self.name))
            self.reload(_LET_IN.format(literal(self.name)), f"the line for {self.name} in pg_hba.conf")

    def keep_wal(self, *, fresh: bool) -> None:
        """Make the slot; a ``fresh`` replica gets a fresh one, so that no WAL is held for one that is gone."""
        if self.before["slot"] and not (fresh or self.before["lost"]):
            return
        self.release()
        self.server.execute(f"SELECT pg_create_physical_replication_slot({literal(self.name)}, true);")

    def release(self) -> None:
        """Drop the slot. A walsender that still serves a replica which is gone is ended first."""
        query = _SLOT.format(literal(self.name))

        def gone() -> bool:
            rows = self.server.rows(query)
            if rows and rows[0]["active_pid"]:
                self.server.execute(f"SELECT pg_terminate_backend({int(rows[0]['active_pid'])});")
                return False
            if rows:
                self.server.execute(_DROP_SLOT.format(literal(self.name)))
            return not self.server.rows(query)

        if not waited_for(gone, bound=_SLOT_BOUND):
            raise HostSideError(
                f"{self.server.name}: the slot {self.name} is still in use, so it was not dropped.", kind="postgres"
            )

    def dismiss(self) -> None:
        """Take line, slot and role away. The line goes first, so that nobody comes back meanwhile."""
        if has_line(self.hba, self.name):
            self.server.write(self.before["hba"], without_line(self.hba, self.name))
            self.server.execute("SELECT pg_reload_conf();")
        self.release()
        self.server.execute(f"DROP ROLE IF EXISTS {self.name};")

    def put_settings_back(self, before: Mapping[str, str | None]) -> None:
        """Bring parameters back to what ``postgresql.auto.conf`` said of them; None for nothing."""
        for name, value in before.items():
            word = f"RESET {name}" if value is None else f"SET {name} = {literal(value)}"
            self.server.execute(f"ALTER SYSTEM {word};")
        self.server.execute("SELECT pg_reload_conf();")

    def own_settings(self, names: list[str]) -> dict[str, str | None]:
        """What ``postgresql.auto.conf`` says of these parameters now."""
        listed = ", ".join(literal(name) for name in names)
        rows = self.server.rows(_OWN_SETTINGS.format(listed))
        settings = {str(row["name"]): str(row["setting"]) for row in rows}
        return {name: settings.get(name) for name in names}


def _present(work: Work) -> dict[str, Any]:
    given, primary = work.params, _primary(work)
    wanted = {name: str(value) for name, value in given["settings"].items()}
    own = primary.own_settings([*wanted, *_TLS])
    settings = {name: value for name, value in wanted.items() if own[name] != value}
    changed = bool(settings or given["fresh"] or not primary.ready)
    if work.check_mode or not changed:
        return {"changed": changed}
    record, step_id = begun_step(work.params), given["step_id"]
    reached = {name: given[name] for name in _REACHED}
    touched = [*settings, *(() if primary.before["ssl"] else _TLS)]
    before = {name: own[name] for name in touched}
    record.note_inverse(step_id, "replication_settings", {**reached, "before": before})
    if primary.absent or given["fresh"]:
        record.note_inverse(step_id, "replication", {**reached, "name": given["name"]})
    primary.offer_tls()
    primary.set(settings)
    primary.admit(given["verifier"] if given["fresh"] or not primary.before["role"] else None)
    primary.keep_wal(fresh=given["fresh"])
    return {"changed": True}


def _absent(work: Work) -> dict[str, Any]:
    primary = _primary(work)
    changed = not primary.absent
    if work.check_mode:
        return {"changed": changed}
    record = begun_step(work.params)
    if changed:
        primary.dismiss()
    record.end_step(work.params["step_id"], "verified", time.time())
    return {"changed": changed}


def _checked(work: Work) -> dict[str, Any]:
    """Wait until it streams and has replayed what the primary had written when the wait began."""
    given = work.params
    if work.check_mode:
        return {"changed": False, "lsn": ""}
    record, server = begun_step(work.params), _server(work.params, given["docker_socket"])
    lsn = server.row("SELECT pg_current_wal_lsn()::text AS lsn")["lsn"]
    query = _CAUGHT_UP.format(lsn=lsn, name=literal(given["name"]))
    rows: list[dict[str, Any]] = []

    def caught_up() -> bool:
        rows[:] = server.rows(query)
        return bool(rows and rows[0]["done"])

    if not waited_for(caught_up, given["bound_seconds"]):
        raise HostSideError(
            f"After {given['bound_seconds']:.0f} s the replica of slot {given['name']} has not replayed what the"
            " primary has written.",
            kind="gate",
        )
    record.end_step(given["step_id"], "verified", time.time())
    return {"changed": False, "lsn": rows[0]["lsn"]}


def _primary(work: Work) -> Primary:
    return Primary(_server(work.params, work.params["docker_socket"]), work.params["name"])


def _server(reached: Mapping[str, Any], socket_path: str) -> PostgresServer:
    with Engine(socket_path) as engine:
        return find_server(
            engine,
            socket_path,
            reached["project"],
            reached["service"],
            superuser=reached["superuser"],
            socket=reached["socket"],
        )


def undo_replication(undoing: Undoing, inverse: dict[str, Any]) -> None:
    """Take away what a replica got on the primary."""
    primary = Primary(_server(inverse, undoing.socket_path), inverse["name"])
    if primary.absent:
        return
    if not undoing.check:
        primary.dismiss()
    undoing.done.append(f"Slot, role and pg_hba.conf line of {inverse['name']} were taken away.")


def undo_replication_settings(undoing: Undoing, inverse: dict[str, Any]) -> None:
    """Bring parameters of the primary back to what they were."""
    if not inverse["before"]:
        return
    primary = Primary(_server(inverse, undoing.socket_path), "selextract")
    if not undoing.check:
        primary.put_settings_back(inverse["before"])
    undoing.done.append(f"{', '.join(sorted(inverse['before']))} of the primary are as before.")


REPLICATION_PRIMARY = Act(
    "replication_primary",
    {
        **SERVER,
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent", "checked"], "default": "present"},
        "verifier": {"type": "str", "no_log": True},
        "fresh": {"type": "bool", "default": False},
        "settings": {"type": "dict", "default": {}},
        "bound_seconds": {"type": "float", "default": 120},
        **STEP,
        **DOCKER,
        **STATE,
    },
    by_state(present=_present, absent=_absent, checked=_checked),
)
