"""``init --compose`` tells what each service is and from what, or asks; it is never wrong without a word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from selextract_infra.cli import build


@pytest.fixture(autouse=True)
def without_compose(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether this machine has Compose must not matter."""
    monkeypatch.setattr("selextract_infra.operations.init.compose_files._has_compose", lambda: False)


def answer(folder: Path, text: str) -> dict[str, dict[str, Any]]:
    """The services of a project by name, as ``--format json`` has them."""
    (folder / "compose.yml").write_text(text)
    result = CliRunner().invoke(build("init"), ["init", "--compose", str(folder), "--format", "json"])
    assert result.exit_code == 0, result.output
    return {service["name"]: service for service in json.loads(result.stdout)["projects"][0]["services"]}


def service(folder: Path, lines: str) -> dict[str, Any]:
    """The one service that has these lines."""
    return answer(folder, "services:\n  it:\n" + "".join(f"    {line}\n" for line in lines.splitlines()))["it"]


@pytest.mark.parametrize(
    ("lines", "kind", "engine", "role"),
    [
        ("image: postgres:16-alpine", "database", "postgres", "database"),
        ("image: registry.example:5000/pgvector/pgvector:pg16", "database", "postgres", "database"),
        ("image: timescale/timescaledb@sha256:0123", "database", "postgres", "database"),
        ("image: own/data\nvolumes: ['d:/var/lib/postgresql/data']", "database", "postgres", "database"),
        ("image: own/data\nhealthcheck: {test: 'pg_isready -U x'}", "database", "postgres", "database"),
        ("image: mariadb:11", "database", "mysql", "other"),
        ("image: own/sql\nvolumes: ['d:/var/lib/mysql']", "database", "mysql", "other"),
        ("image: mongo", "database", "mongodb", "other"),
        ("image: clickhouse/clickhouse-server", "database", "clickhouse", "other"),
        ("image: mcr.microsoft.com/mssql/server:2022-latest", "database", "mssql", "other"),
        ("image: redis:7", "cache", "redis", "redis"),
        ("image: valkey/valkey", "cache", "redis", "redis"),
        ("image: own/base\ncommand: redis-server --appendonly yes", "cache", "redis", "redis"),
        ("image: own/base\ncommand: [sh, -c, 'exec /usr/bin/redis-server']", "cache", "redis", "redis"),
        ("image: memcached", "cache", "memcached", "other"),
        ("image: rabbitmq:3-management", "queue", "rabbitmq", "other"),
        ("image: nginx:alpine", "proxy", "nginx", "nginx"),
        ("image: traefik:v3", "proxy", "traefik", "other"),
        ("image: minio/minio", "objects", "s3", "other"),
    ],
)
def test_a_store_queue_or_proxy_is_seen_by_image_command_data_or_health_check(
    tmp_path: Path, lines: str, kind: str, engine: str, role: str
) -> None:
    read = service(tmp_path, lines)
    assert (read["kind"], read["engine"], read["role"], read["basis"]) == (kind, engine, role, "seen")
    assert read["evidence"]
    assert not read["scaled"]


@pytest.mark.parametrize(
    "lines",
    [
        "image: prometheuscommunity/postgres-exporter",
        "image: dpage/pgadmin4",
        "image: rediscommander/redis-commander",
        "image: server:latest",
    ],
)
def test_what_only_sounds_like_a_store_is_none(tmp_path: Path, lines: str) -> None:
    assert service(tmp_path, lines)["kind"] == "app"


def test_a_database_image_that_does_other_work_is_no_database(tmp_path: Path) -> None:
    read = service(tmp_path, "image: postgres\ncommand: sh -c 'pg_dump -h db > /backup'")
    assert (read["kind"], read["role"], read["scaled"]) == ("once", "other", False)


def test_an_image_that_a_variable_hides_is_asked_about(tmp_path: Path) -> None:
    read = service(tmp_path, "image: ${IMAGE}:latest")
    assert (read["basis"], read["role"]) == ("choose", "other")
    assert set(read["options"]) == {"api", "frontend", "worker", "other"}


def test_a_variable_that_only_hides_the_tag_hides_nothing(tmp_path: Path) -> None:
    assert service(tmp_path, "image: postgres:${TAG}")["kind"] == "database"
    assert service(tmp_path, "image: ${IMAGE:-redis}:7")["kind"] == "cache"


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ("image: app\ncommand: celery -A shop worker -c 4", "worker"),
        ("image: app\ncommand: bundle exec sidekiq", "worker"),
        ("image: app\ncommand: php artisan queue:work", "worker"),
        ("image: app\ncommand: gunicorn shop.wsgi", "web"),
        ("image: app\ncommand: sh -c 'python manage.py migrate && gunicorn shop.wsgi'", "web"),
    ],
)
def test_a_worker_and_a_server_that_the_command_names_may_be_scaled(tmp_path: Path, lines: str, kind: str) -> None:
    read = service(tmp_path, lines)
    assert (read["kind"], read["basis"], read["scaled"]) == (kind, "seen", True)


@pytest.mark.parametrize(
    "more",
    [
        "container_name: shop",
        "ports: ['8080:80']",
        "network_mode: host",
        "volumes: ['uploads:/srv/uploads']",
        "volumes: ['/var/run/docker.sock:/var/run/docker.sock']",
    ],
)
def test_what_there_can_only_be_one_of_is_never_offered_for_scaling(tmp_path: Path, more: str) -> None:
    read = service(tmp_path, f"image: app\ncommand: celery -A shop worker\n{more}")
    assert not read["scaled"]
    assert read["single"]


@pytest.mark.parametrize(
    "command", ["celery -A shop beat", "celery -A shop worker --beat", "php artisan schedule:work", "crond -f"]
)
def test_a_scheduler_is_single(tmp_path: Path, command: str) -> None:
    read = service(tmp_path, f"image: app\ncommand: {command}")
    assert (read["kind"], read["role"], read["scaled"]) == ("scheduler", "other", False)
    assert read["single"]


def test_what_others_wait_for_the_end_of_does_its_work_once(tmp_path: Path) -> None:
    read = answer(
        tmp_path,
        "services:\n  prepare: {image: app, command: gunicorn}\n"
        "  web: {image: app, depends_on: {prepare: {condition: service_completed_successfully}}}\n",
    )
    assert (read["prepare"]["kind"], read["prepare"]["scaled"]) == ("once", False)


@pytest.mark.parametrize(
    "name", ["worker", "shop-worker-1", "sidekiq", "scheduler", "migrate", "appwrite-worker-migrations"]
)
def test_what_only_a_name_says_is_asked(tmp_path: Path, name: str) -> None:
    read = answer(tmp_path, f"services:\n  {name}: {{image: app}}\n")[name]
    assert read["basis"] == "choose"
    assert not read["scaled"]


def test_of_several_postgres_servers_a_person_says_which_is_the_apps(tmp_path: Path) -> None:
    read = answer(tmp_path, "services:\n  a: {image: postgres}\n  b: {image: postgis/postgis}\n")
    assert [(each["role"], each["basis"]) for each in read.values()] == [("database", "choose")] * 2


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("db", "host"),
        ("db:5432", "host"),
        ("postgres://u:p@db:5432/shop", "dsn"),
        ("postgresql+asyncpg://u:p@db/shop?ssl=1", "dsn"),
        ("jdbc:postgresql://db:5432/shop", "dsn"),
        ("Host=db;Port=5432;Username=u", "dsn"),
        ("u:p@tcp(db:3306)/shop", "dsn"),
        ("http://other,postgres://u:p@db/x", "dsn"),
        ("${UNSET:-db}", "host"),
    ],
)
def test_a_variable_that_leads_to_another_service_is_named(tmp_path: Path, value: str, form: str) -> None:
    read = answer(
        tmp_path, f"services:\n  db: {{image: postgres}}\n  web: {{image: app, environment: ['DB_HOST={value}']}}\n"
    )
    (address,) = read["web"]["addresses"]
    assert (address["variable"], address["leads_to"], address["form"]) == ("DB_HOST", "db", form)


@pytest.mark.parametrize(
    ("variables", "parts"),
    [
        (
            "DB_HOST: db, DB_PORT: 1, DB_NAME: n, DB_USER: u, DB_PASSWORD: p",
            {"port": "DB_PORT", "name": "DB_NAME", "user": "DB_USER", "password": "DB_PASSWORD"},
        ),
        (
            "DB_HOST: db, DB_DATABASE: n, DB_USERNAME: u, DB_PASS: p, OTHER_PORT: 2",
            {"name": "DB_DATABASE", "user": "DB_USERNAME", "password": "DB_PASS"},
        ),
        ("PGHOST: db, PGPORT: 1, PGDATABASE: n, PGUSER: u", {"port": "PGPORT", "name": "PGDATABASE", "user": "PGUSER"}),
    ],
)
def test_the_parts_of_an_address_are_found_beside_its_host(
    tmp_path: Path, variables: str, parts: dict[str, str]
) -> None:
    read = answer(
        tmp_path, f"services:\n  db: {{image: postgres}}\n  web: {{image: app, environment: {{{variables}}}}}\n"
    )
    assert read["web"]["addresses"][0]["parts"] == parts


def test_a_name_that_is_no_address_leads_nowhere(tmp_path: Path) -> None:
    read = answer(
        tmp_path,
        "services:\n  postgres: {image: postgres}\n  redis: {image: redis}\n"
        "  web: {image: app, environment: {DB_USER: postgres, DB_CONNECTION: redis, TITLE: my-redis-x, A: redish}}\n",
    )
    assert read["web"]["addresses"] == []
    assert read["web"]["asked"] == []


def test_an_address_by_an_alias_or_a_container_name_leads_to_its_service(tmp_path: Path) -> None:
    read = answer(
        tmp_path,
        "services:\n  a: {image: postgres, container_name: shop_db, networks: {default: {aliases: [data]}}}\n"
        "  web: {image: app, environment: {DB_HOST: shop_db, DATABASE_URL: 'postgres://data/x'}}\n",
    )
    assert [address["leads_to"] for address in read["web"]["addresses"]] == ["a", "a"]


@pytest.mark.parametrize("value", ["${DB_HOST}", "postgres://u:p@${DB_HOST}:5432/x", ""])
def test_an_address_that_a_variable_hides_is_asked_for(tmp_path: Path, value: str) -> None:
    given = f"DATABASE_URL={value}" if value else "DATABASE_URL"
    read = answer(tmp_path, f"services:\n  db: {{image: postgres}}\n  web: {{image: app, environment: ['{given}']}}\n")
    assert read["web"]["asked"] == ["DATABASE_URL"]


def test_a_file_of_variables_that_is_not_there_is_asked_for(tmp_path: Path) -> None:
    assert service(tmp_path, "image: app\nenv_file: .env.prod")["asked"] == [
        "the variables in .env.prod, which is not there"
    ]


def test_no_value_of_the_environment_is_shown(tmp_path: Path) -> None:
    secret = "hunter2-and-more"
    read = service(tmp_path, f"image: app\nenvironment: ['DATABASE_URL=postgres://u:{secret}@db/x', 'KEY={secret}']")
    assert secret not in json.dumps(read)


def test_a_project_that_cannot_be_read_is_refused_by_a_sentence_and_the_others_are_shown(tmp_path: Path) -> None:
    (tmp_path / "bad.yml").write_text("services: {web: {image: a, environment: [{A: 1}]}}\n")
    (tmp_path / "good.yml").write_text("services: {web: {image: a}}\n")
    named = ["--compose", str(tmp_path / "bad.yml"), "--compose", str(tmp_path / "good.yml")]
    result = CliRunner().invoke(build("init"), ["init", *named])
    assert result.exit_code == 2
    assert "services.web.environment has an entry that is neither NAME nor NAME=VALUE." in result.stdout
    assert "choose one of api, frontend, worker, other" in " ".join(result.stdout.split())
