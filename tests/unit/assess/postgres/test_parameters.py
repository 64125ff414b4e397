from __future__ import annotations

import pytest

from selextract_infra.assess.postgres.parameters import context_of
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


def test_a_foreign_parameter_is_refused() -> None:
    with pytest.raises(UsageError, match="io_method"):
        context_of("io_method", 18)
