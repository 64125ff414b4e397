"""Which processes of a host belong to a work that was stopped."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from plugins.module_utils.system.leftover_processes import VARIABLE, running, stop

_WAITS = [sys.executable, "-c", "print('up', flush=True); input()"]


@contextmanager
def started(mark: str) -> Iterator[int]:
    """A process that carries the mark, until the end."""
    environment = {**os.environ, VARIABLE: mark}
    with subprocess.Popen(_WAITS, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


def test_what_carries_the_mark_is_found_and_ended_and_nothing_else_is() -> None:
    with started("run-1") as ours, started("run-10") as others:
        assert set(running("run-1")) == {ours}
        ended, left = stop("run-1", 5.0)
        assert set(ended) == {ours}
        assert not left
        assert set(running("run-10")) == {others}


def test_a_container_that_forges_the_mark_is_left_alone_and_keeps_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = os.readlink
    with started("run-2") as forger:
        elsewhere = {f"/proc/{forger}/ns/pid": "pid:[1]"}
        monkeypatch.setattr(os, "readlink", lambda path, **more: elsewhere.get(str(path)) or real(path, **more))
        assert running("run-2") == {}
        assert stop("run-2", 5.0, 5.0) == ({}, {})
        assert Path(f"/proc/{forger}").exists()
