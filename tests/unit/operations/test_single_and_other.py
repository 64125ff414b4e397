"""What must run only once, and what the guide has no role for: never scaled, never two at a time, sized when asked."""

from __future__ import annotations

from typing import Any

import pytest

from selextract_infra.assess.assessment import assess
from selextract_infra.assess.incident import situation_of
from selextract_infra.assess.project_on_host import project_on_host
from selextract_infra.errors import RefusedError
from selextract_infra.flow.limit_steps import settle_values
from selextract_infra.model.decision import Decision
from selextract_infra.model.observation import HostObservation
from selextract_infra.model.scaling import EmergencyDecision
from selextract_infra.operations.emergency.decide import grant
from selextract_infra.operations.watch.memory import Watched
from selextract_infra.plan import rightsize, scale
from selextract_infra.policy import Policy, load_policy
from tests.unit.seen import AT, MB, container, definition, history, host, observation

ROLES = {"api": "api", "worker": "worker", "beat": "worker", "search": "other", "jobs": "worker"}
OVERRIDES = ("X-09", "X-13")


def rules(**services: dict[str, Any]) -> Policy:
    mapping = {name: {"role": role, **services.get(name, {})} for name, role in ROLES.items()}
    return load_policy({"application": {"project": "selextract", "directory": "/opt/selextract", "services": mapping}})


def server(**jobs: Any) -> HostObservation:
    containers = [container(name, cpus=0.5, **(jobs if name == "jobs" else {})) for name in ROLES]
    return host(containers, [history(name, memory=20 * MB, cpu=0.01) for name in ROLES])


def emergency_decision(seen: HostObservation, policy: Policy) -> EmergencyDecision:
    there = observation(seen)
    return grant(situation_of(there, assess(there, policy), policy), policy)


def own(decisions: tuple[Decision, ...], service: str, resource: str = "instances") -> list[Decision]:
    return [decision for decision in decisions if (decision.service, decision.resource) == (service, resource)]


@pytest.mark.parametrize(
    ("service", "policy", "jobs", "why"),
    [
        ("beat", rules(), {}, "its name says that it must run only once"),
        ("jobs", rules(), {"singleton": "celery beat"}, "it runs celery beat, which must run only once"),
        ("jobs", rules(jobs={"single": True}), {}, "the policy says that it must run only once"),
    ],
)
def test_what_must_run_only_once_is_never_scaled(service: str, policy: Policy, jobs: dict[str, Any], why: str) -> None:
    seen = server(**jobs)
    with pytest.raises(RefusedError, match=f"{service} is not scaled: {why}"):
        scale(observation(seen), policy, {service: 2}, overrides=OVERRIDES)
    (decision,) = own(emergency_decision(seen, policy).decisions, service)
    assert not decision.changes
    assert why in (decision.why_less or "")
    news = Watched(policy).take(observation(seen), AT.timestamp())
    assert [sentence for sentence in news if sentence.startswith(f"app1/{service} is not scaled: {why}")]
    project = seen.projects[0]
    on_host = project_on_host(seen, project, policy).services[service]
    assert settle_values(service, on_host.containers, None, policy, on_host)["replicable"] is False


def test_the_policy_says_that_a_name_means_nothing() -> None:
    plan = scale(observation(server()), rules(beat={"single": False}), {"beat": 2}, overrides=OVERRIDES)
    assert own(plan.decisions, "beat")[0].granted == 2


def test_other_is_sized_only_when_it_is_asked_for_and_never_scaled() -> None:
    seen = observation(server())
    assert not [decision for decision in rightsize(seen, rules()).decisions if decision.service == "search"]
    assert own(rightsize(seen, rules(), service="search").decisions, "search", "memory")[0].changes
    with pytest.raises(RefusedError, match="search has the role other in the policy"):
        scale(seen, rules(), {"search": 2})
    policy = rules()
    assert "search" not in {decision.service for decision in emergency_decision(seen.hosts[0], policy).decisions}
    assert not any("search" in key for key in Watched(policy).services)
    assert assess(seen, policy).judgements


def test_a_definition_that_asks_for_one_name_still_counts_beside_the_rest() -> None:
    fixed = [definition(name, container_name="the-jobs" if name == "jobs" else None) for name in ROLES]
    seen = host([container(name, cpus=0.5) for name in ROLES], definitions=fixed)
    with pytest.raises(RefusedError, match="the container_name the-jobs"):
        scale(observation(seen), rules(), {"jobs": 2}, overrides=OVERRIDES)
