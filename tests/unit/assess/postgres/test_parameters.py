from __future__ import annotations

import pytest

from selextract_infra.assess.postgres.parameters import First, change_order, context_of, restart_needed
from selextract_infra.errors import UsageError
from selextract_infra.model.postgres import SettingContext


@pytest.mark.parametrize("name", ["shared_buffers", "max_connections", "max_worker_processes", "max_wal_senders"])
def test_these_need_a_restart(name: str) -> None:
    assert context_of(name, 16) is SettingContext.POSTMASTER


@pytest.mark.parametrize("name", ["work_mem", "maintenance_work_mem", "max_parallel_workers", "max_wal_size"])
def test_these_only_need_a_reload(name: str) -> None:
    assert not context_of(name, 16).restart


def test_a_context_may_change_with_the_version() -> None:
    assert context_of("autovacuum_max_workers", 17).restart
    assert not context_of("autovacuum_max_workers", 18).restart


def test_what_needs_a_restart_is_named() -> None:
    assert restart_needed(["work_mem", "shared_buffers", "max_connections"], 15) == (
        "max_connections",
        "shared_buffers",
    )
    assert restart_needed(["work_mem"], 15) == ()


def test_a_foreign_parameter_is_refused() -> None:
    with pytest.raises(UsageError, match="io_method"):
        context_of("io_method", 18)


def test_raises_begin_on_the_standbys_and_lowers_on_the_primary() -> None:
    assert change_order("max_connections", 100, 200) is First.STANDBYS
    assert change_order("max_wal_senders", 20, 10) is First.PRIMARY
    assert change_order("max_worker_processes", 8, 8) is First.ANY
    assert change_order("work_mem", 4, 16) is First.ANY
