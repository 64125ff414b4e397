"""What is seen of PgBouncer and of the ways to the database, and what PgBouncer is to be given."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, Field

from selextract_infra.model.base import Frozen

__all__ = [
    "AppAddress",
    "PoolSeen",
    "PoolerClient",
    "PoolerLook",
    "PoolerProcess",
    "PoolerSizes",
    "PoolerStatus",
    "ServerSeen",
]


class AppAddress(Frozen):
    """Where the app's own Compose files lead a service, and the text that leads it to PgBouncer.

    ``text`` is Compose's own, with secrets as ``${NAME}``. ``limits`` is how many connections Postgres allows the
    ``role`` and the ``database``, where it limits them. ``problem`` says why the service cannot be led elsewhere.
    """

    variable: str
    user: str | None = None
    host: str | None = None
    port: int | None = None
    database: str | None = None
    text: str | None = None
    limits: dict[str, int] = Field(default_factory=dict)
    problem: str | None = None


class ServerSeen(Frozen):
    """The Postgres server: its major version, its connections, how many of them are reserved."""

    version: int | None = None
    in_recovery: bool = False
    maximum: int | None = None
    reserved: int | None = None
    problem: str | None = None


class PoolSeen(Frozen):
    """One pool: clients served and waiting, connections to Postgres in use and idle, the longest wait in seconds."""

    database: str
    user: str
    active: int
    waiting: int
    servers_active: int
    servers_idle: int
    longest_wait: float


class PoolerClient(Frozen):
    """A client that waits, or a connection whose transaction is open; ``waited`` in seconds."""

    database: str
    user: str
    address: str
    application: str = ""
    waited: float = 0.0
    since: str = ""


class PoolerProcess(Frozen):
    """One process of PgBouncer: its pools, who waits, and which transactions are open, the oldest first."""

    number: int
    version: str
    paused: bool
    clients: int
    servers: int
    pools: tuple[PoolSeen, ...] = ()
    waiting: tuple[PoolerClient, ...] = ()
    holding: tuple[PoolerClient, ...] = ()


class PoolerLook(Frozen):
    """What is on one host.

    ``installed`` is what PgBouncer was last given, None where there is none; ``stale``: its files are not what this
    version writes for that. ``leaving`` are the numbers of processes that wait for their last clients. ``balanced``:
    the balancer for reads runs here. ``led`` names the app's containers that go through PgBouncer now. ``server`` is
    None where no container of the database runs here. ``image_version`` is the PgBouncer of the image that was asked
    for, ``image_problem`` why there is none. ``problem`` says why the app's files could not be read.
    """

    installed: dict[str, Any] | None = None
    running: bool = False
    stale: bool = False
    processes: tuple[PoolerProcess, ...] = ()
    leaving: tuple[int, ...] = ()
    balanced: bool = False
    led: tuple[str, ...] = ()
    server: ServerSeen | None = None
    addresses: dict[str, AppAddress] = Field(default_factory=dict)
    image_version: str | None = None
    image_problem: str | None = None
    problem: str | None = None


class PoolerSizes(Frozen):
    """PgBouncer's pools, in connections.

    ``pool`` and ``reserve`` are for each database, ``readonly`` for its read-only alias, ``login`` for looking up
    passwords; ``shared`` and its like are what each of two processes has of them while one replaces the other. ``most``
    is all of it together, at any time. ``clients`` is how many may connect. ``available`` is what Postgres has for it.
    """

    pool: int
    reserve: int
    readonly: int
    login: int
    shared: int
    shared_readonly: int
    shared_login: int
    most: int
    clients: int
    available: int


class PoolerStatus(Frozen):
    """PgBouncer on every host that answers; ``unreachable`` has the reason for each other."""

    at: AwareDatetime
    hosts: dict[str, PoolerLook]
    unreachable: dict[str, str]
