"""The Journal's tables, one list of statements per schema version; a journal is brought up to date when opened."""

from __future__ import annotations

__all__ = ["MIGRATIONS", "SCHEMA_VERSION"]

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE observations (
            id INTEGER PRIMARY KEY, at TEXT NOT NULL, digest TEXT NOT NULL, hosts TEXT NOT NULL, content TEXT NOT NULL
        )""",
        "CREATE INDEX observations_at ON observations (at)",
        """CREATE TABLE buckets (
            machine_id TEXT NOT NULL, container TEXT NOT NULL, at INTEGER NOT NULL, project TEXT, service TEXT,
            cpu REAL NOT NULL, cpu_peak REAL NOT NULL, memory INTEGER NOT NULL, page_cache INTEGER NOT NULL,
            oom_kills INTEGER NOT NULL, restarts INTEGER NOT NULL, samples INTEGER NOT NULL,
            memory_limit INTEGER,
            PRIMARY KEY (machine_id, at, container)
        ) WITHOUT ROWID""",
        """CREATE TABLE plans (
            digest TEXT PRIMARY KEY, operation TEXT NOT NULL, made_at TEXT NOT NULL, content TEXT NOT NULL
        )""",
        """CREATE TABLE runs (
            id TEXT PRIMARY KEY, operation TEXT NOT NULL, status TEXT NOT NULL, started_at TEXT NOT NULL,
            ended_at TEXT, hosts TEXT NOT NULL, content TEXT NOT NULL
        )""",
        "CREATE INDEX runs_started ON runs (started_at)",
        """CREATE TABLE events (
            id INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, host TEXT, run TEXT, sentence TEXT NOT NULL
        )""",
    ),
    (
        """CREATE TABLE incidents (
            id TEXT PRIMARY KEY, opened_at TEXT NOT NULL, drill INTEGER NOT NULL, content TEXT NOT NULL
        )""",
        "CREATE INDEX incidents_opened ON incidents (opened_at)",
    ),
    ("CREATE TABLE machines (machine_id TEXT PRIMARY KEY, host TEXT NOT NULL, inventory TEXT NOT NULL)",),
)

SCHEMA_VERSION = len(MIGRATIONS)
