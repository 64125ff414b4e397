"""What a plan says of services of which nothing can tell that they serve."""

from __future__ import annotations

import pytest

from selextract_infra.assess.project_on_host import ServiceOnHost
from selextract_infra.flow.proof import not_proved, proof_values, replicable
from selextract_infra.model.observation import Limits
from tests.unit.seen import policy

RULES = policy({"api": {"health": "http://127.0.0.1/health"}})


def service(*, checked: bool) -> ServiceOnHost:
    return ServiceOnHost(form="service", limits=Limits(), containers=(), has_healthcheck=checked)


def test_the_gate_is_told_which_services_its_addresses_speak_for_and_for_how_long_to_wait() -> None:
    assert proof_values(["api", "worker", "unmapped"], RULES) == {
        "health": ["http://127.0.0.1/health"],
        "answering": ["api"],
        "settling_seconds": RULES.rightsizing.settling,
    }


def test_a_service_with_neither_a_check_nor_an_address_is_named() -> None:
    services = {"api": service(checked=False), "worker": service(checked=False), "frontend": service(checked=True)}
    assert not_proved(["api", "frontend"], services, RULES) == ""
    told = not_proved(["api", "worker"], services, RULES)
    assert told == " Not proved that it serves: worker has no health check."


@pytest.mark.parametrize(("name", "may"), [("api", True), ("worker", True), ("postgres", False), ("redis", False)])
def test_two_of_a_database_or_a_cache_never_run_for_a_moment(name: str, may: bool) -> None:
    assert replicable(name, RULES) is may
    assert replicable("unmapped", RULES) is False
