"""Which database, queue or cache a container is, by the program that it runs, whatever its image is called."""

from __future__ import annotations

__all__ = ["store_of_process"]

_STORES = {
    "postgres": "postgres",
    "redis-server": "cache",
    "valkey-server": "cache",
    "keydb-server": "cache",
    "memcached": "cache",
    "mysqld": "mysql",
    "mariadbd": "mysql",
    "mongod": "mongodb",
    "clickhouse-serv": "clickhouse",
    "beam.smp": "rabbitmq",
    "etcd": "etcd",
    "influxd": "influxdb",
}
"""By the name that the kernel has of a process, which it cuts after 15 characters."""

_DEEPEST = 3  # an init and a shell may stand before it


def store_of_process(pid: int, proc: str = "/proc") -> str | None:
    """What the first process of a container is, or one that it has started; None for none that is known."""
    waiting = [(pid, 0)]
    while waiting:
        process, depth = waiting.pop(0)
        name = _read(f"{proc}/{process}/comm").strip()
        if name in _STORES:
            return _STORES[name]
        if depth < _DEEPEST:
            children = _read(f"{proc}/{process}/task/{process}/children").split()
            waiting += [(int(child), depth + 1) for child in children if child.isdigit()]
    return None


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as source:
            return source.read()
    except (FileNotFoundError, ProcessLookupError):
        return ""
