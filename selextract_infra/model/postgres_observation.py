"""What was seen of a Postgres server: its settings in force, where they come from, its connections and its replicas."""

from __future__ import annotations

from pydantic import Field

from selextract_infra.model.base import Frozen

__all__ = [
    "ConnectionLimit",
    "PostgresConnections",
    "PostgresObservation",
    "PostgresReplica",
    "PostgresSetting",
    "PostgresSlot",
    "PostgresStandby",
    "RoleSetting",
]


class PostgresSetting(Frozen):
    """One parameter as ``pg_settings`` has it: ``value`` in ``unit`` (``8kB``, ``MB``, ``s``; None where it has none).

    ``source`` says what set it (``default``, ``configuration file``, ``command line``), ``file`` which file.
    ``pending_restart``: a file says another value, which takes a restart.
    """

    value: str
    unit: str | None = None
    source: str = "default"
    file: str | None = None
    pending_restart: bool = False


class RoleSetting(Frozen):
    """A value that ``ALTER ROLE`` or ``ALTER DATABASE`` gives to sessions; None stands for every one."""

    database: str | None = None
    role: str | None = None
    name: str
    value: str


class ConnectionLimit(Frozen):
    """How many connections Postgres allows to what ``subject`` names (``role shop``, ``database orders``).

    ``open`` is how many it had when it was looked at.
    """

    subject: str
    connections: int
    open: int = 0


class PostgresConnections(Frozen):
    """Client connections right now: all of them, those at work, those idle inside a transaction."""

    open: int = 0
    active: int = 0
    idle_in_transaction: int = 0


class PostgresReplica(Frozen):
    """A standby as its primary sees it; ``lag_bytes`` is WAL not replayed yet, ``lag_seconds`` None when idle."""

    name: str
    address: str | None = None
    state: str | None = None
    sync_state: str | None = None
    lag_bytes: int | None = None
    lag_seconds: float | None = None


class PostgresSlot(Frozen):
    """A replication slot; ``retained_bytes`` is the WAL it holds back, ``wal_status`` ``lost`` when it is of no use."""

    name: str
    kind: str
    active: bool
    wal_status: str | None = None
    retained_bytes: int | None = None


class PostgresStandby(Frozen):
    """A standby as it sees itself.

    ``receiving`` is whether WAL streams in. ``replay_lag_bytes`` is WAL received and not replayed, ``replayed_seconds``
    how long ago the newest replayed transaction was committed.
    """

    receiving: bool = False
    primary_host: str | None = None
    slot: str | None = None
    replay_paused: bool = False
    replay_lag_bytes: int | None = None
    replayed_seconds: float | None = None


class PostgresObservation(Frozen):
    """One Postgres server in a container.

    ``version`` is the major version. ``settings`` has the parameters that are tuned here, ``pending_restart`` the names
    of all that wait for a restart, ``command_line`` what ``-c`` arguments set, ``role_settings`` what sessions get
    instead. ``limits`` are those of roles and databases that may have fewer connections than the server. ``disk_*`` are
    of the volume under the data directory, in bytes, None where it lies on none.
    ``shm_size`` is the container's, in bytes. ``problem`` says in one sentence why it could not be asked.
    """

    project: str
    service: str
    container: str
    version: int | None = None
    server_version: str = ""
    system_identifier: str | None = None
    started_at: str | None = None
    in_recovery: bool = False
    data_directory: str = ""
    config_file: str = ""
    database_bytes: int | None = None
    disk_total: int | None = None
    disk_free: int | None = None
    shm_size: int | None = None
    lz4: bool = False
    connections: PostgresConnections = PostgresConnections()
    settings: dict[str, PostgresSetting] = Field(default_factory=dict)
    pending_restart: tuple[str, ...] = ()
    command_line: dict[str, str] = Field(default_factory=dict)
    role_settings: tuple[RoleSetting, ...] = ()
    limits: tuple[ConnectionLimit, ...] = ()
    replicas: tuple[PostgresReplica, ...] = ()
    slots: tuple[PostgresSlot, ...] = ()
    standby: PostgresStandby | None = None
    problem: str | None = None
