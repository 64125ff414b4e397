"""The guide's numbers come out where they fit, and every one that does not is a Decision with its ID."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.assess.postgres.parameters import PARAMETERS, STANDBY_PARAMETERS, VERSIONS, context_of
from selextract_infra.assess.postgres.settings_for import tune_postgres
from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.model.decision import Decision
from selextract_infra.model.finding import Severity
from selextract_infra.model.postgres import Role, Storage, Workload
from selextract_infra.model.tuning import PostgresFacts, PostgresTuning
from selextract_infra.policy import default_policy, load_policy

MB, GB = 1 << 20, 1 << 30
POLICY = default_policy()


def tuned(memory: int, cpus: float = 2, **more: object) -> PostgresTuning:
    facts = PostgresFacts.model_validate({"memory": memory, "cpus": cpus, "version": 16, **more})
    return tune_postgres(facts, POLICY)


def value(tuning: PostgresTuning, name: str) -> object:
    setting = tuning.setting(name)
    assert setting is not None, name
    return setting.value


def number(tuning: PostgresTuning, name: str) -> int:
    found = value(tuning, name)
    assert isinstance(found, int)
    return found


def decided(tuning: PostgresTuning, resource: str) -> Decision:
    return next(decision for decision in tuning.decisions if decision.resource == resource)


def test_on_a_dedicated_host_of_32_gb_the_guide_comes_out_verbatim() -> None:
    tuning = tuned(32 * GB, 8)
    assert value(tuning, "shared_buffers") == 8 * GB
    assert value(tuning, "work_mem") == 16 * MB
    assert value(tuning, "maintenance_work_mem") == 2 * GB
    assert value(tuning, "max_worker_processes") == 8
    assert value(tuning, "max_parallel_workers") == 4
    assert value(tuning, "max_connections") == 200
    assert all(decision.why_less is None for decision in tuning.decisions)
    assert [decision.rule for decision in tuning.decisions] == [
        "MEM-07", "MEM-08", "MEM-09", "X-03", "CPU-05", "CPU-06", "HDB-03",
    ]  # fmt: skip


def test_eight_gb_never_go_into_a_container_of_two() -> None:
    tuning = tuned(2 * GB, connections=50)
    assert value(tuning, "shared_buffers") == 512 * MB
    decision = decided(tuning, "shared_buffers")
    assert (decision.rule, decision.requested, decision.granted) == ("X-01", 8 * GB, 512 * MB)
    assert decision.severity is Severity.BREAKING
    assert decision.why_less == "8,192 MB are 400 % of 2,048 MB; 25 % of 2,048 MB are granted."


def test_fifty_connections_keep_the_guides_work_mem_in_two_gb() -> None:
    """X-02: 512 + 50 x 16 + 128 = 1,440 MB, 70 % of the container."""
    tuning = tuned(2 * GB, connections=50)
    assert value(tuning, "work_mem") == 16 * MB
    counted = {part.name: part.bytes for part in tuning.budget}
    named = counted["shared_buffers"] + counted["work_mem"] + counted["maintenance_work_mem"]
    assert named == 1440 * MB
    assert named / (2 * GB) == pytest.approx(0.70, abs=0.005)


def test_two_hundred_connections_are_paid_with_work_mem() -> None:
    tuning = tuned(2 * GB)
    assert value(tuning, "max_connections") == 200
    assert value(tuning, "work_mem") == 1216 << 10
    assert decided(tuning, "work_mem").rule == "X-02"
    assert [finding.rule for finding in tuning.findings][:2] == ["X-02", "X-13"]


def test_more_connections_than_fit_are_fewer_connections() -> None:
    tuning = tuned(256 * MB, 0.5, connections=200)
    assert value(tuning, "max_connections") == 32
    assert value(tuning, "work_mem") == MB
    decision = decided(tuning, "max_connections")
    assert (decision.rule, decision.requested, decision.granted) == ("X-02", 200, 32)
    assert "pooler" in (decision.why_less or "")


def test_maintenance_takes_a_sixteenth_and_autovacuum_is_stated() -> None:
    tuning = tuned(2 * GB, connections=50)
    assert value(tuning, "maintenance_work_mem") == 128 * MB
    assert value(tuning, "autovacuum_work_mem") == 42 * MB
    assert value(tuning, "autovacuum_max_workers") == 3
    assert decided(tuning, "maintenance_work_mem").rule == "X-03"


@pytest.mark.parametrize(("cpus", "workers"), [(0.5, 0), (1, 1), (2, 2), (2.9, 2), (4, 4), (16, 4)])
def test_parallel_workers_fit_the_cpus(cpus: float, workers: int) -> None:
    tuning = tuned(32 * GB, cpus)
    assert value(tuning, "max_parallel_workers") == workers
    assert value(tuning, "max_worker_processes") == 8
    assert (decided(tuning, "max_parallel_workers").rule == "X-04") == (workers < 4)


@pytest.mark.parametrize(("cpus", "stated"), [(2, False), (3.9, False), (4, True)])
def test_helpers_of_one_query_are_stated_from_four_cpus(cpus: float, stated: bool) -> None:
    tuning = tuned(8 * GB, cpus)
    assert (tuning.setting("max_parallel_workers_per_gather") is not None) == stated
    assert (tuning.setting("max_parallel_maintenance_workers") is not None) == stated


def test_asking_for_all_the_memory_is_refused_without_an_override() -> None:
    facts = PostgresFacts(memory=2 * GB, cpus=2, version=16)
    for asked in (2 * GB, 8 * GB):
        with pytest.raises(RefusedError) as refused:
            tune_postgres(facts, POLICY, shared_buffers=asked, overrides=["X-01"])
        assert (refused.value.rule, refused.value.override) == ("X-01", None)
    assert "4.0 times the 2,048 MB" in str(refused.value)


def test_a_policy_that_gives_all_memory_away_is_refused_too() -> None:
    policy = load_policy({"postgres": {"shared_buffers_share": "100%"}})
    with pytest.raises(RefusedError, match="X-01"):
        tune_postgres(PostgresFacts(memory=2 * GB, cpus=2, version=16), policy)


@pytest.mark.parametrize(
    ("memory", "overrides", "granted"),
    [
        (20 * GB, [], 5 * GB),
        (20 * GB, ["X-01"], 8 * GB),
        (16 * GB, ["X-01"], int(6.4 * 1024) * MB),
        (32 * GB, [], 8 * GB),
    ],
)
def test_an_override_stretches_the_share_to_forty_percent(memory: int, overrides: list[str], granted: int) -> None:
    facts = PostgresFacts(memory=memory, cpus=8, version=16)
    tuning = tune_postgres(facts, POLICY, shared_buffers=8 * GB, overrides=overrides)
    assert abs(number(tuning, "shared_buffers") - granted) <= MB


@pytest.mark.parametrize("workload", [Workload.WEB, Workload.OLTP, Workload.MIXED])
def test_jit_is_off_where_queries_are_short(workload: Workload) -> None:
    assert value(tuned(8 * GB, workload=workload), "jit") is False


def test_jit_stays_on_for_a_warehouse() -> None:
    assert tuned(8 * GB, workload=Workload.DW).setting("jit") is None


@pytest.mark.parametrize(("version", "lz4", "stated"), [(14, True, False), (15, True, True), (17, False, False)])
def test_wal_is_compressed_with_lz4_where_there_is_lz4(version: int, lz4: bool, stated: bool) -> None:
    assert (tuned(2 * GB, version=version, lz4=lz4).setting("wal_compression") is not None) == stated


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_is_said_about_how_postgres_reads(version: int) -> None:
    """io_uring is blocked in Docker, so the method is left to Postgres."""
    names = {setting.name for setting in tuned(2 * GB, version=version).settings}
    assert names.isdisjoint({"io_method", "io_workers", "io_max_concurrency"})


@pytest.mark.parametrize(
    ("disk", "largest", "smallest"), [(None, 4 * GB, GB), (10**12, 4 * GB, GB), (20 * 10**9, 944 * MB, 464 * MB)]
)
def test_wal_is_limited_by_the_disk(disk: int | None, largest: int, smallest: int) -> None:
    tuning = tuned(2 * GB, disk=disk)
    assert (value(tuning, "max_wal_size"), value(tuning, "min_wal_size")) == (largest, smallest)
    assert (tuning.setting("max_slot_wal_keep_size") is None) == (disk is None)


def test_a_small_disk_still_gets_enough_wal_to_run() -> None:
    tuning = tuned(2 * GB, disk=10**9)
    assert (value(tuning, "max_wal_size"), value(tuning, "min_wal_size")) == (128 * MB, 64 * MB)


@pytest.mark.parametrize(
    ("storage", "cost", "reads"), [("hdd", 4, 2), ("ssd", 1.1, 200), ("san", 1.1, 300), ("nvme", 1.1, 1000)]
)
def test_the_planner_knows_the_storage(storage: str, cost: float, reads: int) -> None:
    tuning = tuned(2 * GB, storage=storage)
    assert (value(tuning, "random_page_cost"), value(tuning, "effective_io_concurrency")) == (cost, reads)


@pytest.mark.parametrize(("memory", "huge"), [(7 * GB, "off"), (8 * GB, "try")])
def test_huge_pages_are_tried_from_two_gb_of_shared_buffers(memory: int, huge: str) -> None:
    assert value(tuned(memory), "huge_pages") == huge


def test_wal_buffers_are_three_percent_of_shared_buffers_within_bounds() -> None:
    assert value(tuned(256 * MB, 0.5), "wal_buffers") == 1920 << 10
    assert value(tuned(2 * GB), "wal_buffers") == 15 * MB
    assert value(tuned(8 * GB), "wal_buffers") == 16 * MB


def test_a_desktop_leaves_three_quarters_to_other_programs() -> None:
    assert value(tuned(8 * GB, workload=Workload.DESKTOP), "shared_buffers") == 512 * MB


def test_the_container_is_told_how_much_shared_memory_it_needs() -> None:
    assert tuned(2 * GB, connections=50).shm_size == 256 * MB
    assert tuned(256 * MB, 0.5).shm_size == 64 * MB


def test_an_analytics_replica_takes_no_less_than_its_primary_and_gives_no_feedback() -> None:
    primary = {"max_connections": 200, "max_worker_processes": 12, "max_wal_senders": 20}
    tuning = tuned(8 * GB, role=Role.ANALYTICS, connections=20, primary=primary)
    assert {name: value(tuning, name) for name in primary} == primary
    assert decided(tuning, "max_worker_processes").rule == "DRV-10"
    assert value(tuning, "hot_standby_feedback") is False
    assert value(tuning, "max_standby_streaming_delay") == 900
    assert tuning.facts.effective_workload is Workload.DW


def test_a_reader_keeps_its_rows_on_the_primary() -> None:
    tuning = tuned(8 * GB, role=Role.READER)
    assert value(tuning, "hot_standby_feedback") is True
    assert tuning.facts.effective_workload is Workload.WEB


def test_a_standby_too_small_for_its_primary_is_refused() -> None:
    with pytest.raises(RefusedError, match="The primary has 200 connections") as refused:
        tuned(512 * MB, role=Role.READER, primary={"max_connections": 200})
    assert refused.value.rule == "X-02"


def test_a_primary_is_not_bound_by_what_a_primary_has() -> None:
    assert value(tuned(2 * GB, connections=50, primary={"max_connections": 200}), "max_connections") == 50


@pytest.mark.parametrize(
    "wrong", [{"version": 13}, {"version": 19}, {"memory": 0}, {"cpus": 0}, {"connections": 3}, {"disk": 0}]
)
def test_facts_that_cannot_be_are_a_wrong_call(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        tune_postgres(PostgresFacts.model_validate({"memory": 2 * GB, "cpus": 2, "version": 16, **wrong}), POLICY)


def test_too_little_memory_is_refused_with_what_is_needed() -> None:
    with pytest.raises(RefusedError, match="64 MB are too little for Postgres, which needs 128 MB"):
        tuned(64 * MB)


servers = st.fixed_dictionaries(
    {
        "memory": st.integers(512 * MB, 256 * GB),
        "cpus": st.floats(0.1, 64),
        "connections": st.one_of(st.none(), st.integers(4, 5000)),
        "version": st.sampled_from(VERSIONS),
        "workload": st.sampled_from([None, *Workload]),
        "storage": st.sampled_from(Storage),
        "disk": st.one_of(st.none(), st.integers(10**9, 10**13)),
        "role": st.sampled_from(Role),
    }
)


@given(servers)
def test_everything_together_always_fits(facts: dict[str, object]) -> None:
    tuning = tune_postgres(PostgresFacts.model_validate(facts), POLICY)
    assert tuning.total <= tuning.allowed < tuning.facts.memory
    assert 0 < number(tuning, "shared_buffers") < tuning.facts.memory
    assert tuning.shm_size <= tuning.facts.memory


@given(servers)
def test_every_setting_is_known_to_its_version(facts: dict[str, object]) -> None:
    tuning = tune_postgres(PostgresFacts.model_validate(facts), POLICY)
    for setting in tuning.settings:
        assert setting.name in PARAMETERS
        assert setting.context is context_of(setting.name, tuning.facts.version)
    assert [setting.name for setting in tuning.settings] == sorted({setting.name for setting in tuning.settings})


@given(servers, st.integers(0, 64 * GB))
def test_more_memory_never_means_less(facts: dict[str, object], more: int) -> None:
    small = PostgresFacts.model_validate(facts)
    large = small.model_copy(update={"memory": small.memory + more})
    before, after = tune_postgres(small, POLICY), tune_postgres(large, POLICY)
    for name in ("shared_buffers", "maintenance_work_mem", "autovacuum_work_mem", "effective_cache_size",
                 "max_connections", "wal_buffers"):  # fmt: skip
        assert number(after, name) >= number(before, name), name
    if value(after, "max_connections") == value(before, "max_connections"):
        assert number(after, "work_mem") >= number(before, "work_mem")


@given(servers, st.integers(4, 800))
def test_a_standby_never_has_less_than_its_primary(facts: dict[str, object], connections: int) -> None:
    primary = dict.fromkeys(STANDBY_PARAMETERS, connections)
    standby = PostgresFacts.model_validate({**facts, "role": Role.READER, "primary": primary})
    with contextlib.suppress(RefusedError):
        tuning = tune_postgres(standby, POLICY)
        assert all(number(tuning, name) >= connections for name in STANDBY_PARAMETERS)
        assert tuning.total <= tuning.allowed
