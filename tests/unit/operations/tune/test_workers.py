"""Tasks and browsers fit the memory, and no task is taken for lost while a worker holds it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.assess.postgres.proposal import Subject
from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.model.assessment import Level
from selextract_infra.model.decision import Decision, Verdict
from selextract_infra.model.finding import Severity
from selextract_infra.model.tuning import ServiceTuning, WorkerFacts
from selextract_infra.operations.tune.workers import tune_workers
from selextract_infra.policy import default_policy, load_policy

MB, GB = 1 << 20, 1 << 30
POLICY = default_policy()


def tuned(memory: int, cpus: float = 2, **more: object) -> ServiceTuning:
    return tune_workers(WorkerFacts.model_validate({"memory": memory, "cpus": cpus, **more}), POLICY)


def value(tuning: ServiceTuning, name: str) -> object:
    setting = tuning.setting(name)
    assert setting is not None, name
    return setting.value


def decided(tuning: ServiceTuning, resource: str) -> Decision:
    return next(decision for decision in tuning.decisions if decision.resource == resource)


def test_the_guides_own_worker_has_no_headroom() -> None:
    """X-08: 4 x 512 + 4 x 256 = 3,072 MB = 100 % of 3 GB."""
    tuning = tuned(3 * GB)
    assert (value(tuning, "concurrency"), value(tuning, "browser_instances")) == (3, 3)
    assert tuning.total == 2304 * MB
    assert decided(tuning, "concurrency").rule == "X-08"
    assert decided(tuning, "concurrency").why_less == (
        "4 browsers and 4 tasks are 3,072 MB, 100 % of 3,072 MB, and 90 % may be used; 4 need 3,584 MB."
    )


def test_what_limits_is_what_is_said() -> None:
    """5 tasks asked of 4 browsers are 4 by MEM-04, however much memory there is."""
    policy = load_policy({"cpu_parts": {"worker": {"concurrency": 5}}})
    tuning = tune_workers(WorkerFacts(memory=16 * GB, cpus=16), policy)
    assert (decided(tuning, "concurrency").granted, decided(tuning, "concurrency").rule) == (4, "MEM-04")
    assert decided(tuning, "concurrency").why_less == "A worker opens 4 browsers at most, and each task has its own."


def test_three_and_a_half_gb_hold_the_guides_four() -> None:
    tuning = tuned(3584 * MB)
    assert (value(tuning, "concurrency"), value(tuning, "browser_instances")) == (4, 4)
    assert decided(tuning, "concurrency").rule == "CPU-03"
    assert decided(tuning, "browser_instances").rule == "MEM-04"
    assert decided(tuning, "concurrency").why_less is None


def test_a_limit_cut_by_a_fifth_holds_two() -> None:
    tuning = tuned(int(2457.6 * MB))
    assert value(tuning, "concurrency") == 2
    assert tuning.total == 1536 * MB


def test_fewer_tasks_than_wanted_are_said_by_littles_law() -> None:
    tuning = tuned(3 * GB, instances=2)
    assert tuning.capacity is not None
    assert (tuning.capacity.slots, tuning.capacity.capacity, tuning.capacity.level) == (6, 864, Level.CRITICAL)
    finding = next(finding for finding in tuning.findings if finding.rule == "X-26")
    assert finding.severity is Severity.MAJOR
    assert "3,584 MB" in finding.resolution


def test_two_workers_of_four_slots_keep_up() -> None:
    tuning = tuned(4 * GB, instances=2)
    assert tuning.capacity is not None
    assert tuning.capacity.capacity == 1152
    assert all(finding.rule != "X-26" for finding in tuning.findings)


@pytest.mark.parametrize(("cpus", "slots"), [(0.5, 1), (1, 2), (1.5, 3), (2, 4), (8, 4)])
def test_the_cpus_carry_two_tasks_a_core(cpus: float, slots: int) -> None:
    tuning = tuned(8 * GB, cpus)
    assert value(tuning, "concurrency") == slots
    assert decided(tuning, "concurrency").rule == "CPU-03"


def test_memory_for_no_task_is_refused() -> None:
    with pytest.raises(RefusedError) as refused:
        tuned(384 * MB)
    assert refused.value.rule == "X-08"
    assert "needs 768 MB" in str(refused.value)
    assert refused.value.remedy == "give the worker 1,024 MB or more"


def test_prefetch_does_not_hide_the_queue() -> None:
    """X-29: 4 x 2 = 8 for each worker, 16 with 2 workers > 10, 120 with 15 > 100."""
    tuning = tuned(4 * GB)
    assert value(tuning, "prefetch_multiplier") == 1
    decision = decided(tuning, "prefetch_multiplier")
    assert (decision.rule, decision.requested, decision.granted) == ("X-29", 2, 1)
    finding = next(finding for finding in tuning.findings if finding.rule == "X-29")
    assert finding.severity is Severity.INFO
    assert (finding.numbers["guide_tasks_per_worker"], finding.numbers["guide_tasks_fewest"]) == (8, 16)
    assert (finding.numbers["guide_tasks_most"], finding.numbers["tasks_fewest"]) == (120, 8)


def test_two_slots_may_prefetch_as_the_guide_wishes() -> None:
    tuning = tuned(8 * GB, 1)
    assert value(tuning, "prefetch_multiplier") == 2
    assert decided(tuning, "prefetch_multiplier").rule == "CPU-04"


def test_a_worker_is_given_time_to_end_the_longest_task() -> None:
    tuning = tuned(4 * GB, longest_task=100, stop_grace=10)
    decision = decided(tuning, "stop_grace_period")
    assert (decision.verdict, decision.current, decision.granted) == (Verdict.RAISE, 10, 120)
    assert decision.severity is Severity.BREAKING


def test_a_longer_grace_is_kept() -> None:
    decision = decided(tuned(4 * GB, longest_task=100, stop_grace=300), "stop_grace_period")
    assert (decision.verdict, decision.granted, decision.why_less) == (Verdict.KEEP, 300, None)


@pytest.mark.parametrize(("now", "granted"), [(60, 220), (220, 220), (None, 3600), (7200, 7200)])
def test_no_task_is_handed_out_while_a_worker_holds_it(now: float | None, granted: int) -> None:
    """1 x 100 s of work and 120 s to stop."""
    tuning = tuned(4 * GB, longest_task=100, visibility_timeout=now)
    assert value(tuning, "visibility_timeout") == granted


def test_an_unknown_longest_task_is_assumed_and_said() -> None:
    finding = tuned(4 * GB).findings[-1]
    assert finding.sentence == "Nobody said how long the longest task takes; 100 s are assumed, 4 times the usual 25 s."
    assert all(other.rule != finding.rule for other in tuned(4 * GB, longest_task=30).findings)


def test_a_process_is_replaced_beyond_the_memory_of_a_task() -> None:
    assert value(tuned(4 * GB), "max_memory_per_child") == 256 * MB


def test_decisions_say_whose_they_are() -> None:
    facts = WorkerFacts(memory=4 * GB, cpus=2)
    tuning = tune_workers(facts, POLICY, subject=Subject("app1", "selextract", "worker"))
    assert {(each.host, each.project, each.service) for each in tuning.decisions} == {("app1", "selextract", "worker")}


@pytest.mark.parametrize(
    "wrong",
    [{"memory": 0}, {"cpus": 0}, {"instances": 0}, {"longest_task": 0}, {"stop_grace": -1}, {"task_seconds": 0}],
)
def test_facts_that_cannot_be_are_a_wrong_call(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        tune_workers(WorkerFacts.model_validate({"memory": 4 * GB, "cpus": 2, **wrong}), POLICY)


@given(
    memory=st.integers(900 * MB, 64 * GB),
    cpus=st.floats(0.1, 32),
    longest=st.floats(0.1, 3600),
    grace=st.one_of(st.none(), st.floats(1, 3600)),
    visibility=st.one_of(st.none(), st.floats(1, 7200)),
)
def test_everything_fits_and_nothing_is_cut_short(
    memory: int, cpus: float, longest: float, grace: float | None, visibility: float | None
) -> None:
    facts = {"longest_task": longest, "stop_grace": grace, "visibility_timeout": visibility}
    tuning = tuned(memory, cpus, **facts)
    number = {setting.name: setting.value for setting in tuning.settings}
    browsers, tasks, ahead = (number[name] for name in ("browser_instances", "concurrency", "prefetch_multiplier"))
    stop, hidden = number["stop_grace_period"], number["visibility_timeout"]
    assert isinstance(browsers, int)
    assert isinstance(tasks, int)
    assert isinstance(ahead, int)
    assert isinstance(stop, int)
    assert isinstance(hidden, int)
    assert browsers * 512 * MB + tasks * 256 * MB <= 0.9 * memory
    assert 1 <= tasks <= 4
    assert stop >= longest
    assert hidden >= ahead * longest + stop
