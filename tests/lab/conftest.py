"""Labs for all tests of this folder: brought up once per session and worker, real hosts and never a stand-in.

``SELEXTRACT_LAB=NAME`` uses the lab of that name and leaves it running, which is quicker while working on a test.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from selextract_infra.errors import LabUnavailableError
from selextract_infra.lab import Lab, Topology
from tests.lab.rightsizing import demanding, failing, oversized, seasoned, waiting
from tests.replayed import replay_runs

__all__ = ["demanding", "failing", "lab", "lab_multi", "oversized", "seasoned", "waiting"]


@contextmanager
def running(config: pytest.Config, topology: Topology) -> Iterator[Lab]:
    """A lab that is up; it goes down at the end unless the environment names one that is to stay."""
    kept = os.environ.get("SELEXTRACT_LAB")
    name = kept or "test" + os.environ.get("PYTEST_XDIST_WORKER", "")
    lab = Lab(name if topology is Topology.SINGLE else f"{name}-{topology}")
    terminal = config.pluginmanager.get_plugin("terminalreporter")

    def show(line: str) -> None:
        if terminal:
            terminal.write_line(line)

    try:
        lab.up(topology, on_progress=show)
    except LabUnavailableError as missing:
        pytest.exit(f"{missing} Try: {missing.remedy}", returncode=2)
    try:
        yield lab
    finally:
        if not kept:
            lab.down(on_progress=show)


@pytest.fixture(scope="session", autouse=True)
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """At the end: what was logged of every Run of these tests brings about the same states once more."""
    yield
    for log in tmp_path_factory.getbasetemp().rglob("runs"):
        if (log.parent / "journal.sqlite").exists():
            replay_runs(log.parent)


@pytest.fixture(scope="session")
def lab(pytestconfig: pytest.Config) -> Iterator[Lab]:
    """The guide's one server."""
    with running(pytestconfig, Topology.SINGLE) as up:
        yield up


@pytest.fixture(scope="session")
def lab_multi(pytestconfig: pytest.Config) -> Iterator[Lab]:
    """Four hosts: the application's and three for databases."""
    with running(pytestconfig, Topology.MULTI) as up:
        yield up
