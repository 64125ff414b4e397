"""Limits that were applied are compared with what is seen 1 h, 24 h and 7 d later."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from selextract_infra.assess.kept_promises import Applied, promise_findings
from selextract_infra.model.decision import Decision, Verdict
from selextract_infra.model.observation import Observation
from tests.unit.seen import AT, GB, MB, container, history, host, observation, policy


def applied(before: int, after: int, hours: float, run: str = "r1") -> Applied:
    verdict = Verdict.LOWER if after < before else Verdict.RAISE
    decision = Decision(
        host="app1", service="api", resource="memory", verdict=verdict, rule="REC-03", current=before, granted=after,
        why="",
    )  # fmt: skip
    return Applied(run, AT - timedelta(hours=hours), decision)


def look(limit: int, use: int, kills: int = 0) -> Observation:
    """A service that has used so much for the last day, with so many kills in its last bucket."""
    memory = np.full(10080, 100 * MB)
    memory[-1440:] = use
    mine = history("api", memory=memory, oom={10079: kills})
    return observation(host([container("api", memory=limit)], [mine]))


def sentences(seen: Observation, *past: Applied) -> list[str]:
    return [finding.sentence for finding in promise_findings(past, seen, policy())]


def test_a_limit_that_bears_out_says_nothing() -> None:
    assert sentences(look(512 * MB, 300 * MB), applied(GB, 512 * MB, 25)) == []


def test_a_limit_that_proved_too_small_is_a_finding_with_the_numbers() -> None:
    (sentence,) = sentences(look(512 * MB, 460 * MB, kills=2), applied(GB, 512 * MB, 25))
    assert sentence == (
        "Run r1 set 512 MB at 2026-02-28 01:00Z; in the 24 h since: 2 OOM kills and a peak of 460 MB, 89.8 % of it."
    )


def test_within_the_first_hour_and_after_another_change_nothing_is_judged() -> None:
    assert sentences(look(512 * MB, 460 * MB, kills=2), applied(GB, 512 * MB, 0.5)) == []
    assert sentences(look(GB, 460 * MB, kills=2), applied(GB, 512 * MB, 25)) == []


def test_a_limit_that_goes_up_and_down_is_a_finding() -> None:
    past = [applied(GB, 512 * MB, 90, "r1"), applied(512 * MB, GB, 60, "r2"), applied(GB, 512 * MB, 30, "r3")]
    (sentence,) = sentences(look(512 * MB, 200 * MB), *past)
    assert sentence == "Its memory limit goes up and down: 1,024 MB → 512 MB → 1,024 MB → 512 MB in 3 runs."
