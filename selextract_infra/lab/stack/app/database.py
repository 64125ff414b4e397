"""Tables and connections, shared by the API and the workers."""

import atexit
import os

from psycopg_pool import ConnectionPool

SCHEMA = """
CREATE TABLE IF NOT EXISTS items (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key        text UNIQUE NOT NULL,
    name       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS tasks (
    id          text PRIMARY KEY,
    batch       text NOT NULL,
    enqueued_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS tasks_batch ON tasks (batch);
CREATE TABLE IF NOT EXISTS task_events (
    task   text NOT NULL,
    batch  text NOT NULL,
    kind   text NOT NULL CHECK (kind IN ('started', 'completed')),
    worker text NOT NULL,
    at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX IF NOT EXISTS task_events_batch ON task_events (batch, task);
"""

# Any constant will do: it keeps several processes from creating the tables at the same moment.
SCHEMA_LOCK = 726_584


def pool(size):
    # A connection that died with the server it led to is found out before a request is served by it.
    connections = ConnectionPool(
        os.environ["DATABASE_URL"],
        min_size=1,
        max_size=size,
        timeout=20,
        open=True,
        check=ConnectionPool.check_connection,
    )
    with connections.connection() as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [SCHEMA_LOCK])
        connection.execute(SCHEMA)
    # Without this the pool's threads keep a process that wants to end for twenty seconds.
    atexit.register(connections.close)
    return connections
