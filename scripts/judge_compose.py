"""Judge what `init --compose` makes of Compose files, by rules that share nothing with it.

    scripts/judge_compose FOLDER [--list]

A file is *refused* where `init` gives a sentence in place of an answer; *silent* where anything in its answer is wrong
or missing without a word; else *right*. Right is, for each service: one that runs a database, a queue, a cache or a
proxy is answered as that (or, where a variable hides its image, asked about); each variable by which it is reached from
another service is named, and where its value is hidden by a variable it is asked for; and nothing that may only run
once is offered for scaling. Exit code 1 where any is silent.

The rules are regular expressions over names of images and over values; the program recognises by another way and from
more, so that both are wrong in the same way only where the world is.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
BATCH = 100
DATABASE = re.compile(
    r"^(postgres|postgresql|postgis|pgvector|timescaledb(-ha)?|mariadb|mysql(-server)?|percona(-server(-mongodb)?)?|mongo"
    r"|mongodb|mongodb-community-server|clickhouse(-server)?|couchdb|cassandra|scylla|neo4j|influxdb|surrealdb|arangodb"
    r"|cockroach|azure-sql-edge|server-mssql|checkmate-mongo|libsql-server|questdb|rethinkdb|cratedb|edgedb|orientdb)$"
)
CACHE = re.compile(r"^(redis|redis-stack(-server)?|redismod|valkey|keydb|dragonfly|memcached)$")
QUEUE = re.compile(
    r"^(rabbitmq|nats|kafka|cp-kafka|redpanda|eclipse-mosquitto|emqx|emqx-enterprise|activemq.*|pulsar|nsq|beanstalkd)$"
)
PROXY = re.compile(r"^(nginx|nginx-unprivileged|traefik|caddy|caddy-l4|haproxy|envoy|openresty|kong|apisix|httpd)$")
KINDS = {"database": DATABASE, "cache": CACHE, "queue": QUEUE, "proxy": PROXY}
PROGRAMS = {
    "cache": re.compile(r"(^|[\s/'\"\[,])(redis-server|valkey-server|keydb-server|memcached)\b"),
    "database": re.compile(r"(^|[\s/'\"\[,])(mongod|mysqld|mariadbd)\b(?!-)"),
}
OTHER_WORK = re.compile(
    r"pg_dump|pg_isready|psql|mysqldump|mysql -|mongosh|mongo --|mongodump|rs\.initiate|createdb|createbucket"
    r"|pg_restore|redis-cli|mariadb -|mysqladmin|clickhouse-client|keytool|openssl|rpk topic|caddy (hash|trust)",
    re.IGNORECASE,
)
ONCE = re.compile(
    r"\b(celery[^\n]*\bbeat|beat\b|scheduler|cron|crond|supercronic|ofelia|migrate|migration|migrations|migrator"
    r"|db:(setup|prepare|migrate)|collectstatic|createsuperuser)\b",
    re.IGNORECASE,
)
BARE = re.compile(r"HOST|ADDR|SERVER|URL|URI|ENDPOINT|NODES|BROKERS?$", re.IGNORECASE)
VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?")
DEFAULT = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*:?-((?:[^{}$]|\$\{[^{}]*\}|\$[A-Za-z_])*)\}")


@dataclass
class Truth:
    """What one service is by the rules here; ``kind`` None is anything else, ``hidden`` that its image is not told."""

    kind: str | None
    hidden: bool
    once: str


def plain(text: str) -> str:
    """A value with the defaults of its variables filled in."""
    for _ in range(5):
        filled = DEFAULT.sub(lambda match: match[1], text)
        if filled == text:
            break
        text = filled
    return text


def texts(value: Any) -> str:
    """A text or a list of texts in one line."""
    return " ".join(map(str, value)) if isinstance(value, list) else str(value or "")


def variables(service: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The environment, from either form."""
    written = service.get("environment") or {}
    if isinstance(written, dict):
        yield from ((str(name), "" if value is None else plain(str(value))) for name, value in written.items())
    else:
        for entry in written:
            name, _, value = str(entry).partition("=")
            yield name, plain(value)


def truth_of(name: str, service: dict[str, Any], services: dict[str, Any]) -> Truth:
    """What the service is."""
    image = plain(str(service.get("image") or ""))
    last = re.sub(r"[@:].*$", "", image.rsplit("/", 1)[-1])
    command = f"{texts(service.get('command'))} {texts(service.get('entrypoint'))}"
    kind = next((kind for kind, names in KINDS.items() if names.match(last)), None)
    kind = next((each for each, words in PROGRAMS.items() if words.search(command)), kind)
    busy = OTHER_WORK.search(command) is not None
    hidden = "$" in last or (busy and kind is not None)
    return Truth(None if busy else kind, hidden, once(name, service, services, command))


def once(name: str, service: dict[str, Any], services: dict[str, Any], command: str) -> str:
    """Why there may only be one of it; empty where nothing says so."""
    if service.get("container_name"):
        return "it has a container_name"
    if str(service.get("network_mode") or "").startswith(("host", "service:", "container:")):
        return "it lives in another network"
    for port in service.get("ports") or []:
        published = port.get("published") if isinstance(port, dict) else published_of(plain(str(port)))
        if published and "-" not in str(published):
            return f"it has the port {published} of the host"
    if ONCE.search(f"{name} {command}"):
        return "its name or command says so"
    waits = [other.get("depends_on") for other in services.values() if isinstance(other.get("depends_on"), dict)]
    if any("completed" in str((wait.get(name) or {}).get("condition")) for wait in waits):
        return "others wait for its end"
    if str(service.get("restart")) in ("no", "False"):
        return "it is not started again"
    return ""


def published_of(port: str) -> str:
    """The host's side of a short port."""
    parts = re.sub(r"^\[[^]]*\]:|^\d+\.\d+\.\d+\.\d+:", "", port.split("/")[0]).split(":")
    return parts[0] if len(parts) > 1 else ""


def leads_to(value: str, name: str) -> bool:
    """Whether a value is the address of a service of that name."""
    token = re.escape(name)
    return bool(
        re.fullmatch(rf"{token}(:\d+)?", value)
        or re.search(rf"(//|@){token}(?=[:/?,;]|$)", value)
        or re.search(rf"(?:^|[\s,;=(\"']){token}:\d{{2,5}}\b", value)
        or re.search(rf"\b(host|server|data source|addr)\s*=\s*{token}\b", value, re.IGNORECASE)
    )


def complaints(services: dict[str, Any], answer: dict[str, Any]) -> Iterator[str]:
    """What is wrong or missing in the answer about one file."""
    answered = {entry["name"]: entry for entry in answer["services"]}
    truths = {name: truth_of(name, service, services) for name, service in services.items()}
    for name, truth in truths.items():
        entry = answered.get(name)
        if entry is None:
            yield f"{name} is not in the answer"
            continue
        asked = entry["basis"] == "choose"
        if truth.kind and entry["kind"] != truth.kind and not (truth.hidden and asked):
            yield f"{name} is a {truth.kind} and is answered as {entry['kind']}"
        if truth.hidden and not truth.kind and entry["scaled"] and not services[name].get("command"):
            yield f"{name} is hidden by a variable and is offered for scaling"
        if entry["scaled"] and (truth.once or truth.kind):
            yield f"{name} is offered for scaling, and {truth.once or f'is a {truth.kind}'}"
    stores = [name for name, truth in truths.items() if truth.kind and truth.kind != "proxy"]
    for name, service in services.items():
        entry = answered.get(name)
        if entry is not None and name not in stores and truths[name].kind is None:
            yield from missing_addresses(name, service, stores, entry)


def missing_addresses(name: str, service: dict[str, Any], stores: list[str], entry: dict[str, Any]) -> Iterator[str]:
    """Variables that lead to a store, or may, and are in no answer."""
    named = {(address["variable"], address["leads_to"]) for address in entry["addresses"]}
    asked = set(entry["asked"])
    for variable, value in variables(service):
        for store in stores:
            bare = value == store and not BARE.search(variable)
            if leads_to(value, store) and not bare and (variable, store) not in named:
                yield f"{name}.{variable} leads to {store} and is not named"
        hidden = stores and VARIABLE.fullmatch(value) and is_unknown_address(variable)
        if hidden and variable not in asked:
            yield f"{name}.{variable} may be an address, its value is hidden, and nobody is asked"


def is_unknown_address(variable: str) -> bool:
    """Whether a variable's name says that it leads to a store."""
    return bool(
        re.search(
            r"(DATABASE|POSTGRES(QL)?|PG|MYSQL|MARIADB|MONGO(DB)?|REDIS|VALKEY|BROKER|RABBITMQ|AMQP|CLICKHOUSE|DB)_?"
            r"(URL|URI|DSN|HOST|HOSTNAME|SERVER|ADDR|ADDRESS)$",
            variable,
            re.IGNORECASE,
        )
    )


def answers(files: list[Path]) -> Iterator[dict[str, Any]]:
    """What init says of each file, in order."""
    for first in range(0, len(files), BATCH):
        named = [word for file in files[first : first + BATCH] for word in ("--compose", str(file))]
        command = [str(ROOT / ".venv/bin/selextract-infra"), "init", *named, "--format", "json"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if not done.stdout:
            raise SystemExit(f"init did not answer: {done.stderr[-2000:]}")
        yield from json.loads(done.stdout)["projects"]


def main() -> int:
    """Print the table; 1 where anything is silent."""
    folder, listed = Path(sys.argv[1]), "--list" in sys.argv[2:]
    files = sorted(path for path in folder.iterdir() if path.suffix in (".yml", ".yaml"))
    table: Counter[str] = Counter()
    wrong = Counter[str]()
    for file, answer in zip(files, answers(files), strict=True):
        if answer["problem"]:
            table["refused"] += 1
            print(f"refused  {file.name}: {answer['problem']}")
            continue
        services = (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get("services") or {}
        found = list(complaints(services, answer))
        table["silent" if found else "right"] += 1
        for complaint in found:
            wrong[complaint] += 1
            if listed:
                print(f"silent   {file.name}: {complaint}")
    print(f"\n{len(files)} files: right {table['right']}, refused {table['refused']}, silent {table['silent']}")
    return 1 if table["silent"] else 0


if __name__ == "__main__":
    sys.exit(main())
