from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selextract_infra.errors import UsageError
from selextract_infra.model.decision import Decision, Verdict
from selextract_infra.model.finding import Severity
from selextract_infra.model.observation import Observation
from selextract_infra.operations.rightsize.decide import Decided, decide_rightsize
from selextract_infra.policy import Policy
from tests.unit.seen import AT, GB, MB, container, definition, history, host, observation, one, policy


def decide(seen: Observation, rules: Policy | None = None, **more: Any) -> Decided:
    return decide_rightsize(seen, rules or policy(), at=AT, **more)


def decision(decided: Decided, resource: str = "memory", service: str | None = None) -> Decision:
    (found,) = [
        one for one in decided.decisions if one.resource == resource and (service is None or one.service == service)
    ]
    return found


def test_memory_is_the_peak_at_sixty_percent_of_the_limit() -> None:
    lowered = decision(decide(one("api", peak=600 * MB)))
    assert (lowered.verdict, lowered.granted) == (Verdict.LOWER, 1008 * MB)
    assert lowered.rule == "REC-03"
    assert lowered.low == 704 * MB
    assert lowered.why == "The peak of 600 MB is 29.3 % of the limit; REC-03 allows 60 %."


def test_a_limit_is_never_lowered_from_a_history_that_a_limit_cut() -> None:
    limits, memory = np.full(10080, 2 * GB), np.full(10080, 300 * MB)
    limits[:3000], memory[:3000] = 400 * MB, 370 * MB  # nearly all of the limit of that time, then it was raised
    api = history("api", memory=memory, limit=limits)
    kept = decision(decide(observation(host([container("api", memory=2 * GB)], [api]))))
    assert (kept.verdict, kept.granted) == (Verdict.KEEP, 2 * GB)
    assert kept.why_less == "a limit of 400 MB cut what it used in the window, so it gets no less"
    memory[:3000] = 350 * MB
    free = history("api", memory=memory, limit=limits)
    lowered = decision(decide(observation(host([container("api", memory=2 * GB)], [free]))))
    assert lowered.verdict is Verdict.LOWER


def test_the_guides_api_keeps_its_limit_because_that_is_exactly_its_right_size() -> None:
    kept = decision(decide(one("api", peak=round(2 * GB * 0.6))))
    assert (kept.verdict, kept.requested, kept.granted) == (Verdict.KEEP, 2 * GB, 2 * GB)


def test_the_guides_worker_is_raised_to_its_right_size() -> None:
    raised = decision(decide(one("worker", peak=round(3 * GB * 0.7), memory=3 * GB)))
    assert (raised.verdict, raised.granted) == (Verdict.RAISE, round(3.5 * GB))
    assert raised.severity is Severity.MINOR


def test_one_spike_sets_the_memory_and_keeps_the_cpu_from_being_throttled() -> None:
    memory, cpu = np.full(10080, 100 * MB), np.full(10080, 0.3)
    memory[5000], cpu[5000:5100] = 900 * MB, 1.4
    decided = decide(one("api", peak=memory, cpu=cpu))
    assert decision(decided).granted == 1504 * MB
    lowered = decision(decided, "cpus")
    assert (lowered.verdict, lowered.granted, lowered.rule) == (Verdict.LOWER, 1.4, "rightsizing.cpu_keeps_peak")
    assert lowered.why == "Its highest bucket of 1.4 cores would be throttled by less."


def test_what_one_look_sees_of_the_cpu_keeps_a_limit_and_never_raises_it() -> None:
    busy = decision(decide(one("api", cpu=0.1, cpus=0.5, cpu_use=0.5)), "cpus")
    assert (busy.verdict, busy.granted) == (Verdict.KEEP, 0.5)
    half = decision(decide(one("api", cpu=0.1, cpus=0.5, cpu_use=0.25)), "cpus")
    assert (half.verdict, half.rule) == (Verdict.LOWER, "rightsizing.shrink_margin")


def test_a_policy_may_lower_the_cpu_by_its_percentile_alone_and_no_spike_raises_it() -> None:
    cpu = np.full(10080, 0.3)
    cpu[5000:5100] = 2.0
    lowered = decision(decide(one("api", cpu=cpu), policy(rightsizing={"cpu_keeps_peak": False})), "cpus")
    assert (lowered.granted, lowered.peak, lowered.high, lowered.rule) == (0.5, 2.0, 3.35, "REC-03")
    assert decision(decide(one("api", cpu=cpu, cpus=0.5)), "cpus").verdict is Verdict.KEEP


def test_the_highest_container_counts_and_not_the_mean() -> None:
    seen = observation(
        host(
            [container("api", number=1), container("api", number=2)],
            [history("api", number=1, memory=100 * MB), history("api", number=2, memory=900 * MB, cpu=1.0)],
        )
    )
    decided = decide(seen)
    assert decision(decided).peak == 900 * MB
    assert decision(decided, "cpus").granted == 1.7


def test_what_is_in_use_now_counts_though_the_history_never_saw_it() -> None:
    kept = decision(decide(one("api", peak=100 * MB, use=1200 * MB)))
    assert (kept.peak, kept.verdict) == (1200 * MB, Verdict.KEEP)


def test_nothing_changes_for_ten_percent() -> None:
    kept = decision(decide(one("api", peak=1150 * MB)))
    assert (kept.verdict, kept.granted, kept.requested) == (Verdict.KEEP, 2 * GB, 1920 * MB)
    assert kept.why_less == "within 10 % of what it has"


@given(
    peak=st.integers(min_value=2 * MB, max_value=2 * GB),
    cpu=st.floats(min_value=0.01, max_value=4),
    more=st.floats(min_value=1, max_value=1.09),
)
@settings(max_examples=60, deadline=None)
def test_a_plan_that_was_applied_is_followed_by_an_empty_one_though_the_peaks_creep_up(
    peak: int, cpu: float, more: float
) -> None:
    applied = {
        decision.resource: decision.granted or 0
        for decision in decide(one("api", peak=peak, cpu=cpu, memory=8 * GB, cpus=8)).decisions
    }
    later = one("api", peak=round(peak * more), cpu=cpu * more, memory=int(applied["memory"]), cpus=applied["cpus"])
    assert [decision.verdict for decision in decide(later).decisions] == [Verdict.KEEP, Verdict.KEEP]


@pytest.mark.parametrize("seconds", [0, 60, 24 * 60])
def test_fewer_than_a_hundred_samples_are_unknown_and_left_alone(seconds: float) -> None:
    started = (AT - timedelta(seconds=seconds)).isoformat()
    left = decision(decide(one("api", seconds=seconds, started_at=started)))
    assert (left.verdict, left.granted, left.rule) == (Verdict.UNKNOWN, 2 * GB, "rightsizing.minimum_samples")


def test_a_window_with_gaps_is_unknown() -> None:
    left = decision(decide(one("api", seconds=5 * 86400)))
    assert (left.verdict, left.rule) == (Verdict.UNKNOWN, "rightsizing.minimum_coverage")
    assert left.why == "Only 71.4 % of its last 7 days was sampled; 80 % is needed."


def test_a_service_younger_than_the_window_is_judged_by_its_own_life() -> None:
    started = (AT - timedelta(days=2)).isoformat()
    assert decision(decide(one("api", seconds=2 * 86400, started_at=started))).verdict is Verdict.LOWER


def test_a_service_known_for_less_than_a_day_is_raised_and_never_lowered() -> None:
    started = (AT - timedelta(hours=3)).isoformat()
    kept = decision(decide(one("api", seconds=3 * 3600, started_at=started)))
    assert (kept.verdict, kept.rule, kept.granted) == (Verdict.KEEP, "rightsizing.minimum_life", 2 * GB)
    raised = decision(decide(one("api", seconds=3 * 3600, started_at=started, peak=1900 * MB)))
    assert (raised.verdict, raised.severity) == (Verdict.RAISE, Severity.MAJOR)


def test_a_start_that_is_unknown_makes_the_service_as_old_as_the_window() -> None:
    for started in (None, "never", "2026-02-28T02:00:00"):
        assert decision(decide(one("api", seconds=86400, started_at=started))).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(("service", "role"), [("postgres", "database"), ("redis", "redis")])
def test_databases_and_caches_are_never_reduced_unasked_and_may_be_raised(service: str, role: str) -> None:
    decided = decide(one(service, peak=100 * MB))
    for resource in ("memory", "cpus"):
        kept = decision(decided, resource)
        assert (kept.verdict, kept.granted) == (Verdict.KEEP, kept.current)
        assert kept.why_less == "databases and caches are never reduced unasked"
    assert decision(decide(one(service, peak=1900 * MB))).verdict is Verdict.RAISE


def test_an_oom_kill_raises_by_a_quarter_of_the_limit_it_happened_at() -> None:
    killed = history("worker", memory=500 * MB, oom={9000: 2}, limit=3 * GB)
    raised = decision(decide(observation(host([container("worker", memory=3 * GB)], [killed]))))
    assert (raised.verdict, raised.granted, raised.rule) == (Verdict.RAISE, 3840 * MB, "rightsizing.oom_factor")
    assert raised.severity is Severity.BREAKING
    assert raised.why == "2 OOM kills at 3,072 MB; that much and more is needed."


def test_an_oom_kill_needs_no_hundred_samples() -> None:
    killed = history("worker", seconds=600, oom={3: 1})
    assert decision(decide(observation(host([container("worker")], [killed])))).verdict is Verdict.RAISE
    flagged = observation(host([container("worker", oom_killed=True)]))
    assert decision(decide(flagged)).granted == 2560 * MB


@pytest.mark.parametrize("recorded", [True, False])
def test_one_oom_kill_raises_once_and_not_with_every_plan(recorded: bool) -> None:
    before = history("worker", memory=200 * MB, oom={9000: 1}, limit=2 * GB if recorded else None)
    ours = {"services": {"worker": {"mem_limit": 2560 * MB, "memswap_limit": 2560 * MB}}}
    seen = observation(host([container("worker", memory=2560 * MB)], [before], project={"capacity_file": ours}))
    kept = decision(decide(seen))
    assert (kept.verdict, kept.granted) == (Verdict.KEEP, 2560 * MB)


def test_an_oom_kill_at_a_small_limit_raises_by_a_hundred_megabytes() -> None:
    killed = history("worker", memory=120 * MB, oom={9000: 1}, limit=128 * MB)
    raised = decision(decide(observation(host([container("worker", memory=128 * MB)], [killed]))))
    assert raised.granted == 240 * MB  # 100 MB on the limit that it was killed at, not on what was sampled before


def test_a_service_that_was_killed_is_never_lowered() -> None:
    killed = history("worker", memory=100 * MB, oom={9000: 1}, limit=256 * MB)
    kept = decision(decide(observation(host([container("worker")], [killed]))))
    assert (kept.verdict, kept.granted) == (Verdict.KEEP, 2 * GB)


def test_no_limit_is_ever_zero_which_docker_takes_for_unlimited() -> None:
    idle = one("api", peak=0, cpu=0.0, use=0, cpu_use=0.0)
    decided = decide(idle, policy(rightsizing={"memory_floor": "0MB", "cpu_floor": "0 cores"}))
    assert (decision(decided).granted, decision(decided, "cpus").granted) == (16 * MB, 0.05)


def test_a_stopped_service_is_left_alone() -> None:
    left = decision(decide(one("api", state="exited")))
    assert (left.verdict, left.why) == (Verdict.UNKNOWN, "No container of it is running.")


def test_what_the_guide_says_of_parts_counts_only_where_they_are_in_use() -> None:
    assert decision(decide(one("api", peak=900 * MB))).verdict is Verdict.LOWER
    in_use = policy({"api": {"parts": True}, "worker": {"parts": True}})
    raised = decision(decide(one("api", peak=900 * MB), in_use))
    assert (raised.rule, raised.granted) == ("X-05", 2560 * MB)
    assert raised.why == "Its parts add up to 2,304 MB and may fill 90 % of the limit."
    worker = decision(decide(one("worker", peak=900 * MB), in_use))
    assert (worker.rule, worker.granted) == ("X-08", 3424 * MB)


def test_redis_gets_its_maxmemory_and_what_a_fork_needs() -> None:
    raised = decision(decide(one("redis", memory=1 * GB), policy({"redis": {"maxmemory": "900MB"}})))
    assert (raised.rule, raised.granted) == ("rightsizing.redis_fork_reserve", 1360 * MB)


def test_a_container_without_limits_gets_generous_ones_in_place() -> None:
    decided = decide(one("api", memory=None, cpus=None))
    given = decision(decided)
    assert (given.verdict, given.granted, given.rule) == (Verdict.SET, 208 * MB, "rightsizing.first_limit")
    assert given.why == "It has no limit. In 7 days the most was 100 MB; a first limit is 2 times that."
    assert decided.recreate == frozenset()
    assert any(
        finding.rule == "CTR-00" and "without a memory limit" in finding.sentence for finding in decided.findings
    )


def test_nothing_known_for_less_than_a_day_gets_a_first_limit() -> None:
    started = "2026-02-28T23:00:00+00:00"
    young = container("api", memory=None, cpus=None).model_copy(update={"started_at": started})
    kept = decision(decide(observation(host([young], [history("api", seconds=3 * 3600)]))))
    assert (kept.verdict, kept.granted, kept.rule) == (Verdict.KEEP, None, "rightsizing.minimum_life")
    assert kept.why_less == "known for 3 h; nothing known for less than 1 day is limited for the first time"


def test_a_first_limit_gives_nothing_of_the_host_away() -> None:
    crowded = host(
        [container("api", memory=None), container("frontend", memory=60 * GB)],
        [history("api", memory=600 * MB), history("frontend")],
    )
    given = [one for one in decide(observation(crowded)).decisions if (one.service, one.resource) == ("api", "memory")]
    assert [one.granted for one in given] == [1200 * MB]


def test_a_first_limit_is_not_lowered_by_the_next_plan() -> None:
    app_sets_none = [definition("api", limit_form=None)]
    first = decision(
        decide(observation(host([container("api", memory=None)], [history("api")], definitions=app_sets_none)))
    )
    assert first.granted is not None
    given = container("api", memory=int(first.granted))
    again = decision(decide(observation(host([given], [history("api")], definitions=app_sets_none))))
    assert again.verdict is Verdict.KEEP
    assert again.why_less == "its first limit, and 2 times its highest use is left as it is"


def test_a_database_without_a_limit_gets_none_even_when_recreated() -> None:
    assert decision(decide(one("postgres", memory=None), settle=True)).granted is None


def test_an_unmapped_service_is_named_and_left_alone() -> None:
    decided = decide(observation(host([container("api"), container("mailer")], [history("api"), history("mailer")])))
    assert {one.service for one in decided.decisions} == {"api"}
    assert "The service mailer on app1 is not mapped to a role, so it is left alone." in [
        finding.sentence for finding in decided.findings
    ]


def test_hosts_with_a_problem_are_named_and_the_others_go_on() -> None:
    good = host([container("api")], [history("api")])
    bad = host([], name="app2", problem="Docker is not running.")
    decided = decide(observation(good, bad, unreachable={"app3": "No route to host."}))
    assert {one.host for one in decided.decisions} == {"app1"}
    sentences = [finding.sentence for finding in decided.findings]
    assert "app2 could not be looked at: Docker is not running." in sentences
    assert "app3 was not reached, so nothing is decided for it: No route to host." in sentences


def test_a_host_whose_files_compose_rejects_is_left_alone() -> None:
    project = {"problem": "services.api: can't set distinct values on 'mem_limit' and 'deploy.resources.limits.memory'"}
    decided = decide(observation(host([container("api")], [history("api")], project=project)))
    assert decided.decisions == ()
    assert any("Nothing is decided for selextract on app1" in finding.sentence for finding in decided.findings)


@pytest.mark.parametrize("form", ["mixed", "both"])
def test_a_service_with_two_forms_of_limits_is_refused_by_name(form: str) -> None:
    seen = observation(host([container("api")], [history("api")], definitions=[definition("api", limit_form=form)]))
    decided = decide(seen)
    refused = decision(decided)
    assert (refused.verdict, refused.granted) == (Verdict.REFUSED, 2 * GB)
    assert not refused.changes
    assert any("in two forms" in finding.sentence for finding in decided.findings)


def test_a_capacity_file_that_holds_what_is_not_ours_is_left_alone() -> None:
    project = {"capacity_file": {"services": {"api": {"privileged": True}}}}
    decided = decide(observation(host([container("api")], [history("api")], project=project)))
    assert decided.decisions == ()
    assert any("services.api.privileged" in finding.sentence for finding in decided.findings)


def test_pinned_services_with_several_instances_are_named() -> None:
    said = definition("api", replicas=2, fixed_host_ports=("8080/tcp",))
    decided = decide(observation(host([container("api")], [history("api")], definitions=[said])))
    assert any("the fixed host port 8080/tcp" in finding.sentence for finding in decided.findings)


def test_a_container_started_past_our_file_is_named() -> None:
    ours = {"services": {"api": {"mem_limit": 1 * GB, "memswap_limit": 1 * GB}}}
    decided = decide(observation(host([container("api")], [history("api")], project={"capacity_file": ours})))
    assert any("was started past compose.capacity.yml" in finding.sentence for finding in decided.findings)
    other = container("api", config_files=("/opt/selextract/other.yml",))
    decided = decide(observation(host([other], [history("api")])))
    assert any("was started from /opt/selextract/other.yml" in finding.sentence for finding in decided.findings)


def test_a_container_changed_in_place_was_not_started_past_our_file() -> None:
    ours = {"services": {"api": {"mem_limit": 2 * GB, "memswap_limit": 2 * GB}}}
    files = ("compose.yml", "compose.capacity.yml")
    seen = observation(host([container("api")], [history("api")], project={"capacity_file": ours, "files": files}))
    assert not any(finding.rule == "compose files" for finding in decide(seen).findings)


def test_without_the_sampler_everything_is_unknown_and_the_host_is_named() -> None:
    from selextract_infra.model.observation import SamplerStatus

    decided = decide(observation(host([container("api")], sampler=SamplerStatus())))
    assert {one.verdict for one in decided.decisions} == {Verdict.UNKNOWN}
    assert any("The sampler is not installed on app1" in finding.sentence for finding in decided.findings)


def test_unknown_hosts_are_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match=r"no host ap1 .* did you mean app1\?"):
        decide(one("api"), hosts=["ap1"])
