"""PgBouncer's files as text: the same bytes for the same wishes, and nothing secret but in the login file."""

from __future__ import annotations

import re
from typing import Any

from ..system.failure import HostSideError

__all__ = [
    "ADMIN",
    "AUTH_DATABASE",
    "AUTH_USER",
    "CONFIG",
    "LONGEST_NUMBER",
    "RUN",
    "SHARE_SECONDS",
    "SUPERVISOR",
    "login_file",
    "rendered",
    "rendered_shared",
    "settings_of",
    "shared_by",
]

ADMIN = "pgbouncer"  # PgBouncer's own name for its console and for whoever comes by its socket as its own user
AUTH_USER = "selextract_pgbouncer"
AUTH_DATABASE = "selextract_login"
CONFIG = "/etc/pgbouncer"  # inside the container
RUN = "/run/pgbouncer"  # inside the container
LONGEST_NUMBER = 9  # processes are numbered from one; they know each other as peers
USUAL_IDLE = 600  # seconds; PgBouncer's own
SHARE_SECONDS = 90  # for which one process keeps the smaller pools while no second one comes

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,62}\Z")
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}\Z")
_HEADER = """\
; Written by selextract-infra. Edits here are lost at its next run; `selextract-infra pgbouncer on` changes the values.
"""

# The included file ends inside its section [pgbouncer]; beginning that section again would forget what it said.
SUPERVISOR = f"""\
#!/bin/sh
# Keeps PgBouncer running. Each USR1 starts one more beside those that run; they share the port, and the older ones
# are told to leave with their last client. USR2 ends every pause. When the last one has ended, so does this.
# HUP lets all of them have the smaller pools of two, so that both together stay within Postgres' connections; once one
# is alone again, or no second one came, it has the whole again.
# Names of servers are looked up here, each second. PgBouncer's own resolver keeps an address for as long as Docker says
# that it holds, ten minutes, whatever dns_max_ttl is; after the team's down and up Postgres may have another.
number=0
running=
waits=0
followed=

look_up() {{
    answers=$(timeout 1 getent ahosts "$1" 2>/dev/null | sed 's/ .*//')
    known=$(cat {RUN}/address.$1 2>/dev/null)
    for address in $answers; do [ "$address" = "$known" ] && return; done
    for address in $answers; do echo "$address" > {RUN}/address.$1; return; done
}}

follow() {{
    source={CONFIG}/pgbouncer.ini
    [ -e {RUN}/sharing ] && source={CONFIG}/shared.ini
    lines=$(grep ' = host=[^/]' "$source")
    for name in $(echo "$lines" | sed 's/.* = host=//; s/ .*//' | sort -u); do
        look_up "$name"
        address=$(cat {RUN}/address.$name 2>/dev/null)
        lines=$(echo "$lines" | sed "s/ = host=$name / = host=${{address:-$name}} /")
    done
    [ "$lines" != "$followed" ] || return 1
    followed=$lines
    {{ echo '[databases]'; echo "$lines"; }} > {RUN}/databases.new
    mv {RUN}/databases.new {RUN}/databases.ini
}}

start() {{
    follow
    number=$((number % {LONGEST_NUMBER} + 1))
    mkdir -p {RUN}/$number
    cat > {RUN}/$number.ini <<INI
%include {CONFIG}/pgbouncer.ini
peer_id = $number
unix_socket_dir = {RUN}/$number
%include {RUN}/databases.ini
INI
    pgbouncer {RUN}/$number.ini &
    running="$running $!"
    waits=0
}}

share() {{
    : > {RUN}/sharing
    waits={SHARE_SECONDS}
    follow
    tell HUP
}}

alone() {{
    rm -f {RUN}/sharing
    follow
    tell HUP
}}

look() {{
    there=
    for process in $running; do
        kill -0 "$process" 2>/dev/null && there="$there $process"
    done
    running=$there
    set -- $running
    [ $# -gt 0 ] || exit 1
    [ $# -eq 1 ] && [ -e {RUN}/sharing ] || return 0
    [ "$waits" -gt 0 ] && waits=$((waits - 1)) || alone
}}

tell() {{
    for process in $running; do
        kill -"$1" "$process" 2>/dev/null
    done
}}

leave() {{
    tell INT
    wait
    exit 0
}}

rm -rf {RUN}/[0-9]* {RUN}/address.* {RUN}/sharing
trap start USR1
trap 'tell USR2' USR2
trap share HUP
trap leave TERM INT
start
while :; do
    sleep 1 &
    wait $!
    look
    follow && tell HUP
done
"""


def settings_of(wanted: dict[str, Any]) -> dict[str, str]:
    """The section ``[pgbouncer]`` for ``wanted``, sorted; what is hitless rests on is the same in each."""
    pools = wanted["pools"]
    return dict(
        sorted(
            {
                "admin_users": "",
                "auth_dbname": AUTH_DATABASE,
                "auth_file": f"{CONFIG}/userlist.txt",
                "auth_query": "SELECT username, password FROM selextract_infra.pooler_login($1)",
                "auth_type": "scram-sha-256",
                "auth_user": AUTH_USER,
                "client_login_timeout": f"{wanted['query_wait']:g}",  # a login waits out a pause like a query
                "client_tls_ca_file": f"{CONFIG}/tls.crt",  # it does not start without one
                "client_tls_cert_file": f"{CONFIG}/tls.crt",
                "client_tls_key_file": f"{CONFIG}/tls.key",
                "client_tls_sslmode": "prefer",
                "default_pool_size": str(pools["pool"]),
                "ignore_startup_parameters": "extra_float_digits",
                "listen_addr": "*",
                "listen_port": str(wanted["port"]),
                "log_connections": "0",
                "log_disconnections": "0",
                "max_client_conn": str(pools["clients"]),
                "max_prepared_statements": str(wanted["prepared_statements"]),
                "pool_mode": "transaction",
                "query_wait_timeout": f"{wanted['query_wait']:g}",
                "reserve_pool_size": str(pools["reserve"]),
                "server_idle_timeout": f"{wanted.get('idle') or USUAL_IDLE:g}",
                "server_login_retry": "1",
                "server_tls_sslmode": "prefer",
                "so_reuseport": "1",
                "stats_users": "",
            }.items()
        )
    )


def rendered(wanted: dict[str, Any]) -> str:
    """``pgbouncer.ini``. Raises ``HostSideError`` of kind ``usage`` for a name that would need quoting there."""
    lines = [_HEADER, "[databases]"]
    for alias, database in sorted(databases_of(wanted).items()):
        lines.append(f"{alias} = " + " ".join(f"{key}={value}" for key, value in database.items()))
    lines += ["", "[peers]"]
    lines += [f"{number} = host={RUN}/{number} port={wanted['port']}" for number in range(1, LONGEST_NUMBER + 1)]
    lines += ["", "[pgbouncer]", *(f"{key} = {value}".rstrip() for key, value in settings_of(wanted).items())]
    return "\n".join(lines) + "\n"


def rendered_shared(wanted: dict[str, Any]) -> str:
    """``shared.ini``: the databases once more, with the smaller pools that each of two processes has."""
    shares = shared_by(wanted)
    lines = [_HEADER, "[databases]"]
    for alias, database in sorted(databases_of(wanted).items()):
        share = str(shares[alias])
        smaller = {**database, "pool_size": share, "reserve_pool_size": "0", "max_db_connections": share}
        lines.append(f"{alias} = " + " ".join(f"{key}={value}" for key, value in smaller.items()))
    return "\n".join(lines) + "\n"


def shared_by(wanted: dict[str, Any]) -> dict[str, int]:
    """By alias, how many connections each of two processes may have."""
    shares = {alias: int(database["shared"]) for alias, database in wanted["databases"].items()}
    return {**shares, AUTH_DATABASE: int(wanted["pools"]["shared_login"])}


def databases_of(wanted: dict[str, Any]) -> dict[str, dict[str, str]]:
    """By alias, where its connections go and how many there may be."""
    databases: dict[str, dict[str, str]] = {}
    for alias, database in wanted["databases"].items():
        databases[_plain(alias, _NAME)] = {
            "host": _plain(database["host"], _HOST),
            "port": str(int(database["port"])),
            "dbname": _plain(database["database"], _NAME),
            "pool_size": str(int(database["pool"])),
            "reserve_pool_size": str(int(database["reserve"])),
            "max_db_connections": str(int(database["most"])),
        }
    server = wanted["server"]
    databases[AUTH_DATABASE] = {
        "host": _plain(server["host"], _HOST),
        "port": str(int(server["port"])),
        "dbname": "postgres",
        "pool_size": str(int(wanted["pools"]["login"])),
        "reserve_pool_size": "0",
        "max_db_connections": str(int(wanted["pools"]["login"])),
    }
    return databases


def login_file(password: str) -> str:
    """``userlist.txt``: who looks up everybody else's password in Postgres."""
    return f'"{AUTH_USER}" "{password}"\n'


def _plain(text: Any, allowed: re.Pattern[str]) -> str:
    if not allowed.match(str(text)):
        raise HostSideError(f"{str(text)[:60]!r} cannot be a name in pgbouncer.ini.", kind="usage")
    return str(text)
