"""Root on one host answers every module of ours with what it likes: that is this host's problem, and nobody else's.

``SELEXTRACT_HOSTILE_DRAWS`` says how many are drawn, ``SELEXTRACT_HOSTILE_SEED`` from which seed on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from selextract_infra.lab import Lab
from tests.lab.hostile_host import HOSTILITIES, Draw, Hostility, Site

pytestmark = pytest.mark.lab

DRAWS = int(os.environ.get("SELEXTRACT_HOSTILE_DRAWS", "100"))
SEED = int(os.environ.get("SELEXTRACT_HOSTILE_SEED", "1"))


@pytest.fixture(scope="module")
def site(lab_multi: Lab, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(lab_multi, tmp_path_factory.mktemp("hostile"))


@pytest.fixture
def told(pytestconfig: pytest.Config) -> Iterator[list[Draw]]:
    """What was drawn, printed at the end, so that a failure can be had again by its seed."""
    draws: list[Draw] = []
    yield draws
    with pytestconfig.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        terminal = pytestconfig.pluginmanager.getplugin("terminalreporter")
        for draw in draws:
            terminal.write_line(f"\n{draw}")


@pytest.mark.parametrize("kind", ["facts", "gib", "escapes"])
def test_root_on_one_host_harms_nobody_else(site: Site, told: list[Draw], kind: str) -> None:
    (hostility, *_) = (hostility for hostility in HOSTILITIES if hostility.kind == kind)
    told.append(site.draw(SEED, hostility))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_whatever_is_drawn_harms_nobody_else(site: Site, told: list[Draw]) -> None:
    told += (site.draw(seed) for seed in range(SEED, SEED + DRAWS))


def test_there_are_as_many_kinds_as_there_is_harm_to_be_done() -> None:
    assert len({str(hostility) for hostility in HOSTILITIES}) == len(HOSTILITIES) >= 31
    assert Hostility("gib", "sshd", heard=True) in HOSTILITIES
