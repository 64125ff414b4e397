"""A command has a total time limit: its work is stopped at it, and it ends even where something in it hears nobody."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from selextract_infra.cli.frame import cancellation
from selextract_infra.cli.frame.cancellation import cancellable


def test_the_end_of_the_time_cancels_the_work_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with cancellable(within=0.05) as cancel:
        assert cancel.wait(10)
    assert "It has not ended within 0 s; stopping the work on the hosts ..." in capsys.readouterr().err


def test_work_that_ends_in_time_is_not_cancelled_later() -> None:
    before = threading.active_count()
    with cancellable(within=60) as cancel:
        assert threading.active_count() > before
    for timer in threading.enumerate():
        if isinstance(timer, threading.Timer):
            timer.join(10)
    assert not cancel.is_set()


def test_what_goes_on_until_it_is_stopped_has_no_limit() -> None:
    before = threading.active_count()
    with cancellable(within=None):
        assert threading.active_count() == before


DEAF = """
import threading
from selextract_infra.cli.frame import cancellation
cancellation.STOP_SECONDS = 0.1
with cancellation.cancellable(within=0.1):
    threading.Event().wait()
"""


def test_a_process_in_which_something_hears_nobody_ends_all_the_same() -> None:
    done = subprocess.run([sys.executable, "-c", DEAF], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 130
    assert done.stderr.splitlines()[-1] == (
        "error: It could not be stopped either, so this process ends; the hosts come to a safe point by themselves."
    )


def test_looking_is_shorter_than_working() -> None:
    assert cancellation.LOOK_SECONDS < cancellation.WORK_SECONDS
