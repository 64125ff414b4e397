#!/bin/sh
# Creates the cluster at the first start; then Postgres replaces this shell and is process 1.
set -eu
bin=/usr/lib/postgresql/17/bin
data=/var/lib/postgresql/data/pgdata
if [ ! -s "$data/PG_VERSION" ]; then
    rm -rf "$data.new"
    "$bin/initdb" --pgdata "$data.new" --auth-local trust --auth-host scram-sha-256 --encoding UTF8 --locale C.UTF-8 \
        --no-instructions --no-sync
    printf '%s\n' "host all all all scram-sha-256" >> "$data.new/pg_hba.conf"
    # A start for a small container. Whoever tunes the database may say otherwise, which arguments would not allow.
    cat >> "$data.new/postgresql.conf" <<'CONF'
shared_buffers = 64MB
work_mem = 2MB
maintenance_work_mem = 16MB
effective_cache_size = 160MB
CONF
    # Until it is ready it listens on its socket only, so that nothing takes it for the finished database.
    "$bin/pg_ctl" --pgdata "$data.new" --options "-c listen_addresses=''" --wait start
    psql --quiet --set ON_ERROR_STOP=1 --set password="$POSTGRES_PASSWORD" --dbname postgres <<'SQL'
CREATE ROLE selextract LOGIN PASSWORD :'password';
CREATE DATABASE selextract OWNER selextract;
SQL
    "$bin/pg_ctl" --pgdata "$data.new" --mode fast --wait stop
    mv "$data.new" "$data"
    sync
fi
# What the team's own arithmetic of connections rests on is not for tuning.
exec "$bin/postgres" -D "$data" -c listen_addresses='*' -c max_connections=50
