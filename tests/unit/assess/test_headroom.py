from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.assess.headroom import headroom_of, needed_capacity
from selextract_infra.errors import UsageError
from selextract_infra.model.assessment import Headroom, Level
from selextract_infra.policy import default_policy

MB, GB = 2**20, 2**30
POLICY = default_policy()


def table_rows() -> list[Headroom]:
    """The guide's own container table under its own headroom rule (X-12)."""
    rows = []
    for name, row in POLICY.containers.items():
        cpus, memory = row.cpus * row.cpu_share, row.memory * row.memory_share
        rows.append(headroom_of(name, "CPU", "cores", cpus, row.cpus, POLICY))
        rows.append(headroom_of(name, "memory", "bytes of RAM", memory, row.memory, POLICY))
    return rows


def test_the_api_needs_exactly_the_limit_it_has() -> None:
    assert needed_capacity(1228.8 * MB, 0.4) == pytest.approx(2048 * MB)


def test_the_container_table_under_the_forty_percent_rule() -> None:
    needed = {(row.subject, row.resource): row.needed for row in table_rows()}
    cores = {name: round(value, 2) for (name, resource), value in needed.items() if resource == "CPU"}
    memory = {name: round(value / GB, 2) for (name, resource), value in needed.items() if resource == "memory"}
    assert cores == {"api": 2.0, "frontend": 0.67, "worker": 2.33, "database": 1.67, "redis": 0.5, "nginx": 0.33}
    assert memory == {"api": 2.0, "frontend": 0.67, "worker": 3.5, "database": 1.67, "redis": 0.5, "nginx": 0.17}
    assert sum(value for (_, resource), value in needed.items() if resource == "CPU") == pytest.approx(7.5)
    assert sum(value for (_, resource), value in needed.items() if resource == "memory") == pytest.approx(8.5 * GB)


def test_only_the_worker_violates_the_rule_today() -> None:
    short = {row.subject for row in table_rows() if row.level is not Level.OK}
    assert short == {"worker"}


@pytest.mark.parametrize(
    ("used", "level"),
    [(0.6, Level.OK), (0.61, Level.NOTICE), (0.8, Level.WARNING), (0.9, Level.CRITICAL), (1.2, Level.CRITICAL)],
)
def test_levels_of_headroom(used: float, level: Level) -> None:
    assert headroom_of("api", "CPU", "cores", used, 1.0, POLICY).level is level


def test_no_capacity_is_refused() -> None:
    with pytest.raises(UsageError):
        headroom_of("api", "CPU", "cores", 1.0, 0.0, POLICY)
    with pytest.raises(UsageError):
        needed_capacity(1.0, 1.0)


@given(st.floats(0, 1e12), st.floats(0, 0.95))
def test_the_needed_capacity_keeps_the_headroom(used: float, wanted: float) -> None:
    needed = needed_capacity(used, wanted)
    assert used <= needed * (1 - wanted) * (1 + 1e-9)


@given(st.floats(0, 2), st.floats(0, 1))
def test_more_use_is_never_a_better_level(used: float, more: float) -> None:
    low = headroom_of("api", "CPU", "cores", used, 1.0, POLICY)
    high = headroom_of("api", "CPU", "cores", used + more, 1.0, POLICY)
    assert high.level.rank >= low.level.rank
