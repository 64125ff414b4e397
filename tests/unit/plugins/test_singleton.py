"""A scheduler is known by its command line, also behind an init; what shares a container with others is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugins.module_utils.docker.singleton import singleton_of_process


def process(proc: Path, pid: int, line: str, *children: int) -> None:
    """A process as the kernel shows it."""
    folder = proc / str(pid) / "task" / str(pid)
    folder.mkdir(parents=True)
    (proc / str(pid) / "cmdline").write_bytes(line.replace(" ", "\0").encode() + b"\0")
    (folder / "children").write_text(" ".join(map(str, children)))


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("/usr/bin/python3 /usr/bin/celery -A app beat", "celery beat"),
        ("celery -A app worker -B --concurrency 2", "a Celery worker with its beat"),
        ("celery -A app worker -Q beats", None),
        ("/usr/sbin/crond -f", "cron"),
        ("php artisan schedule:work", "a scheduler"),
        ("gunicorn app:wsgi", None),
        ("sh -c celery -A app beat && true", None),
    ],
)
def test_it_is_told_by_the_line_behind_an_init(tmp_path: Path, line: str, named: str | None) -> None:
    process(tmp_path, 1, "/sbin/docker-init --", 2)
    process(tmp_path, 2, line)
    assert singleton_of_process(1, str(tmp_path)) == named


def test_a_program_among_others_makes_no_singleton_of_them(tmp_path: Path) -> None:
    process(tmp_path, 1, "supervisord", 2, 3)
    process(tmp_path, 2, "crond")
    process(tmp_path, 3, "gunicorn app")
    assert singleton_of_process(1, str(tmp_path)) is None
    assert singleton_of_process(9, str(tmp_path)) is None
