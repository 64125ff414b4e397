from __future__ import annotations

from typing import Any

import pytest

from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.model.decision import Verdict
from selextract_infra.model.observation import HostObservation
from selextract_infra.model.traffic import BalancerObservation, TrafficObservation
from selextract_infra.operations.scaling.decide import decide_scale
from tests.unit.seen import GB, container, definition, host, observation, policy

BALANCED = TrafficObservation(balancer=BalancerObservation(project="selextract", service="api"))
FITS = ("X-09", "X-13")
POLICY = policy()


def seen(api: int = 2, workers: int = 2, *, balanced: bool = True, **more: Any) -> HostObservation:
    """The guide's server with so many instances of 2 GB and 3 GB."""
    containers = [
        *(container("api", number=number, memory=2 * GB) for number in range(1, api + 1)),
        *(container("worker", number=number, memory=3 * GB) for number in range(1, workers + 1)),
        container("postgres", memory=4 * GB),
    ]
    return host(containers, traffic=BALANCED if balanced else TrafficObservation(), **more)


def granted(where: HostObservation, overrides: tuple[str, ...] = FITS, /, **wanted: int) -> dict[str, Any]:
    """By service, verdict and count."""
    decisions = decide_scale(observation(where), POLICY, wanted, overrides=overrides)
    return {one.service: (one.verdict, one.granted) for one in decisions}


def test_counts_are_granted_and_the_same_count_stays() -> None:
    assert granted(seen(), api=3, worker=2) == {"api": (Verdict.RAISE, 3), "worker": (Verdict.KEEP, 2)}
    assert granted(seen(api=4), api=2) == {"api": (Verdict.LOWER, 2)}


def test_what_leaves_comes_first_and_makes_room_for_what_is_added() -> None:
    small = seen(api=2, workers=4, memory=24 * GB)
    with pytest.raises(RefusedError, match=r"4 instances of api do not fit, at most 2: .*X-11"):
        granted(small, api=4)
    decisions = decide_scale(observation(small), POLICY, {"api": 4, "worker": 2}, overrides=FITS)
    assert [one.service for one in decisions] == ["worker", "api"]


@pytest.mark.parametrize(("name", "number"), [("api", 1), ("api", 11), ("worker", 1), ("worker", 16)])
def test_the_guides_bounds_hold_unless_overridden(name: str, number: int) -> None:
    item = {"api": "HAPI-01", "worker": "HWRK-01"}[name]
    with pytest.raises(RefusedError, match=item) as refused:
        granted(seen(memory=512 * GB), FITS, **{name: number})
    assert refused.value.override == f"--override {item}"
    assert granted(seen(memory=512 * GB), (*FITS, item), **{name: number})[name][1] == number


def test_memory_has_no_override() -> None:
    with pytest.raises(RefusedError, match="at most 5") as refused:
        granted(seen(memory=24 * GB), ("X-09", "X-11", "X-13"), api=10)
    assert refused.value.override is None


@pytest.mark.parametrize(("rule", "other"), [("X-09", "X-13"), ("X-13", "X-09")])
def test_cpu_and_connections_are_refused_by_name_and_can_be_overridden(rule: str, other: str) -> None:
    with pytest.raises(RefusedError, match=rule) as refused:
        granted(seen(memory=512 * GB), (other,), api=10)
    assert refused.value.override == f"--override {rule}"


def test_without_a_balancer_the_api_is_not_scaled_unasked() -> None:
    with pytest.raises(RefusedError, match=r"requests would be lost \(LB-03\)"):
        granted(seen(balanced=False), api=3)
    assert granted(seen(balanced=False), (*FITS, "LB-03"), api=3)["api"][1] == 3
    assert granted(seen(balanced=False), worker=3)["worker"][1] == 3


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"container_name": "api"}, "the container_name api"),
        ({"fixed_host_ports": ("8000/tcp",)}, "the fixed host port 8000/tcp"),
    ],
)
def test_what_only_one_instance_can_have_is_refused(said: dict[str, Any], reason: str) -> None:
    definitions = [definition("api", **said), definition("worker"), definition("postgres")]
    with pytest.raises(RefusedError, match=reason):
        granted(seen(definitions=definitions), api=3)


def test_names_that_cannot_be_scaled_are_refused_or_unknown() -> None:
    with pytest.raises(RefusedError, match="postgres has the role database"):
        granted(seen(), postgres=2)
    with pytest.raises(UsageError, match="other is not mapped"):
        granted(seen(), other=2)
    with pytest.raises(RefusedError, match="frontend runs on none"):
        granted(seen(), frontend=2)
    with pytest.raises(UsageError, match="Nothing was asked for"):
        granted(seen())


def test_a_count_is_for_one_host() -> None:
    both = observation(seen(), seen().model_copy(update={"name": "app2"}))
    with pytest.raises(RefusedError, match="api runs on app1, app2"):
        decide_scale(both, POLICY, {"api": 3}, overrides=FITS)
    assert decide_scale(both, POLICY, {"api": 3}, hosts=["app2"], overrides=FITS)[0].host == "app2"
