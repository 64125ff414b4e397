"""A container is described by all that tells what it is, and by no value of its environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.docker.described import (
    described_container,
    masked_command,
    names_in_networks,
    shape_of,
)

SECRET = "hunter2-and-more"


def inspected(**more: Any) -> dict[str, Any]:
    """What Docker says of one container."""
    return {
        "Id": "1" * 64,
        "Name": "/shop-web-1",
        "Path": "gunicorn",
        "Args": ["shop:app"],
        "State": {"Pid": 0, "Status": "running"},
        "HostConfig": {"NetworkMode": "shop_default", "RestartPolicy": {"Name": "always"}},
        "Config": {
            "Image": "web:1",
            "Labels": {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"},
            "Env": [f"DATABASE_URL=postgres://u:{SECRET}@db:5432/shop", f"KEY={SECRET}", "WORKERS=4", "BROKEN"],
            "ExposedPorts": {"8000/tcp": {}},
            "Healthcheck": {"Test": ["CMD-SHELL", f"curl -u u:{SECRET} http://localhost:8000/up?token={SECRET}"]},
        },
        "Mounts": [{"Type": "volume", "Name": "shop_data", "Destination": "/data", "RW": True}],
        "NetworkSettings": {
            "Networks": {"shop_default": {"Aliases": ["shop-web-1", "web", "www"], "IPAddress": "172.18.0.3"}},
            "Ports": {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}], "9/udp": None},
        },
        **more,
    }


def test_nothing_that_may_be_a_secret_leaves_the_host() -> None:
    described = described_container(inspected(Args=["shop:app", "--password", SECRET, f"--api-key={SECRET}"]), ["db"])
    assert SECRET not in repr(described)
    assert described["variables"] == {"DATABASE_URL": "postgres://x:x@db:5432/x", "KEY": "x", "WORKERS": "4"}
    assert described["command"] == ["gunicorn", "shop:app", "--password", "***", "--api-key=***"]
    assert described["health_urls"] == ["http://localhost:8000/up"]
    assert described["published"] == [{"inside": "8000", "outside": "8080", "address": "127.0.0.1"}]


def test_every_name_of_a_container_leads_to_its_service() -> None:
    names = names_in_networks(inspected())
    assert names == dict.fromkeys(("shop-web-1", "web", "www", "172.18.0.3"), "web")


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ("db", "db"),
        ("db:5432", "db:5432"),
        (SECRET, "x"),
        ("Server=db;Password=p4ss", "x=db;x=x"),
        ("u:p4ss@tcp(db:3306)/shop", "x:x@x(db:3306)/x"),
        ("redis://:p4ss@cache.shop:6379/0", "redis://:x@x:6379/x"),
        ("16", "16"),
        ("48211", "x"),
    ],
)
def test_a_value_is_told_as_its_shape(value: str, shape: str) -> None:
    assert shape_of(value, ["db"]) == shape


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("redis-server --requirepass s3cret", "redis-server --requirepass ***"),
        ("redis-cli -a s3cret ping", "redis-cli -a *** ping"),
        ("app postgres://u:s3cret@db/x", "app postgres://***@db/x"),
        ("app AbCdEfGh12345678IjKlMn", "app ***"),
        ("celery --app tasks worker --concurrency 4", "celery --app tasks worker --concurrency 4"),
    ],
)
def test_a_command_line_keeps_its_programs_and_loses_its_secrets(line: str, masked: str) -> None:
    assert " ".join(masked_command(line.split())) == masked


def test_the_processes_of_a_container_are_named_by_the_kernel(tmp_path: Path) -> None:
    for pid, name, children in ((5, "tini", "6 7"), (6, "gunicorn", ""), (7, "sh", "")):
        folder = tmp_path / str(pid) / "task" / str(pid)
        folder.mkdir(parents=True)
        (tmp_path / str(pid) / "comm").write_text(name + "\n")
        (folder / "children").write_text(children)
    described = described_container(inspected(State={"Pid": 5, "Status": "running"}), [], str(tmp_path))
    assert described["processes"] == ["tini", "gunicorn", "sh"]
