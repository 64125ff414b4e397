"""The primary's side of a replica: TLS, a role, a line in ``pg_hba.conf``, a slot; made, checked and taken away."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..postgres.hba import has_line, with_line, without_line
from ..postgres.psql import Server, literal
from ..system.certificate import self_made_certificate
from ..system.failure import HostSideError
from ..system.waiting import waited_for

__all__ = ["CERTIFICATE", "Primary"]

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


class Primary:
    """What one replica needs on the primary; ``name`` is that of its role and of its slot.

    Raises ``HostSideError`` of kind ``postgres`` for everything that the server refuses.
    """

    def __init__(self, server: Server, name: str) -> None:
        self.server = server
        self.name = name
        self.before: dict[str, Any] = server.row(_STATE.format(name=literal(name)))
        self.hba: str = server.read(self.before["hba"])

    @property
    def ready(self) -> bool:
        """Whether everything but the role's password is there."""
        there = self.before["ssl"] and self.before["role"] and self.before["slot"] and not self.before["lost"]
        return bool(there and has_line(self.hba, self.name))

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
        found = {str(row["name"]): str(row["setting"]) for row in rows}
        return {name: found.get(name) for name in names}
