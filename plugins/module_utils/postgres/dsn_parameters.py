"""What an app's address asks for beside user, host and database, and what of it a pooler can keep.

A driver keeps some parameters to itself and sends every other one to the server as it logs in. PgBouncer refuses a
login with a parameter that it does not know ("unsupported startup parameter", measured with 1.24), so such an app would
be down for good once it is led through it.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from ..system.failure import HostSideError

__all__ = ["refuse_parameters", "startup_parameters", "wants_tls"]

# Sent at login, and told on to Postgres by PgBouncer for each client.
_CARRIED = (
    "application_name", "client_encoding", "datestyle", "timezone", "intervalstyle", "standard_conforming_strings",
    "extra_float_digits",
)  # fmt: skip
# Kept by libpq, psycopg, asyncpg, SQLAlchemy, pgx, pq, node-postgres, Prisma, Rails and pgjdbc; never sent.
_KEPT = (
    "applicationname", "binarytransfer", "channel_binding", "checkout_timeout", "command_timeout",
    "conn_health_checks", "conn_max_age", "connect_timeout", "connection_limit", "connecttimeout",
    "default_query_exec_mode", "description_cache_capacity", "fallback_application_name", "gssencmode",
    "idle_timeout", "keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval", "load_balance_hosts",
    "logintimeout", "max_cacheable_statement_size", "max_cached_statement_lifetime", "max_overflow", "max_pool_size",
    "min_pool_size", "pgbouncer", "pool", "pool_health_check_period", "pool_max_conn_idle_time",
    "pool_max_conn_lifetime", "pool_max_conn_lifetime_jitter", "pool_max_conns", "pool_min_conns", "pool_pre_ping",
    "pool_recycle", "pool_size", "pool_timeout", "pool_use_lifo", "prepare_threshold",
    "prepared_statement_cache_size", "prepared_statement_name_func", "prepared_statements",
    "preparedstatementcachequeries", "preparedstatementcachesizemib", "preparethreshold", "query_timeout",
    "reaping_frequency", "rewritebatchedinserts", "socket_timeout", "sockettimeout", "ssl",
    "ssl_max_protocol_version", "ssl_min_protocol_version", "sslcompression", "sslmode", "sslnegotiation", "sslsni",
    "statement_cache_capacity", "statement_cache_size", "stringtype", "target_session_attrs", "tcp_user_timeout",
    "tcpkeepalive", "timeout", "user",
)  # fmt: skip
# Kept too, but only some values leave a way through PgBouncer.
_VALUES = {
    "sslmode": ("disable", "allow", "prefer", "require", "no-verify"),
    "ssl": ("true", "false", "1", "0", "disable", "allow", "prefer", "require", "no-verify"),
    "gssencmode": ("disable", "prefer"),
    "channel_binding": ("disable", "prefer"),
    "sslnegotiation": ("postgres",),
    "target_session_attrs": ("any", "read-write", "primary", "prefer-standby"),
    "load_balance_hosts": ("disable",),
}
_ELSEWHERE = {
    "host": "names its server in its options",
    "hostaddr": "names its server in its options",
    "port": "names its port in its options",
    "dbname": "names its database in its options",
    "service": "takes its server from a service file",
    "servicefile": "takes its server from a service file",
    "passfile": "takes its password from a file",
    "sslrootcert": "asks for a certificate of a known authority, which a self-made one is not",
    "sslcert": "logs in with a certificate of its own",
    "sslkey": "logs in with a certificate of its own",
    "replication": "asks for replication, which no pooler offers",
    "requirepeer": "asks for a local socket",
}
_OPTION = re.compile(r"(?:-c\s*|--)([A-Za-z_][A-Za-z0-9_.-]*)\s*=")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,62}\Z")
_TLS = ("require", "true", "1", "no-verify")


def refuse_parameters(resolved: str) -> None:
    """Raise ``HostSideError`` of kind ``refused`` naming the first parameter that would not get through PgBouncer.

    ``resolved`` is the address with all references filled in; no value of it is in the sentence.
    """
    for name, value in _pairs(resolved):
        plain = name.lower()
        if plain in _ELSEWHERE:
            raise _refused(_ELSEWHERE[plain])
        if plain in _VALUES and value.lower() not in _VALUES[plain]:
            raise _refused(f"asks for a {plain} that does not go through PgBouncer")
        if plain in _KEPT or plain in _CARRIED:
            continue
        inside = sorted(set(_OPTION.findall(value))) if plain == "options" else []
        shown = name if _WORD.match(name) else "of a name that is no plain word"
        what = f"{', '.join(inside)} (in options)" if inside else shown
        raise _refused(
            f"asks for the startup parameter {what}, which PgBouncer does not hand on; set it for the role"
            " (ALTER ROLE ... SET ...) and take it out of the address"
        )


def startup_parameters(resolved: str) -> dict[str, str]:
    """The parameters that a driver sends to the server as it logs in."""
    return {name.lower(): value for name, value in _pairs(resolved) if name.lower() in _CARRIED}


def wants_tls(resolved: str) -> bool:
    """Whether the app connects with TLS or not at all."""
    return any(name.lower() in ("sslmode", "ssl") and value.lower() in _TLS for name, value in _pairs(resolved))


def _pairs(resolved: str) -> list[tuple[str, str]]:
    return parse_qsl(resolved.partition("?")[2], keep_blank_values=True)


def _refused(why: str) -> HostSideError:
    return HostSideError(f"it {why}", kind="refused", rule="mapping")
