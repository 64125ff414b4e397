#!/bin/sh
# Postgres as its official image makes it: POSTGRES_USER is the superuser and POSTGRES_DB its database, made at the first
# start in PGDATA itself; what lies in /docker-entrypoint-initdb.d runs then.
set -eu
[ "$1" = postgres ] || exec "$@"
PATH="/usr/lib/postgresql/17/bin:$PATH"
if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" /var/run/postgresql
    chown -R postgres:postgres "$PGDATA" /var/run/postgresql
    chmod 700 "$PGDATA"
    exec setpriv --reuid postgres --regid postgres --init-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    password=${POSTGRES_PASSWORD:-$(cat "${POSTGRES_PASSWORD_FILE:-/dev/null}")}
    user=${POSTGRES_USER:-postgres} database=${POSTGRES_DB:-${POSTGRES_USER:-postgres}}
    printf '%s\n' "$password" > /tmp/password
    initdb --username "$user" --pwfile /tmp/password --auth-local trust --auth-host scram-sha-256 --no-instructions --no-sync > /dev/null
    rm /tmp/password
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
    echo "listen_addresses = '*'" >> "$PGDATA/postgresql.conf"
    pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start > /dev/null
    [ "$database" = postgres ] || psql -q -U "$user" -d postgres -c "CREATE DATABASE \"$database\""
    for script in /docker-entrypoint-initdb.d/*.sh; do
        [ -e "$script" ] && POSTGRES_USER=$user POSTGRES_DB=$database sh "$script"
    done
    pg_ctl -D "$PGDATA" -m fast -w stop > /dev/null
fi
exec "$@"
