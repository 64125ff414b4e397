"""Ending a process with all it has started."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from selextract_infra.hosts.processes import descendants, kill_with_descendants

FAMILY = """
import os, signal, subprocess, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
print(child.pid, flush=True)
child.wait()
"""


def test_a_child_in_a_session_of_its_own_is_ended_too() -> None:
    with subprocess.Popen([sys.executable, "-c", FAMILY], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert child in descendants(parent.pid)
        kill_with_descendants(parent.pid)
    end = time.monotonic() + 5
    while Path("/proc", str(child)).exists() and time.monotonic() < end:
        time.sleep(0.01)
    assert not Path("/proc", str(child)).exists()


def test_a_process_that_has_ended_is_no_problem() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    kill_with_descendants(ended.pid)
