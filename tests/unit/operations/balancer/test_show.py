from __future__ import annotations

import io

from rich.console import Console

from selextract_infra.model.traffic import (
    BalancedServer,
    BalancerObservation,
    EdgeObservation,
    RedisObservation,
    TrafficObservation,
    TrafficWindow,
)
from selextract_infra.operations.balancer.show import show_traffic
from selextract_infra.report.terminal import draw
from tests.unit.seen import container, host, observation

HOSTILE = "\x1b[2J[red]x[/red]"


def shown(traffic: TrafficObservation) -> str:
    """What a person sees at 80 columns."""
    console = Console(file=io.StringIO(), width=80)
    draw(console, show_traffic(observation(host([container("api")], traffic=traffic))))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_who_serves_how_many_requests_and_what_waits() -> None:
    window = TrafficWindow(seconds=60, covered=20, requests=40, failed=1, p50=0.012, p95=0.25, p99=1.5)
    server = BalancedServer(name="selextract-api-1", status="UP", sessions=3, address="172.18.0.8:8000")
    said = shown(
        TrafficObservation(
            balancer=BalancerObservation(project="p", service="api", servers=(server,), windows=(window,)),
            redis=RedisObservation(project="p", service="redis", queued=7, reserved=2),
            edge=EdgeObservation(project="p", service="nginx", folder="/x", switches=("balancer", "caching")),
        )
    )
    for text in ("selextract-api-1", "172.18.0.8:8000", "20 s", "2.0", "2.5 %", "12 ms", "250 ms", "1.5 s"):
        assert text in said
    assert "9 tasks pending: 7 in queues, 2 with workers" in said
    assert "balancer, caching" in said
    assert max(map(len, said.splitlines())) <= 80


def test_what_is_not_there_or_does_not_answer_says_so() -> None:
    assert "No balancer of ours" in shown(TrafficObservation())
    broken = BalancerObservation(project="p", service="api", running=False, problem="The balancer does not answer.")
    redis = RedisObservation(project="p", service="redis", problem="Redis does not say.")
    said = shown(TrafficObservation(balancer=broken, redis=redis))
    assert "The balancer does not answer." in said
    assert "Redis does not say." in said


def test_names_from_hosts_are_shown_and_never_obeyed() -> None:
    server = BalancedServer(name=HOSTILE, status=HOSTILE, address=HOSTILE)
    edge = EdgeObservation(project="p", service="nginx", folder="/x", problem=HOSTILE)
    balancer = BalancerObservation(project="p", service="api", servers=(server,))
    said = shown(TrafficObservation(balancer=balancer, edge=edge))
    assert "\x1b" not in said
    assert "[red]" in said
