"""What a container prints is read by root: without an end, or never, it is ended and said."""

from __future__ import annotations

import os
import resource
import subprocess
import time

import pytest

from plugins.module_utils.docker.program import bounded_answer
from plugins.module_utils.system.failure import HostSideError

ENVIRONMENT = {"PATH": os.environ["PATH"]}


def test_a_program_that_prints_without_end_is_ended_before_it_fills_the_memory() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(HostSideError, match="printed more than"):
        bounded_answer(["cat", "/dev/zero"], feed=b"", bound=60.0, environment=ENVIRONMENT)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10 < 300, "MiB"


@pytest.mark.parametrize("script", ["sleep 60", "while :; do echo x; sleep 0.05; done", "exec >&- 2>&-; sleep 60"])
def test_a_program_that_never_ends_has_one_deadline_however_it_prints(script: str) -> None:
    began = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        bounded_answer(["sh", "-c", f"exec 3>&2; {script}"], feed=b"", bound=1.0, environment=ENVIRONMENT)
    assert time.monotonic() - began < 30


def test_what_is_fed_comes_through_whole_and_both_streams_are_kept() -> None:
    feed = b"0123456789" * 200_000
    answer = bounded_answer(["sh", "-c", "cat; echo why >&2; exit 3"], feed=feed, bound=60.0, environment=ENVIRONMENT)
    assert (answer.code, answer.out == feed, answer.err) == (3, True, b"why\n")


def test_a_program_that_does_not_read_what_it_is_fed_is_no_failure() -> None:
    answer = bounded_answer(["true"], feed=b"x" * 1_000_000, bound=60.0, environment=ENVIRONMENT)
    assert (answer.code, answer.out) == (0, b"")
