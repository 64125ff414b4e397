"""What ``status`` says of the balancer and the edge, each in one line."""

from __future__ import annotations

import pytest

from selextract_infra.model.traffic import BalancedServer, BalancerObservation, EdgeObservation, TrafficObservation
from selextract_infra.operations.status.status import host_status
from tests.unit.seen import container, host, observation

FILES = {"selextract.http.conf": "1", "selextract.server.conf": "2"}
SERVERS = (BalancedServer(name="api-1", status="UP"), BalancedServer(name="api-2", status="DOWN 1/2"))
BALANCER = BalancerObservation(project="selextract", service="api", servers=SERVERS)


def edge(*switches: str, read: bool = True, files: dict[str, str] | None = None) -> EdgeObservation:
    return EdgeObservation(
        project="selextract", service="nginx", folder="/opt/nginx.d", read=read, switches=switches,
        files=FILES if files is None else files,
    )  # fmt: skip


def lines(traffic: TrafficObservation) -> tuple[str, str]:
    there = host([container("api")], traffic=traffic)
    shown = host_status(observation(there), there)
    return shown.balancer, shown.edge


@pytest.mark.parametrize(
    ("traffic", "balancer", "switches"),
    [
        (TrafficObservation(), "", ""),
        (TrafficObservation(edge=edge(files={})), "off", "no switches; `balancer on` puts them there"),
        (
            TrafficObservation(balancer=BALANCER, edge=edge("balancer", "throttling")),
            "on, 1 of 2 instances of api in rotation",
            "caching off, throttling on",
        ),
        (
            TrafficObservation(balancer=BALANCER, edge=edge(read=False)),
            "on, 1 of 2 instances of api in rotation, and Nginx goes past it",
            "caching off, throttling off; Nginx has not read our files",
        ),
        (
            TrafficObservation(
                balancer=BALANCER.model_copy(update={"running": False, "problem": "It is away."}), edge=edge("caching")
            ),
            "broken: It is away.",
            "caching on, throttling off",
        ),
    ],
)
def test_balancer_and_switches_are_told(traffic: TrafficObservation, balancer: str, switches: str) -> None:
    assert lines(traffic) == (balancer, switches)


def test_a_run_that_was_not_put_back_is_shown_with_what_differs() -> None:
    failed = [{"run_id": "r1", "sentence": "jobs-1 keeps its memory limit."}, "nonsense"]
    there = host([container("api")], state={"failed_rollbacks": failed})
    assert host_status(observation(there), there).not_put_back == {"r1": "jobs-1 keeps its memory limit."}
    strange = host([container("api")], state={"failed_rollbacks": "nonsense"})
    assert host_status(observation(strange), strange).not_put_back == {}
