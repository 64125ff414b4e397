from __future__ import annotations

import pytest
from selextract_sampler.bucket import Bucket, Sample

MIB = 2**20


def test_a_row_holds_mean_and_peak_of_cpu_highest_memory_and_lowest_cache() -> None:
    bucket = Bucket(1_700_000_000)
    bucket.add("api-1", "shop", "api", Sample(1.0, 0.2, 100 * MIB, 9 * MIB, 256 * MIB))
    bucket.add("api-1", "shop", "api", Sample(1.0, 0.6, 120 * MIB, 4 * MIB, 300 * MIB, oom_kills=1))
    bucket.add("api-1", "shop", "api", Sample(2.0, 0.4, 90 * MIB, 6 * MIB, 300 * MIB, restarts=1))
    assert bucket.rows() == [[1_700_000_000, "api-1", "shop", "api", 0.3, 0.6, 120 * MIB, 4 * MIB, 1, 1, 3, 300 * MIB]]


def test_a_kill_without_a_measurement_is_told_without_being_a_sample() -> None:
    bucket = Bucket(0)
    bucket.add("api-1", None, None, Sample(0.0, 0.0, 256 * MIB, 0, 256 * MIB, oom_kills=2))
    assert bucket.rows() == [[0, "api-1", None, None, 0.0, 0.0, 256 * MIB, 0, 2, 0, 0, 256 * MIB]]


@pytest.mark.parametrize("name", ["{{ lookup('pipe','id') }}", "a\nb", "\x1b[31mred", '"], [1'])
def test_a_hostile_name_is_data(name: str) -> None:
    bucket = Bucket(0)
    bucket.add(name, name, name, Sample(1.0, 0.1, 1, 1, 1))
    assert bucket.rows()[0][1:4] == [name, name, name]
