from __future__ import annotations

from selextract_infra.model.decision import Decision, Verdict
from selextract_infra.model.finding import RuleClass, Severity
from selextract_infra.model.observation import Observation
from selextract_infra.operations.rightsize.decide import Decided, decide_rightsize
from tests.unit.seen import AT, GB, MB, container, history, host, observation, policy


def decide(seen: Observation) -> Decided:
    return decide_rightsize(seen, policy(), at=AT)


def memory_of(decided: Decided, service: str) -> Decision:
    return next(one for one in decided.decisions if one.service == service and one.resource == "memory")


def test_a_raise_gets_what_the_host_has_left_and_says_so() -> None:
    seen = observation(host([container("api", memory=4 * GB)], [history("api", memory=4 * GB)], memory=6 * GB))
    trimmed = memory_of(decide(seen), "api")
    assert (trimmed.verdict, trimmed.requested, trimmed.granted) == (Verdict.RAISE, 6832 * MB, 5520 * MB)
    assert trimmed.why_less == "app1 has room for 5,529.6 MB of limits; 5,520 MB is what is left (X-11)"


def test_instances_count() -> None:
    twins = [container("api", memory=2 * GB, number=number) for number in (1, 2)]
    trimmed = memory_of(decide(observation(host(twins, [history("api", memory=2 * GB)], memory=6 * GB))), "api")
    assert trimmed.granted == 2752 * MB


def test_a_killed_service_comes_first_then_databases_then_the_fullest() -> None:
    services = ("api", "frontend", "postgres", "worker")
    full = {"api": 1000, "frontend": 1020, "postgres": 900, "worker": 800}
    seen = observation(
        host(
            [container(name, memory=1 * GB) for name in services],
            [
                history(name, memory=full[name] * MB, oom={9000: 1} if name == "worker" else None, limit=1 * GB)
                for name in services
            ],
            memory=5860 * MB,
        )
    )
    decided = decide(seen)
    assert memory_of(decided, "worker").granted == memory_of(decided, "worker").requested
    assert memory_of(decided, "postgres").granted == memory_of(decided, "postgres").requested
    assert memory_of(decided, "frontend").granted == 1392 * MB
    assert memory_of(decided, "api").verdict is Verdict.KEEP
    assert memory_of(decided, "api").why_less == "app1 has room for 5,274 MB of limits, and none of it is left"


def test_what_is_lowered_gives_room_to_what_is_raised() -> None:
    seen = observation(
        host(
            [container("api", memory=2 * GB), container("frontend", memory=4 * GB)],
            [history("api", memory=2 * GB), history("frontend", memory=300 * MB)],
            memory=7 * GB,
        )
    )
    decided = decide(seen)
    assert memory_of(decided, "frontend").granted == 512 * MB
    assert memory_of(decided, "api").granted == 3424 * MB


def test_containers_of_others_count_with_their_limit_or_with_what_they_use() -> None:
    others = [
        container("x", project=None, memory=1 * GB),
        container("y", project="shop", memory=None, use=500 * MB),
    ]
    seen = observation(
        host([container("api", memory=4 * GB), *others], [history("api", memory=4 * GB)], memory=round(8 * GB))
    )
    assert memory_of(decide(seen), "api").granted == 5840 * MB


def test_a_host_that_is_given_away_already_gets_no_raise_and_a_finding() -> None:
    twins = [container("api", memory=4 * GB, number=number) for number in (1, 2)]
    decided = decide(observation(host(twins, [history("api", memory=4 * GB)], memory=6 * GB)))
    assert memory_of(decided, "api").granted == 4 * GB
    found = next(finding for finding in decided.findings if finding.rule == "X-11")
    assert (found.severity, found.rule_class) == (Severity.BREAKING, RuleClass.REFUSE_ALWAYS)


def test_the_guides_nine_cores_on_eight_are_a_warning() -> None:
    limits = {"api": 2.0, "frontend": 1.0, "worker": 2.0, "postgres": 2.0, "redis": 1.0, "nginx": 1.0}
    seen = observation(host([container(name, cpus=cpus) for name, cpus in limits.items()]))
    found = next(finding for finding in decide(seen).findings if finding.rule == "X-09")
    assert found.sentence == "All CPU limits on app1 add up to 9 cores, 112.5 % of its 8 cores."
    assert found.severity is Severity.MAJOR


def test_nothing_is_raised_on_a_host_of_unknown_size() -> None:
    seen = observation(host([container("api", memory=1 * GB)], [history("api", memory=1 * GB)], memory=0, cpus=0))
    decided = decide(seen)
    assert memory_of(decided, "api").verdict is Verdict.KEEP
    assert any("The size of app1 is unknown" in finding.sentence for finding in decided.findings)


def test_a_lowered_limit_is_not_above_the_host_either() -> None:
    seen = observation(host([container("api", memory=64 * GB)], [history("api", memory=24 * GB)]))
    assert memory_of(decide(seen), "api").granted == 29488 * MB
