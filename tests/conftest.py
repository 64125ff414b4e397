"""What holds for all tests: a busy machine is no failure of a property, and CI tries the same examples each time."""

from __future__ import annotations

import faulthandler
import os
import sys
import threading

import pytest
from hypothesis import settings

settings.register_profile("patient", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("patient")

_THREADS_END_WITHIN = 20.0  # seconds

# Modules beside the tests check too; what they compare is said like in a test itself.
pytest.register_assert_rewrite("tests.lab", "tests.unit")


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Python waits for every thread at its end, for ever: one that a test has left is named, and fails the run."""
    left = [thread for thread in threading.enumerate() if thread is not threading.main_thread() and not thread.daemon]
    for thread in left:
        thread.join(_THREADS_END_WITHIN)
    left = [thread for thread in left if thread.is_alive()]
    if left and not hasattr(config, "workerinput"):
        sys.stderr.write(f"A test has left these threads: {', '.join(thread.name for thread in left)}.\n")
        faulthandler.dump_traceback(all_threads=True)
        os._exit(1)
