"""One reader for all deciders: uneven, stopped, one-off, pinned and unlimited containers count the same everywhere."""

from __future__ import annotations

from typing import Any

import pytest

from selextract_infra.assess.assessment import assess
from selextract_infra.assess.incident import situation_of
from selextract_infra.assess.observed import instances_of_role, measurements_of
from selextract_infra.assess.room import SCALED_ROLES, Room
from selextract_infra.assess.scaled_service import ScaledService
from selextract_infra.assess.scaling_inputs import host_size, only_instances, scaled_services
from selextract_infra.assess.service import app_services, limit_of
from selextract_infra.model.observation import ContainerObservation, HostObservation
from selextract_infra.operations.emergency.decide import grant
from selextract_infra.operations.rightsize.decide import decide_rightsize
from selextract_infra.operations.watch.readings import readings_of
from tests.unit.seen import AT, GB, MB, container, definition, history, host, observation, policy

POLICY = policy()
ROLES = ("api", "worker", "database", "redis", "nginx", "frontend")


def uneven() -> list[ContainerObservation]:
    return [
        container("api", number=1, memory=1 * GB, cpus=1.0),
        container("api", number=2, memory=2 * GB, cpus=2.0),
        container("worker", memory=3 * GB),
    ]


def one_off(**more: Any) -> ContainerObservation:
    """A container of ``docker compose run``, as the host gives it: in the project, of no service."""
    values: dict[str, Any] = {"name": "selextract-api-run-1", "id": "run1", **more}
    return container("api", **values).model_copy(update={"service": None, "number": None})


def by_autoscaler(seen: HostObservation) -> dict[str, ScaledService]:
    return {service.name: service for service in scaled_services(seen, POLICY)}


def by_emergency(seen: HostObservation) -> dict[str, ScaledService]:
    looked = observation(seen)
    situation = situation_of(looked, assess(looked, POLICY), POLICY)
    return {service.name: service for service in situation.services if service.role in SCALED_ROLES}


def held(seen: HostObservation, roles: tuple[str, ...]) -> tuple[float, float]:
    """What the room of a decision about services of these roles says that is given away: bytes and cores."""
    size = host_size(seen, POLICY, roles)
    room = Room(scaled_services(seen, POLICY, roles), [size], POLICY)
    return room.held(size, "memory"), round(room.held(size, "cpus"), 3)


CASES = {
    "uneven": [],
    "a stopped instance": [container("api", number=3, state="created", use=None)],
    "an exited instance": [container("api", number=3, state="exited", use=None)],
    "an exited one-off": [one_off(state="exited", use=None)],
    "an exited stranger": [container("x", project="shop", state="exited", use=None)],
}


@pytest.mark.parametrize("more", CASES.values(), ids=CASES)
def test_autoscaler_and_emergency_give_one_answer_and_what_does_not_run_holds_nothing(
    more: list[ContainerObservation],
) -> None:
    seen = host([*uneven(), *more])
    assert by_autoscaler(seen) == by_emergency(seen)
    api = by_autoscaler(seen)["api"]
    assert (api.count, api.memory, api.cpus) == (2, 2 * GB, 2.0)  # the highest: what the next one takes at most
    assert held(seen, SCALED_ROLES) == held(seen, ROLES) == (6 * GB, 5.0)  # the sum: each its own
    assert instances_of_role(observation(seen), POLICY, "api") == 2


@pytest.mark.parametrize("more", CASES.values(), ids=CASES)
def test_right_sizing_counts_what_runs_and_nothing_else(more: list[ContainerObservation]) -> None:
    seen = host([*uneven(), *more], memory=8 * GB)
    api = next(service for service in app_services(seen, POLICY) if service.name == "api")
    assert (api.instances, api.memory, api.cpus) == (2, 1 * GB, 1.0)  # the lowest: what a change begins with
    assert sum(api.held("memory")) == 3 * GB
    decided = decide_rightsize(observation(seen), POLICY, at=AT)
    assert not [finding for finding in decided.findings if finding.rule == "X-11"]


def test_fourteen_left_overs_do_not_refuse_a_raise() -> None:
    left = [one_off(name=f"run-{number}", id=f"run{number}", state="exited", use=None) for number in range(14)]
    seen = host([container("api", memory=256 * MB), *left], [history("api", memory=240 * MB)], memory=2 * GB)
    decided = decide_rightsize(observation(seen), POLICY, at=AT)
    raised = next(one for one in decided.decisions if one.resource == "memory")
    assert raised.granted == raised.requested == 400 * MB


def test_a_one_off_that_runs_holds_memory_and_is_no_instance() -> None:
    seen = host([*uneven(), one_off(memory=1 * GB, cpus=1.0)])
    assert by_autoscaler(seen)["api"].count == 2
    assert held(seen, SCALED_ROLES) == held(seen, ROLES) == (7 * GB, 6.0)


def test_an_emergency_never_lowers_the_limit_of_an_instance() -> None:
    seen = observation(host(uneven()))
    decided = grant(situation_of(seen, assess(seen, POLICY), POLICY), POLICY)
    memory = next(one for one in decided.decisions if (one.service, one.resource) == ("api", "memory"))
    assert memory.current == 2 * GB
    assert (memory.granted or 0) > 2 * GB


def test_each_instance_is_measured_against_its_own_limit() -> None:
    uneven_use = [
        container("api", number=1, memory=1 * GB, use=900 * MB),
        container("api", number=2, memory=2 * GB, use=1000 * MB),
    ]
    seen = observation(host(uneven_use))
    measured = next(one for one in measurements_of(seen, POLICY) if one.metric == "memory_usage" and one.role == "api")
    watched = {(name, metric): value for name, metric, value in readings_of(seen.hosts[0], POLICY)}
    assert measured.samples.values[-1] == watched["api", "memory_usage"] == pytest.approx(900 / 1024)


@pytest.mark.parametrize("limit", [None, 32 * GB, 64 * GB])
def test_no_limit_and_one_at_the_hosts_total_are_the_same_to_every_decision(limit: int | None) -> None:
    seen = host([container("api", memory=limit, use=500 * MB), container("worker", memory=3 * GB)])
    api = by_autoscaler(seen)["api"]
    assert (api.memory, api) == (None, by_emergency(seen)["api"])
    assert held(seen, SCALED_ROLES)[0] == 3 * GB + 500 * MB
    beside = host([container("api", memory=limit, use=500 * MB), container("worker", memory=3 * GB)], memory=32 * GB)
    decided = decide_rightsize(observation(beside), POLICY, at=AT)
    assert not [finding for finding in decided.findings if finding.rule == "X-11"]


def test_no_limit_is_more_than_any_limit() -> None:
    seen = host([container("api", number=1, memory=None), container("api", number=2, memory=1 * GB)])
    api = app_services(seen, POLICY)[0]
    assert (api.lowest_limit("memory"), api.highest_limit("memory")) == (1 * GB, None)
    assert limit_of(api.containers[0], "memory", seen.facts) is None


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"container_name": "the-api"}, "the container_name the-api"),
        ({"fixed_host_ports": ("8000/tcp",)}, "the fixed host port 8000/tcp"),
        ({"fixed_addresses": ("ipv4_address 172.31.9.20",)}, "the fixed ipv4_address 172.31.9.20"),
        ({"fixed_addresses": ("network_mode host",)}, "the fixed network_mode host"),
    ],
)
def test_what_only_one_instance_can_have_pins_a_service_for_all(more: dict[str, Any], words: str) -> None:
    seen = host([container("api")], definitions=[definition("api", **more)])
    assert only_instances(seen, POLICY) == {("app1", "api"): f"it has {words}, which only one instance can have"}


def test_an_instance_more_is_not_asked_for_where_compose_would_remove_a_stopped_one_of_its_own_choice() -> None:
    stopped = [container("api", number=number, state="exited", use=None) for number in (3, 4, 5)]
    seen = host([*uneven(), *stopped])
    api = by_autoscaler(seen)["api"]
    room = Room([api], [host_size(seen, POLICY)], POLICY, overrides=("X-13",))
    granted, reasons = room.take(api, 3)
    assert (granted, len(reasons)) == (2, 1)
    assert "Compose would choose" in reasons[0]
    assert room.take(api, 5)[0] == 5
