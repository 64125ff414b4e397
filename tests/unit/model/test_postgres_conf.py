from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.assess.postgres.settings_for import tune_postgres
from selextract_infra.model.postgres import SettingContext, Unit
from selextract_infra.model.postgres_conf import conf_text, conf_value
from selextract_infra.model.tuning import PostgresFacts, Setting
from selextract_infra.policy import default_policy

KB, MB, GB = 1 << 10, 1 << 20, 1 << 30
UNITS = {"kB": KB, "MB": MB, "GB": GB, "TB": 1 << 40}


def written(value: bool | float | str, unit: Unit = Unit.NONE) -> str:
    setting = Setting(name="any", value=value, unit=unit, context=SettingContext.USER, rule="X-00", why="")
    return conf_value(setting)


def test_values_are_written_as_postgres_takes_them() -> None:
    assert written(value=True) == "on"
    assert written(value=False) == "off"
    assert written(200) == "200"
    assert written(1.1) == "1.1"
    assert written(4.0) == "4"
    assert written("lz4") == "lz4"
    assert written(512 * MB, Unit.BYTES) == "512MB"
    assert written(8 * GB, Unit.BYTES) == "8GB"
    assert written(1216 * KB, Unit.BYTES) == "1216kB"
    assert written(0, Unit.BYTES) == "0kB"
    assert written(900, Unit.SECONDS) == "15min"
    assert written(61, Unit.SECONDS) == "61s"


def test_text_cannot_leave_its_quotes() -> None:
    assert written("it's\\") == "'it''s\\\\'"
    assert written("Two Words") == "'Two Words'"


@given(st.integers(1, 1 << 32))
def test_a_size_is_written_exactly(kilobytes: int) -> None:
    text = written(kilobytes * KB, Unit.BYTES)
    assert int(text[:-2]) * UNITS[text[-2:]] == kilobytes * KB


def test_the_file_for_two_gb_is_this_one() -> None:
    facts = PostgresFacts(memory=2 * GB, cpus=2, connections=50, version=16)
    assert (
        conf_text(tune_postgres(facts, default_policy()))
        == """\
# Written by selextract-infra; changes made here are lost.
# Settings in postgresql.auto.conf and on the command line win over these.
# For PostgreSQL 16, primary, web on ssd: 2GB of memory, 2 CPUs.

autovacuum_max_workers = 3
autovacuum_work_mem = 42MB
checkpoint_completion_target = 0.9
default_statistics_target = 100
effective_cache_size = 1536MB
effective_io_concurrency = 200
hash_mem_multiplier = 1
huge_pages = off
jit = off
maintenance_work_mem = 128MB
max_connections = 50
max_parallel_workers = 2
max_wal_size = 4GB
max_worker_processes = 8
min_wal_size = 1GB
random_page_cost = 1.1
shared_buffers = 512MB
superuser_reserved_connections = 3
wal_buffers = 15MB
wal_compression = lz4
work_mem = 16MB
"""
    )


def test_the_same_tuning_gives_the_same_bytes() -> None:
    facts = PostgresFacts(memory=3 * GB + 12345, cpus=2.5, version=18, disk=10**11)
    first, second = (conf_text(tune_postgres(facts, default_policy())) for _ in range(2))
    assert first == second
