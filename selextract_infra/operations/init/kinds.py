"""What kind of program a service runs, by everything that tells. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from selextract_infra.operations.init.interpolation import is_unset
from selextract_infra.operations.init.signs import ServiceSigns

__all__ = ["STORES", "ServiceKind", "kind_of"]

STORES = ("database", "cache", "queue")


@dataclass(frozen=True)
class ServiceKind:
    """``kind`` is what it is, ``engine`` the product where it is known. ``certain``: it was seen, and not concluded
    from a name alone. ``evidence`` says from what, in words.
    """

    kind: str
    engine: str = ""
    certain: bool = False
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Product:
    """A program by what tells it: ``programs`` that run, endings of ``images``, its ``data`` folder, its variables."""

    kind: str
    engine: str
    programs: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()


def _product(kind: str, engine: str, **words: str) -> _Product:
    """A product with its signs as words in one text each."""
    return _Product(kind, engine, **{name: tuple(text.split()) for name, text in words.items()})


_PRODUCTS = (
    _product(
        "database",
        "postgres",
        programs="postgres",
        images="postgres postgresql postgis pgvector timescaledb timescaledb-ha pgvecto-rs "
        "vectorchord-postgres spilo paradedb pgautoupgrade",
        data="/var/lib/postgresql",
        variables="POSTGRES_PASSWORD POSTGRESQL_PASSWORD",
        checks="pg_isready",
    ),
    _product(
        "database",
        "mysql",
        programs="mysqld mariadbd",
        images="mysql mariadb mysql-server percona percona-server",
        data="/var/lib/mysql /bitnami/mysql /bitnami/mariadb",
        variables="MYSQL_ROOT_PASSWORD MARIADB_ROOT_PASSWORD",
        checks="mysqladmin mariadb-admin healthcheck.sh",
    ),
    _product(
        "database",
        "mongodb",
        programs="mongod",
        images="mongo mongodb percona-server-mongodb mongodb-community-server checkmate-mongo",
        data="/data/db /bitnami/mongodb",
        variables="MONGO_INITDB_ROOT_PASSWORD",
        checks="mongosh mongo",
    ),
    _product(
        "database",
        "clickhouse",
        programs="clickhouse-server clickhouse-serv",
        images="clickhouse-server clickhouse",
        data="/var/lib/clickhouse",
        variables="CLICKHOUSE_PASSWORD",
        checks="clickhouse-client",
    ),
    _product(
        "database",
        "mssql",
        programs="sqlservr",
        images="azure-sql-edge server",
        data="/var/opt/mssql",
        variables="MSSQL_SA_PASSWORD SA_PASSWORD",
        checks="sqlcmd",
    ),
    _product(
        "database",
        "couchdb",
        programs="couchdb",
        images="couchdb",
        data="/opt/couchdb/data",
        variables="COUCHDB_PASSWORD",
    ),
    _product("database", "surrealdb", programs="surreal", images="surrealdb"),
    _product(
        "database",
        "arangodb",
        programs="arangod",
        images="arangodb",
        data="/var/lib/arangodb3",
        variables="ARANGO_ROOT_PASSWORD",
    ),
    _product(
        "database",
        "influxdb",
        programs="influxd",
        images="influxdb",
        data="/var/lib/influxdb /var/lib/influxdb2",
    ),
    _product("database", "neo4j", programs="neo4j", images="neo4j"),
    _product("database", "cassandra", images="cassandra scylla", data="/var/lib/cassandra"),
    _product("database", "cockroachdb", programs="cockroach", images="cockroach"),
    _product("database", "questdb", images="questdb rethinkdb cratedb orientdb edgedb libsql-server"),
    _product(
        "cache",
        "redis",
        programs="redis-server valkey-server keydb-server",
        images="redis valkey keydb redis-stack redis-stack-server redismod",
        checks="redis-cli valkey-cli keydb-cli",
    ),
    _product("cache", "dragonfly", programs="dragonfly", images="dragonfly"),
    _product("cache", "memcached", programs="memcached", images="memcached"),
    _product(
        "queue",
        "rabbitmq",
        programs="rabbitmq-server beam.smp",
        images="rabbitmq",
        data="/var/lib/rabbitmq",
        variables="RABBITMQ_DEFAULT_PASS RABBITMQ_DEFAULT_USER",
        checks="rabbitmq-diagnostics rabbitmqctl",
    ),
    _product(
        "queue",
        "kafka",
        programs="redpanda",
        images="kafka cp-kafka redpanda",
        data="/var/lib/kafka",
        variables="KAFKA_ADVERTISED_LISTENERS KAFKA_CFG_ADVERTISED_LISTENERS",
    ),
    _product("queue", "nats", programs="nats-server", images="nats"),
    _product("queue", "mqtt", programs="mosquitto", images="eclipse-mosquitto mosquitto emqx emqx-enterprise"),
    _product("queue", "other", images="activemq activemq-classic activemq-artemis pulsar nsq beanstalkd"),
    _product("proxy", "nginx", programs="nginx", images="nginx nginx-unprivileged openresty nginx-fpm-alpine"),
    _product("proxy", "caddy", programs="caddy", images="caddy caddy-l4"),
    _product("proxy", "traefik", programs="traefik", images="traefik"),
    _product("proxy", "haproxy", programs="haproxy", images="haproxy"),
    _product("proxy", "envoy", programs="envoy", images="envoy"),
    _product("proxy", "kong", images="kong apisix", variables="KONG_DATABASE KONG_DECLARATIVE_CONFIG"),
    _product("proxy", "apache", programs="httpd", images="httpd"),
    _product(
        "search",
        "elasticsearch",
        images="elasticsearch elasticsearch-wolfi opensearch meilisearch typesense solr qdrant weaviate "
        "chroma manticore",
    ),
    _product("objects", "s3", images="minio seaweedfs garage rustfs maxio"),
    _product("mail", "smtp", images="smtp mailpit mailhog postfix dovecot docker-mailserver"),
    _product("coordination", "zookeeper", images="zookeeper etcd consul"),
)

_STORE_NAMES = {"cache": ("cache", ""), "rabbitmq": ("queue", "rabbitmq")}
_OTHER_WORK = re.compile(
    r"\b(pg_dump|pg_restore|pg_isready|psql|mysqldump|mariadb-dump|mongosh|mongodump|mongorestore|redis-cli|createdb|"
    r"clickhouse-client|mysqladmin|rpk)\b|\brs\.initiate|\bmysql +-|\bmc +(alias|mb|config)"
)
_WORKERS = re.compile(
    r"\bcelery\b.*\bworker\b|\bsidekiq\b|\brq +worker\b|\brqworker\b|\bqueue:(work|listen)\b|\bhorizon\b|\bdramatiq\b"
    r"|\bbench +worker\b|\bgood_job\b|\bsolid_queue\b|\bresque:work\b|\bjobs:work\b|\bmessenger:consume\b|\bhuey\b"
)
_SCHEDULERS = re.compile(
    r"\bcelery\b.*\bbeat\b|\bbeat\b|\bschedule:(work|run)\b|\bclockwork\b|\bcrond?\b|\bsupercronic\b|\bofelia\b"
    r"|\bbench +schedule\b|\bscheduler\b|\bschedule\b|\brqscheduler\b"
)
_ONE_SHOTS = re.compile(
    r"(?<![\w-])migrat(e|ion|ions|or)\b|\bdb:(setup|prepare|create|seed|migrate)\b|\bcollectstatic\b|\bcreatesuperuser\b"
    r"|\bprisma +migrate\b|\bdb-migrate\b|\binit-db\b|\balembic +upgrade\b",
    re.IGNORECASE,
)
_APP_SERVERS = re.compile(
    r"\b(gunicorn|uvicorn|hypercorn|daphne|waitress-serve|uwsgi|puma|unicorn|thin|granian|rails +(s|server))\b"
)
_COMMANDS = {"scheduler": _SCHEDULERS, "worker": _WORKERS, "web": _APP_SERVERS, "once": _ONE_SHOTS}
_WORKER_NAME = re.compile(r"(^|[-_.])(worker|workers|celery|sidekiq|queue|consumer|jobs?)($|[-_.\d])")
_SCHEDULER_NAME = re.compile(r"(^|[-_.])(beat|scheduler|schedule|cron|crond|clock|ticker)($|[-_.\d])")
_ONE_SHOT_NAME = re.compile(r"(^|[-_.])(migrate|migration|migrations|migrator|init|setup|seed|configurator)($|[-_.\d])")


def kind_of(signs: ServiceSigns) -> ServiceKind:
    """The kind that most of what is known says; where only a name says it, it is not certain."""
    line = " ".join(signs.command)
    running = _running(signs)
    if running is not None:
        return running
    busy = _OTHER_WORK.search(line)
    if busy is not None:
        return ServiceKind("once", certain=signs.ends, evidence=(f"its command runs {busy[0]}",))
    product = _product_of(signs, line)
    if product is not None:
        return product
    # A tag that nothing sets hides nothing: every version of an image is the same kind of program.
    hidden = is_unset(signs.image.rsplit("/", 1)[-1].partition(":")[0])
    if hidden and not line:
        return ServiceKind("unknown", evidence=(f"its image is {signs.image}, which nothing sets",))
    return _of_the_app(signs, line)


def _running(signs: ServiceSigns) -> ServiceKind | None:
    """By the program that runs, which no name can hide."""
    if signs.store is not None:
        kind, engine = _STORE_NAMES.get(signs.store, ("database", signs.store))
        engine = engine or next((p.engine for p in _PRODUCTS if set(p.programs) & set(signs.processes)), "")
        return ServiceKind(kind, engine, True, (f"it runs {' and '.join(signs.processes[:2]) or signs.store}",))
    for product in _PRODUCTS:
        running = set(product.programs) & set(signs.processes)
        if running:
            return ServiceKind(product.kind, product.engine, True, (f"it runs {min(running)}",))
    return None


def _product_of(signs: ServiceSigns, line: str) -> ServiceKind | None:
    """The product for which most speaks; a command or an image that names it counts most."""
    best: tuple[int, _Product, tuple[str, ...]] | None = None
    for product in _PRODUCTS:
        weighed = tuple(_evidence(product, signs, line))
        weight = sum(each for each, _ in weighed)
        if weight and (best is None or weight > best[0]):
            best = (weight, product, tuple(words for _, words in weighed))
    if best is None or (best[0] == 1 and best[1].kind not in STORES):
        return None
    weight, product, evidence = best
    return ServiceKind(product.kind, product.engine, weight > 1, evidence)


def _evidence(product: _Product, signs: ServiceSigns, line: str) -> Iterator[tuple[int, str]]:
    image = signs.image.rsplit("/", 1)[-1].partition("@")[0].partition(":")[0]
    if image in product.images and not (image == "server" and "mssql" not in signs.image):
        yield 4, f"its image is {image}"
    program = next((name for name in product.programs if _runs(name, signs.command, line)), None)
    if program is not None:
        yield 5, f"its command runs {program}"
    folder = next((path for path in signs.mounts if path.startswith(product.data)), None) if product.data else None
    if folder is not None:
        yield 2, f"its data is in {folder}"
    variable = next((name for name in product.variables if name in signs.variables), None)
    if variable is not None:
        yield 1, f"it has the variable {variable}"
    check = " ".join(signs.health_check)
    word = next((name for name in product.checks if re.search(rf"(^|[\s/]){re.escape(name)}(\s|$)", check)), None)
    if word is not None:
        yield 2, f"its health check runs {word}"


def _runs(program: str, command: tuple[str, ...], line: str) -> bool:
    """Whether a command starts that program: as its own first word, or as one that a shell is given."""
    first = command[0].rsplit("/", 1)[-1] if command else ""
    return first == program or re.search(rf"(^|[\s;&|'\"]|exec )(/\S*/)?{re.escape(program)}(\s|$)", line) is not None


def _of_the_app(signs: ServiceSigns, line: str) -> ServiceKind:
    """What a service of the app itself does: by whether it ends, by its command, then by its name."""
    if signs.ends:
        return ServiceKind("once", certain=True, evidence=("another service waits until it has ended",))
    processes = " ".join(signs.processes)
    for kind, pattern in _COMMANDS.items():
        match = pattern.search(line) or pattern.search(processes)
        if match is not None:
            certain = kind != "once"  # a server may migrate when it starts
            return ServiceKind(kind, certain=certain, evidence=(f"its command runs {' '.join(match[0].split()[:3])}",))
    for kind, pattern in (("once", _ONE_SHOT_NAME), ("scheduler", _SCHEDULER_NAME), ("worker", _WORKER_NAME)):
        if pattern.search(signs.name):
            return ServiceKind(kind, evidence=(f"only its name, {signs.name}, says so",))
    return ServiceKind("app", evidence=("nothing says what it does",))
