from __future__ import annotations

import math
from typing import Any

import pytest

from selextract_infra.assess.postgres.memory import HASHES
from selextract_infra.assess.postgres.settings_for import tune_postgres
from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.model.decision import Decision, Verdict
from selextract_infra.model.observation import Observation
from selextract_infra.model.tuning import PostgresFacts
from selextract_infra.operations.rightsize.decide import Decided, decide_rightsize
from selextract_infra.operations.rightsize.floors import tuning_budget
from selextract_infra.operations.rightsize.requested import LimitRequest
from selextract_infra.policy import Policy, default_policy
from tests.unit.seen import AT, GB, MB, container, definition, history, host, observation, one, policy

GUIDE_USE = round(2 * GB * 0.6)


def ask(seen: Observation, service: str, rules: Policy | None = None, **more: Any) -> Decided:
    asked = LimitRequest(service, more.pop("memory", None), more.pop("cpus", None))
    return decide_rightsize(seen, rules or policy(), at=AT, asked=asked, **more)


def only(decided: Decided) -> Decision:
    (found,) = decided.decisions
    return found


def test_the_guides_own_saving_is_refused_with_its_numbers() -> None:
    with pytest.raises(RefusedError) as refusal:
        ask(one("api", peak=GUIDE_USE), "api", memory=1536 * MB)
    assert str(refusal.value) == (
        "1,536 MB for api on app1 is too little: the peak of 1,228.8 MB is 80 % of it, which meets the memory trigger"
        " of 80 % and leaves 20 % headroom where REC-03 asks for 40 %; the right size is 2,048 MB (X-06)."
    )
    assert (refusal.value.rule, refusal.value.override) == ("X-06", "--override X-06")
    assert refusal.value.remedy == "ask for 2,048 MB, or override it with --override X-06"
    assert refusal.value.exit_code == 3


def test_the_same_is_refused_from_a_single_look_without_history() -> None:
    with pytest.raises(RefusedError, match=r"1,228\.8 MB is 80 % of it"):
        ask(observation(host([container("api", use=GUIDE_USE)])), "api", memory=1536 * MB)


def test_it_is_allowed_at_a_peak_of_900_mb() -> None:
    granted = only(ask(one("api", peak=900 * MB), "api", memory=1536 * MB))
    assert (granted.verdict, granted.granted) == (Verdict.LOWER, 1536 * MB)
    assert granted.why == "Asked for; the peak of 900 MB is 58.6 % of it."


@pytest.mark.parametrize(("peak", "allowed"), [(921.6, True), (922.6, False)])
def test_sixty_percent_is_the_last_that_is_allowed(peak: float, allowed: bool) -> None:
    seen = one("api", peak=round(peak * MB))
    if allowed:
        assert only(ask(seen, "api", memory=1536 * MB)).changes
    else:
        with pytest.raises(RefusedError, match="X-06"):
            ask(seen, "api", memory=1536 * MB)


def test_an_override_is_granted_and_recorded() -> None:
    decided = ask(one("api", peak=GUIDE_USE), "api", memory=1536 * MB, overrides=["X-06", "X-05"])
    assert only(decided).granted == 1536 * MB
    assert decided.overrides == ("X-06",)


def test_another_service_is_refused_by_the_general_rule() -> None:
    with pytest.raises(RefusedError, match="RSZ-05"):
        ask(one("worker", peak=GUIDE_USE), "worker", memory=1536 * MB)


def test_a_lower_limit_with_an_unknown_peak_is_refused() -> None:
    with pytest.raises(RefusedError, match="its peak is unknown: nothing of it was sampled yet"):
        ask(observation(host([container("api")])), "api", memory=1536 * MB)


def test_nobody_overrides_what_is_in_use_right_now() -> None:
    with pytest.raises(RefusedError, match="has no override") as refusal:
        ask(one("api", use=1500 * MB), "api", memory=1536 * MB, overrides=["rightsizing.shrink_margin", "X-06"])
    assert refusal.value.override is None


def test_less_than_declared_parts_need_is_refused() -> None:
    with pytest.raises(RefusedError, match=r"its parts add up to 2,304 MB and may fill 90 % of the limit \(X-05\)"):
        ask(one("api", peak=500 * MB), "api", policy({"api": {"parts": True}}), memory=1536 * MB)


def test_less_for_a_database_is_possible_down_to_its_tuning_budget_and_cache() -> None:
    seen = observation(host([container("postgres")], [history("postgres", page_cache=200 * MB)]))
    few = policy({"postgres": {"postgres": {"connections": 25}}})
    assert only(ask(seen, "postgres", few, memory=1536 * MB)).verdict is Verdict.LOWER
    with pytest.raises(RefusedError, match=r"floor of 1,521 MB: postgres is tuned for 1,321 MB and keeps 200 MB"):
        ask(seen, "postgres", few, memory=1280 * MB)


def test_a_database_that_many_connections_may_fill_is_lowered_for_nobody() -> None:
    seen = observation(host([container("postgres")], [history("postgres", page_cache=200 * MB)]))
    with pytest.raises(RefusedError, match=r"postgres is tuned for 1,821 MB and keeps 200 MB"):
        ask(seen, "postgres", memory=1792 * MB)


def test_the_budget_is_the_one_that_tuning_adds_up_to() -> None:
    facts = PostgresFacts(memory=2 * GB, cpus=2, version=17, connections=25)
    tuning = tune_postgres(facts, default_policy())
    hashes = sum(part.bytes for part in tuning.budget if part.name == HASHES)
    assert hashes == 27 * 16 * MB  # 25 connections and 2 workers; with less memory Postgres is told to do without
    assert tuning_budget(2 * GB, 2, default_policy(), 25) == tuning.total - hashes
    assert tuning_budget(64 * MB, 2, default_policy()) == 64 * MB


def test_less_after_an_oom_kill_is_refused() -> None:
    seen = observation(host([container("worker")], [history("worker", oom={100: 1}, limit=256 * MB)]))
    with pytest.raises(RefusedError, match="killed for want of memory"):
        ask(seen, "worker", memory=1 * GB)


def test_more_than_the_host_has_is_refused_whatever_is_overridden() -> None:
    with pytest.raises(RefusedError, match=r"34,816 MB for api on app1 is more than the host's 32,768 MB \(LIM-H2"):
        ask(one("api"), "api", memory=34 * GB, overrides=["LIM-H2"])
    with pytest.raises(RefusedError, match=r"9 cores for api on app1 are more than the host's 8 cores \(LIM-H1"):
        ask(one("api"), "api", cpus=9.0, overrides=["LIM-H1"])


def test_limits_that_add_up_to_more_than_the_host_are_refused_whatever_is_overridden() -> None:
    seen = observation(host([container("api", number=1), container("api", number=2)], [history("api")]))
    with pytest.raises(RefusedError, match=r"add up to 32,768 MB, and of its 32,768 MB 29,491\.2 MB .* \(X-11, which"):
        ask(seen, "api", memory=16 * GB, overrides=["X-11"])


def test_cpu_limits_beyond_the_ratio_need_an_override() -> None:
    seen = observation(host([container("api", number=1), container("api", number=2)], [history("api")]))
    with pytest.raises(RefusedError, match=r"12 cores, 150 % of its 8 cores where 125 % is the most \(X-09\)"):
        ask(seen, "api", cpus=6.0)
    decided = ask(seen, "api", cpus=6.0, overrides=["X-09"])
    assert (only(decided).granted, decided.overrides) == (6.0, ("X-09",))
    assert any(finding.rule == "X-09" for finding in decided.findings)


def test_too_little_cpu_is_refused() -> None:
    with pytest.raises(RefusedError, match=r"its p95 of 1 core is 200 % of that .* right size is 1\.7 cores"):
        ask(one("api", cpu=1.0), "api", cpus=0.5)


@pytest.mark.parametrize("memory", [0, -1, -(2**40)])
def test_zero_and_negative_limits_are_usage_errors(memory: int) -> None:
    with pytest.raises(UsageError, match="above zero"):
        ask(one("api"), "api", memory=memory)


@pytest.mark.parametrize("cpus", [0.0, -1.0, math.nan, math.inf])
def test_impossible_cpu_limits_are_usage_errors(cpus: float) -> None:
    with pytest.raises(UsageError, match="above zero"):
        ask(one("api"), "api", cpus=cpus)


def test_a_value_needs_a_service() -> None:
    with pytest.raises(UsageError, match="one service"):
        decide_rightsize(one("api"), policy(), at=AT, asked=LimitRequest(None, GB, None))


def test_an_unknown_service_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match=r"No host runs a service apo; did you mean api\?"):
        ask(one("api"), "apo", memory=GB)


def test_an_unmapped_service_is_refused_by_name() -> None:
    with pytest.raises(RefusedError, match="The service mailer is not mapped to a role"):
        ask(observation(host([container("mailer")])), "mailer", memory=GB)


def test_a_service_with_mixed_forms_and_a_project_compose_rejects_are_refused() -> None:
    mixed = observation(host([container("api")], [history("api")], definitions=[definition("api", limit_form="mixed")]))
    with pytest.raises(RefusedError, match="two forms"):
        ask(mixed, "api", memory=1 * GB)
    broken = observation(host([container("api")], [history("api")], project={"problem": "invalid compose project"}))
    with pytest.raises(RefusedError, match="invalid compose project"):
        ask(broken, "api", memory=1 * GB)


def test_a_limit_for_a_container_without_one_is_set_in_place() -> None:
    decided = ask(one("api", memory=None), "api", memory=GB)
    assert only(decided).verdict is Verdict.SET
    assert decided.recreate == frozenset()


def test_a_limit_for_a_container_without_one_is_never_said_to_give_memory_away() -> None:
    cache = container("redis", memory=None, use=4 * MB)
    crowded = host([cache, container("frontend", memory=62 * GB)], [history("redis"), history("frontend")])
    assert only(ask(observation(crowded), "redis", memory=256 * MB)).granted == 256 * MB


def _with_sidecar() -> Observation:
    api = container("api", memory=2 * GB, use=512 * MB)
    sidecar = container("exporter").model_copy(update={"joined": (api.id,)})
    return observation(host([api, sidecar], [history("api"), history("exporter")]))


def test_a_container_whose_network_another_one_shares_is_not_replaced_for_a_lower_limit() -> None:
    careful = policy(rightsizing={"shrink_margin": "80%"})  # more than the headroom, so it cannot be done in place
    decided = decide_rightsize(_with_sidecar(), careful, at=AT, settle=True)
    memory = next(each for each in decided.decisions if (each.service, each.resource) == ("api", "memory"))
    assert (memory.verdict, memory.rule) == (Verdict.KEEP, "compose")
    assert "exporter-1 shares the network, processes or memory of the present one" in str(memory.why_less)
    assert decided.recreate == set()


def test_the_same_limit_changes_nothing() -> None:
    assert only(ask(one("api", peak=GUIDE_USE), "api", memory=2 * GB)).verdict is Verdict.KEEP


def test_a_policy_without_an_application_is_refused() -> None:
    from selextract_infra.policy import default_policy

    with pytest.raises(RefusedError, match="maps no application"):
        decide_rightsize(one("api"), default_policy(), at=AT)


def test_another_project_than_the_mapped_one_is_a_usage_error() -> None:
    seen = observation(host([container("api", project="selextrakt")], project={"name": "selextrakt"}))
    with pytest.raises(UsageError, match=r"No host runs the Compose project selextract; .* did you mean selextrakt"):
        decide_rightsize(seen, policy(), at=AT)
