"""PGTune's own answers, computed by hand from its published rules."""

from __future__ import annotations

import pytest

from scripts.pgtune import pgtune_settings
from selextract_infra.model.postgres import Storage, Workload

KB, MB, GB = 1 << 10, 1 << 20, 1 << 30


def values(
    memory: int, cpus: int, connections: int, workload: str = "web", storage: str = "ssd", version: int = 16
) -> dict[str, object]:
    found = pgtune_settings(memory, cpus, connections, Workload(workload), Storage(storage), version)
    return {setting.name: setting.value for setting in found}


def test_two_gb_for_the_web() -> None:
    assert values(2 * GB, 2, 50) == {
        "max_connections": 50,
        "shared_buffers": 512 * MB,
        "effective_cache_size": 1536 * MB,
        "maintenance_work_mem": 128 * MB,
        "checkpoint_completion_target": 0.9,
        "wal_buffers": 16 * MB,
        "default_statistics_target": 100,
        "random_page_cost": 1.1,
        "effective_io_concurrency": 200,
        "work_mem": 9039 * KB,
        "huge_pages": "off",
        "min_wal_size": GB,
        "max_wal_size": 4 * GB,
        "jit": False,
        "wal_compression": "lz4",
    }


def test_thirty_two_gb_for_a_warehouse() -> None:
    found = values(32 * GB, 16, 40, "dw", "nvme", 14)
    assert found["maintenance_work_mem"] == 4 * GB
    assert found["work_mem"] == 74898 * KB
    assert found["max_parallel_workers_per_gather"] == 8
    assert (found["max_worker_processes"], found["max_parallel_workers"]) == (16, 16)
    assert found["max_parallel_maintenance_workers"] == 4
    assert (found["min_wal_size"], found["max_wal_size"]) == (4 * GB, 16 * GB)
    assert (found["default_statistics_target"], found["effective_io_concurrency"]) == (500, 1000)
    assert found["huge_pages"] == "try"
    assert found.keys().isdisjoint({"jit", "wal_compression"})


def test_a_desktop_takes_a_sixteenth() -> None:
    found = values(8 * GB, 4, 20, "desktop", "hdd")
    assert (found["shared_buffers"], found["effective_cache_size"]) == (512 * MB, 2 * GB)
    assert found["work_mem"] == 15603 * KB
    assert (found["random_page_cost"], found["effective_io_concurrency"]) == (4.0, 2)


@pytest.mark.parametrize(("memory", "buffers"), [(256 * MB, 1966 * KB), (GB, 7864 * KB), (2 * GB, 16 * MB)])
def test_wal_buffers_are_three_percent_and_near_sixteen_mb_sixteen(memory: int, buffers: int) -> None:
    assert values(memory, 2, 50)["wal_buffers"] == buffers


def test_work_mem_is_never_below_four_mb() -> None:
    assert values(2 * GB, 2, 400)["work_mem"] == 4 * MB


def test_maintenance_stops_at_eight_gb() -> None:
    assert values(256 * GB, 32, 100)["maintenance_work_mem"] == 8 * GB
