"""A database is known by the program that runs, whatever its image and its service are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugins.module_utils.docker.data_store import proxy_of_process, store_of_process


def process(proc: Path, pid: int, name: str, *children: int) -> None:
    """A process as the kernel shows it."""
    folder = proc / str(pid) / "task" / str(pid)
    folder.mkdir(parents=True)
    (proc / str(pid) / "comm").write_text(f"{name}\n")
    (folder / "children").write_text(" ".join(map(str, children)))


@pytest.mark.parametrize(
    ("names", "store"),
    [
        (["postgres"], "postgres"),
        (["docker-init", "sh", "postgres"], "postgres"),
        (["redis-server"], "cache"),
        (["clickhouse-serv"], "clickhouse"),
        (["gunicorn", "gunicorn"], None),
    ],
)
def test_it_is_found_behind_an_init_and_a_shell(tmp_path: Path, names: list[str], store: str | None) -> None:
    for number, name in enumerate(names, 1):
        process(tmp_path, number, name, *([number + 1] if number < len(names) else []))
    assert store_of_process(1, str(tmp_path)) == store


def test_not_every_erlang_program_is_a_queue(tmp_path: Path) -> None:
    process(tmp_path, 1, "beam.smp")
    (tmp_path / "1" / "cmdline").write_text("beam.smp\0-s\0elixir\0start_cli")
    assert store_of_process(1, str(tmp_path)) is None
    (tmp_path / "1" / "cmdline").write_text("beam.smp\0-s\0rabbit\0boot")
    assert store_of_process(1, str(tmp_path)) == "rabbitmq"


def test_a_proxy_is_one_only_where_it_is_alone(tmp_path: Path) -> None:
    process(tmp_path, 1, "docker-init", 2)
    process(tmp_path, 2, "nginx", 3, 4)
    assert proxy_of_process(1, str(tmp_path)) == "nginx"
    process(tmp_path, 10, "supervisord", 11, 12)
    process(tmp_path, 11, "nginx")
    process(tmp_path, 12, "php-fpm")
    assert proxy_of_process(10, str(tmp_path)) is None
    assert proxy_of_process(99, str(tmp_path)) is None


def test_a_process_that_is_gone_is_nothing(tmp_path: Path) -> None:
    assert store_of_process(1, str(tmp_path)) is None
