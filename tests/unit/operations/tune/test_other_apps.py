"""The guide's figures are about its own app: none is stated of workers without browsers, Sidekiq, Node or a JVM."""

from __future__ import annotations

from typing import Any

import pytest

from selextract_infra.assess.assessment import assess
from selextract_infra.plan import tune_workers
from selextract_infra.policy import Policy, load_policy
from tests.unit.seen import MB, container, host, observation

GUIDES = ("browser", "tasks an hour", "768 MB")


def rules(service: str, profile: str = "own", **mapped: Any) -> Policy:
    services = {service: {"role": service, "environment": {"concurrency": "N"}, **mapped}}
    return load_policy({"profile": profile, "application": {"project": "selextract", "services": services}})


@pytest.mark.parametrize(
    ("service", "mapped", "profile", "why"),
    [
        ("worker", {}, "own", "nothing says that each of its tasks drives a browser"),
        ("worker", {"broker": {"tasks": "sidekiq"}}, "guide", "its tasks are sidekiq's"),
        ("worker", {"runtime": "node"}, "guide", "it runs on node"),
        ("worker", {"runtime": "jvm"}, "guide", "it runs on jvm"),
        ("api", {"runtime": "node"}, "guide", "it runs on node"),
    ],
)
def test_no_figure_of_the_guide_is_stated_about_another_app(
    service: str, mapped: dict[str, Any], profile: str, why: str
) -> None:
    policy = rules(service, profile, **mapped)
    seen = observation(host([container(service, memory=256 * MB, numbers={"N": 10})]))
    plan = tune_workers(seen, policy)
    assert plan.empty
    assert not plan.decisions
    (finding,) = plan.findings
    assert f"{service} on app1 is left as it is: {why}" in finding.sentence
    assert finding.resolution
    said = str(assess(seen, policy).findings) + str(assess(seen, policy).workers)
    assert not [words for words in GUIDES if words in said and service == "worker"]


def test_workers_that_drive_browsers_are_tuned_also_with_a_profile_of_ones_own() -> None:
    policy = rules("worker", environment={"concurrency": "N", "browsers": "B"})
    seen = observation(host([container("worker", numbers={"N": 10, "B": 10})]))
    assert {decision.resource for decision in tune_workers(seen, policy).decisions} >= {"concurrency"}
    assert assess(seen, policy).workers is not None


def test_the_guides_own_app_is_judged_as_before() -> None:
    seen = observation(host([container("worker", numbers={"N": 10})]))
    assert tune_workers(seen, rules("worker", "guide")).decisions
    assert assess(seen, rules("worker", "guide")).workers is not None
