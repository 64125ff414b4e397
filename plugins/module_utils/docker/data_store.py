"""Which database, queue, cache or proxy a container is, by the program that it runs, whatever its image is called."""

from __future__ import annotations

__all__ = ["proxy_of_process", "store_of_process"]

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

_ERLANG = "beam.smp"  # any program in Erlang or Elixir; which one, its command line says

_PROXIES = frozenset({"nginx", "haproxy", "traefik", "caddy", "envoy", "openresty"})

_DEEPEST = 3  # an init and a shell may stand before it


def store_of_process(pid: int, proc: str = "/proc") -> str | None:
    """What the first process of a container is, or one that it has started; None for none that is known."""
    waiting = [(pid, 0)]
    while waiting:
        process, depth = waiting.pop(0)
        name = _read(f"{proc}/{process}/comm").strip()
        if name in _STORES and (name != _ERLANG or "rabbit" in _read(f"{proc}/{process}/cmdline")):
            return _STORES[name]
        if depth < _DEEPEST:
            children = _read(f"{proc}/{process}/task/{process}/children").split()
            waiting += [(int(child), depth + 1) for child in children if child.isdigit()]
    return None


def proxy_of_process(pid: int, proc: str = "/proc") -> str | None:
    """The proxy that a container is, by its only program; None where it is none, or has other programs beside one.

    A web server that stands before an app within its own container makes no proxy of the app.
    """
    process = pid
    for _ in range(_DEEPEST + 1):
        name = _read(f"{proc}/{process}/comm").strip()
        if name in _PROXIES:
            return name
        children = _read(f"{proc}/{process}/task/{process}/children").split()
        if len(children) != 1 or not children[0].isdigit():
            return None
        process = int(children[0])
    return None


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as source:
            return source.read()
    except (FileNotFoundError, ProcessLookupError):
        return ""
