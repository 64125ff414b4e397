"""What PgBouncer needs in Postgres: a role of its own, and a function that tells it one stored password at a time.

The function runs with its owner's rights and a search path of its own, so nobody can slip other tables or operators
under it (CVE-2025-12819); it knows no superuser, no replication role and nobody whose time has run out (CVE-2025-2291).
A schema or function of that name that another role made before us becomes the superuser's: its owner could replace it.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from ..postgres.psql import PostgresServer, literal
from ..postgres.scram import scram_verifier
from ..system.failure import HostSideError
from .ini import AUTH_USER

__all__ = [
    "connection_limits",
    "ensure_login",
    "is_plain_name",
    "login_is_there",
    "refuse_users",
    "remove_login",
    "server_facts",
    "user_problem",
]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,62}\Z")
_CREATE = """
BEGIN;
CREATE SCHEMA IF NOT EXISTS selextract_infra;
ALTER SCHEMA selextract_infra OWNER TO CURRENT_USER;
REVOKE ALL ON SCHEMA selextract_infra FROM PUBLIC;
CREATE OR REPLACE FUNCTION selextract_infra.pooler_login(wanted text) RETURNS TABLE (username text, password text)
LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $login$
  SELECT rolname::pg_catalog.text, rolpassword FROM pg_catalog.pg_authid
  WHERE rolname::pg_catalog.text OPERATOR(pg_catalog.=) wanted AND rolcanlogin AND NOT rolsuper AND NOT rolreplication
    AND (rolvaliduntil IS NULL OR rolvaliduntil OPERATOR(pg_catalog.>) pg_catalog.now())
$login$;
ALTER FUNCTION selextract_infra.pooler_login(text) OWNER TO CURRENT_USER;
REVOKE ALL ON FUNCTION selextract_infra.pooler_login(text) FROM PUBLIC;
GRANT USAGE ON SCHEMA selextract_infra TO @ROLE@;
GRANT EXECUTE ON FUNCTION selextract_infra.pooler_login(text) TO @ROLE@;
COMMENT ON FUNCTION selextract_infra.pooler_login(text) IS '@DIGEST@';
COMMIT;
""".replace("@ROLE@", AUTH_USER)
_DIGEST = "selextract-infra " + hashlib.sha256(_CREATE.encode()).hexdigest()[:16]
_LOOK = """
SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = '@ROLE@' AND rolcanlogin) AS role,
  EXISTS (SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = 'selextract_infra'
    AND proname = 'pooler_login' AND obj_description(p.oid, 'pg_proc') = '@DIGEST@'
    AND nspowner IN (SELECT oid FROM pg_roles WHERE rolsuper)
    AND proowner IN (SELECT oid FROM pg_roles WHERE rolsuper)) AS function
""".replace("@ROLE@", AUTH_USER).replace("@DIGEST@", _DIGEST)
_USER = """
SELECT coalesce((SELECT CASE WHEN rolsuper OR rolreplication THEN 'is a superuser or may replicate'
  WHEN NOT rolcanlogin THEN 'may not log in'
  WHEN rolvaliduntil <= now() THEN 'has expired'
  WHEN rolpassword IS NULL THEN 'has no password'
  WHEN rolpassword NOT LIKE 'SCRAM-SHA-256$%' THEN 'has a password that is not stored as SCRAM-SHA-256'
  ELSE '' END FROM pg_authid WHERE rolname = @USER@), 'does not exist') AS why
"""
_SERVER = """
SELECT current_setting('server_version_num')::int / 10000 AS version, pg_is_in_recovery() AS in_recovery,
  current_setting('max_connections')::int AS maximum,
  current_setting('superuser_reserved_connections')::int
    + coalesce(current_setting('reserved_connections', true)::int, 0) AS reserved
"""
_LIMITS = """
SELECT (SELECT rolconnlimit FROM pg_roles WHERE rolname = @USER@ AND NOT rolsuper) AS role,
  (SELECT datconnlimit FROM pg_database WHERE datname = @DATABASE@) AS database
"""
_EXISTS = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = '@ROLE@') AS found".replace("@ROLE@", AUTH_USER)
_REMOVE = """
BEGIN;
DROP FUNCTION IF EXISTS selextract_infra.pooler_login(text);
DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_namespace WHERE nspname = 'selextract_infra')
    AND NOT EXISTS (SELECT FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = 'selextract_infra')
    AND NOT EXISTS (SELECT FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'selextract_infra')
  THEN DROP SCHEMA selextract_infra;
  ELSIF EXISTS (SELECT FROM pg_namespace WHERE nspname = 'selextract_infra')
    AND EXISTS (SELECT FROM pg_roles WHERE rolname = '@ROLE@')
  THEN REVOKE ALL ON SCHEMA selextract_infra FROM @ROLE@;
  END IF;
END $$;
DROP ROLE IF EXISTS @ROLE@;
COMMIT;
""".replace("@ROLE@", AUTH_USER)


def server_facts(server: PostgresServer) -> dict[str, Any]:
    """Major version, whether it is a standby, how many connections there are and how many are not for the app."""
    return server.row(_SERVER)


def login_is_there(server: PostgresServer) -> bool:
    """Whether role and function are as they should be."""
    row = server.row(_LOOK)
    return bool(row["role"] and row["function"])


def refuse_users(server: PostgresServer, users: list[str]) -> None:
    """Raise ``HostSideError`` of kind ``refused`` for a user that could not log in through PgBouncer."""
    for user in users:
        problem = user_problem(server, user)
        if problem:
            raise HostSideError(f"{problem[0].upper()}{problem[1:]}.", kind="refused", rule="X-66")


def user_problem(server: PostgresServer, user: str) -> str | None:
    """Why a user could not log in through PgBouncer, None where it could."""
    if not is_plain_name(user):
        return f"{user[:60]!r} is not a name that PgBouncer is given here"
    why = server.row(_USER.replace("@USER@", literal(user)))["why"]
    if not why:
        return None
    role = f"; give the app a role of its own: CREATE ROLE {user}_app LOGIN PASSWORD ...; GRANT its tables to it"
    return f"user {user} {why}, so PgBouncer cannot let it in{role if 'superuser' in str(why) else ''}"


def is_plain_name(name: str) -> bool:
    """Whether PgBouncer's files can hold the name of this user or database without quoting."""
    return _NAME.match(name) is not None


def connection_limits(server: PostgresServer, user: str, database: str) -> dict[str, int]:
    """How many connections the role (``role``) and the database (``database``) may have; nothing where no limit is."""
    limits = server.row(_LIMITS.replace("@USER@", literal(user)).replace("@DATABASE@", literal(database)))
    return {kind: int(number) for kind, number in limits.items() if number is not None and int(number) >= 0}


def ensure_login(server: PostgresServer, password: str) -> None:
    """Make the role with this password, and the function. The server is told what it stores, never the password."""
    exists = server.row(_EXISTS)["found"]
    attributes = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT VALID UNTIL 'infinity'"
    verb = "ALTER" if exists else "CREATE"
    server.execute(f"{verb} ROLE {AUTH_USER} {attributes} PASSWORD {literal(scram_verifier(password))};")
    server.execute(_CREATE.replace("@DIGEST@", _DIGEST))


def remove_login(server: PostgresServer) -> None:
    """Take role and function away; none there is fine."""
    server.execute(_REMOVE)
