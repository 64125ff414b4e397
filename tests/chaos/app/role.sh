#!/bin/sh
# An ordinary role for the application, which owns its database.
set -eu
psql -q -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres -v password="${APP_PASSWORD:-$(cat "${POSTGRES_PASSWORD_FILE:-/dev/null}")}" -v database="$POSTGRES_DB" <<'SQL'
CREATE ROLE seller LOGIN PASSWORD :'password';
ALTER DATABASE :"database" OWNER TO seller;
SQL
