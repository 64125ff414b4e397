from __future__ import annotations

import json
from pathlib import Path

import pytest

from plugins.module_utils.docker.containers import Container, listed_instances, numbers_of, pool_of_process
from plugins.module_utils.docker.engine import Engine
from tests.unit.plugins.unix_server import serving


def test_the_list_tells_which_instances_are_well(tmp_path: Path) -> None:
    shown = {
        "a": ("running", "Up 3 seconds (healthy)"),
        "b": ("running", "Up 3 seconds (health: starting)"),
        "c": ("running", "Up 3 minutes (unhealthy)"),
        "d": ("exited", "Exited (1) 2 seconds ago"),
        "e": ("running", "Up 2 days"),
    }
    listed = [{"Id": name, "State": state, "Status": status} for name, (state, status) in shown.items()]
    with serving(tmp_path / "s", lambda *_: (200, json.dumps(listed).encode())) as path, Engine(path) as engine:
        assert [one.id for one in listed_instances(engine, "shop", "api") if one.well] == ["a", "e"]


def test_of_an_environment_only_named_plain_numbers_are_told() -> None:
    environment = ["WORKERS=4", "RATIO=0.5", "DATABASE_URL=postgresql://u:secret@db/x", "PIN=1234", "NAME=7 of 9"]
    details = {"Config": {"Env": environment}}
    assert numbers_of(details, ["WORKERS", "RATIO", "DATABASE_URL", "NAME", "ABSENT"]) == {"WORKERS": 4, "RATIO": 0.5}


def test_a_container_without_an_environment_has_no_numbers() -> None:
    assert numbers_of({"Config": {"Env": None}}, ["WORKERS"]) == {}


def inspected(*command: str, **labels: str) -> Container:
    """A container as Docker describes it, with this command line."""
    labels = {f"com.docker.compose.{name}": value for name, value in labels.items()}
    return Container.parse(
        {
            "Id": "a", "Name": "/a", "State": {"Status": "running", "Pid": 1}, "HostConfig": {},
            "Config": {"Labels": labels}, "Path": command[0], "Args": list(command[1:]),
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("command", "pool"),
    [
        (("celery", "--app", "tasks", "worker", "--pool", "threads", "--concurrency", "100"), "threads"),
        (("celery", "-A", "tasks", "worker", "--pool=gevent"), "gevent"),
        (("celery", "-A", "tasks", "worker", "-P", "eventlet", "-c", "500"), "eventlet"),
        (("celery", "-A", "tasks", "worker", "-Psolo"), "solo"),
        (("sh", "-c", "exec celery -A tasks worker --pool 'threads'"), "threads"),
        (("python", "-m", "celery", "worker", "-P", "prefork"), "prefork"),
        (("celery", "-A", "tasks", "worker", "--concurrency", "4"), None),
        (("gunicorn", "app", "--pool", "threads"), None),
        (("celery", "-A", "tasks", "worker", "--pool-size", "threads"), None),
    ],
)
def test_the_pool_of_a_celery_worker_is_read_off_its_command_line(command: tuple[str, ...], pool: str | None) -> None:
    assert inspected(*command).worker_pool == pool


def test_a_one_off_container_of_compose_run_is_in_its_project_and_no_instance_of_a_service() -> None:
    container = inspected("true", project="shop", service="web", oneoff="True", **{"container-number": "1"})
    assert (container.project, container.service, container.number) == ("shop", None, None)


def test_a_script_that_became_the_worker_is_seen_by_its_process(tmp_path: Path) -> None:
    assert inspected("/app/worker.sh").worker_pool is None
    (tmp_path / "7").mkdir()
    line = ["python3", "/bin/celery", "worker", "--pool", "threads", "--concurrency", "100"]
    (tmp_path / "7" / "cmdline").write_bytes("\0".join(line).encode() + b"\0")
    assert pool_of_process(7, str(tmp_path)) == "threads"
    assert pool_of_process(8, str(tmp_path)) is None
