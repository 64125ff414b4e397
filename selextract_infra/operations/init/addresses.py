"""Which environment variables lead from one service to another, told by their values. Pure.

A value is looked at where it was written or, of a running container, on its host; what is kept of it is where it leads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from selextract_infra.operations.init.interpolation import is_unset

__all__ = ["AddressVariable", "LeadingVariables", "leading_variables", "words_of"]

_HOSTS = frozenset(
    (
        *("host", "hostname", "hosts", "server", "servers", "addr", "address", "addresses", "url", "uri", "dsn"),
        *("endpoint", "endpoints", "nodes", "broker", "brokers", "bootstrap", "connectionstring", "pghost"),
    )
)
_OF_STORES = frozenset(
    (
        *("db", "database", "databases", "sql", "postgres", "postgresql", "pg", "pgsql", "pghost", "mysql", "mariadb"),
        *("mongo", "mongodb", "clickhouse", "elasticsearch", "redis", "valkey", "keydb", "cache", "memcached"),
        *("memcache", "broker", "brokers", "rabbitmq", "amqp", "kafka", "nats", "mqtt", "queue", "celery"),
    )
)
_NO_ADDRESS = frozenset(
    (
        *("user", "username", "name", "password", "pass", "db", "database", "type", "driver", "connection", "client"),
        *("engine", "dialect", "schema", "store", "role", "adapter", "provider", "backend", "mode", "handler"),
    )
)
_BEFORE = r"(?:^|(?<=[/@(,;=\s\"'\[]))"
_AFTER = r"(?=$|[:/?,;)&\s\"'\]])"
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_HIDDEN_HOST = re.compile(r"(?:^|//|@)\$\{[A-Za-z_][A-Za-z0-9_]*\}(?=[:/,;]|$)")
_LIBPQ = {"port": "PGPORT", "name": "PGDATABASE", "user": "PGUSER", "password": "PGPASSWORD"}
_PARTS = {
    "port": ("port",),
    "name": ("name", "database", "db", "dbname"),
    "user": ("user", "username"),
    "password": ("password", "pass", "passwd"),
}


@dataclass(frozen=True)
class AddressVariable:
    """A variable by which a service reaches another one.

    ``form`` is ``dsn`` for a whole address with login and database, ``host`` for a name or a name and port. ``parts``
    are the variables beside it that hold port, name, user and password, where there are any.
    """

    variable: str
    leads_to: str
    form: str
    parts: Mapping[str, str]


@dataclass(frozen=True)
class LeadingVariables:
    """Variables that lead to other services, and those of which nobody can tell whether they do."""

    known: tuple[AddressVariable, ...] = ()
    asked: tuple[str, ...] = ()


def leading_variables(environment: Mapping[str, str | None], names: Mapping[str, str]) -> LeadingVariables:
    """The variables of one service that lead to others. ``names`` has each service by every name it is reached by."""
    known: list[AddressVariable] = []
    asked: list[str] = []
    for variable, value in environment.items():
        leads = [] if value is None else list(_services_in(value, names))
        # A database may be called like the service that it is in: POSTGRES_USER=postgres leads nowhere.
        doubtful = bool(leads) and value in names and not _names_a_host(variable)
        if leads and not doubtful:
            form = "dsn" if "://" in str(value) or "=" in str(value) or "@" in str(value) else "host"
            parts = dict(_parts_beside(variable, environment)) if form == "host" else {}
            known += [AddressVariable(variable, service, form, parts) for service in leads]
        elif (doubtful and words_of(variable)[-1:] and words_of(variable)[-1] not in _NO_ADDRESS) or _may_lead(
            variable, value
        ):
            asked.append(variable)
    return LeadingVariables(tuple(known), tuple(asked))


def words_of(variable: str) -> tuple[str, ...]:
    """The words of a variable's name, in lower case: ``DB_HOST`` and ``dbHost`` have the same."""
    return tuple(word.lower() for word in _WORD.findall(variable))


def _names_a_host(variable: str) -> bool:
    return not _HOSTS.isdisjoint(words_of(variable)[-2:])


def _services_in(value: str, names: Mapping[str, str]) -> Iterator[str]:
    """The services that stand in a value where a host stands, each once."""
    services = (service for name, service in names.items() if re.search(f"{_BEFORE}{re.escape(name)}{_AFTER}", value))
    yield from dict.fromkeys(services)


def _may_lead(variable: str, value: str | None) -> bool:
    """Whether its name says that it leads to a store and its value does not say to which."""
    if value is not None and not is_unset(value):
        return False
    words = words_of(variable)
    by_name = _names_a_host(variable) and not _OF_STORES.isdisjoint(words)
    hidden = value is None or _HIDDEN_HOST.search(value) is not None
    return by_name and hidden


def _parts_beside(variable: str, environment: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    """The variables that differ from ``variable`` in its last word alone, by what they hold."""
    words = words_of(variable)
    beside = {words_of(name): name for name in environment if name != variable}
    if words == ("pghost",):  # what libpq itself reads
        yield from ((part, name) for part, name in _LIBPQ.items() if name in environment)
    for part, endings in _PARTS.items():
        for ending in endings:
            name = beside.get((*words[:-1], ending))
            if name is not None:
                yield part, name
                break
