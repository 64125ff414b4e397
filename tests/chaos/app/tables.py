"""The shop's database: by one address, or by its parts; the password may be in a file."""

import os

import psycopg

TABLES = """
CREATE TABLE IF NOT EXISTS orders (id text PRIMARY KEY);
CREATE TABLE IF NOT EXISTS task_ends (task text NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS migrations (at timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS consumers (host text PRIMARY KEY, at timestamptz NOT NULL);
"""


def connect():
    if "DATABASE_URL" in os.environ:
        return psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, connect_timeout=5)
    password = os.environ.get("DB_PASSWORD")
    if password is None:
        with open(os.environ["DB_PASSWORD_FILE"], encoding="utf-8") as handle:
            password = handle.read().strip()
    return psycopg.connect(
        host=os.environ["DB_HOST"], user=os.environ["DB_USER"], password=password, dbname=os.environ["DB_NAME"],
        autocommit=True, connect_timeout=5,
    )  # fmt: skip


def made(connection):
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(77)")
        connection.execute(TABLES)
    return connection
