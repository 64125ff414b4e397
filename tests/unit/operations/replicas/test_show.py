"""Replicas on a terminal: what each is for, how far behind, and what is wrong with it."""

from __future__ import annotations

import io

from rich.console import Console

from selextract_infra.operations.replicas.replication import BalancedServer, BalancerSeen, Replication
from selextract_infra.operations.replicas.show import show_replication
from selextract_infra.report.terminal import draw
from tests.unit.operations.replicas.replicated import replica, replication


def printed(seen: Replication) -> str:
    screen = Console(file=io.StringIO(), width=100)
    draw(screen, show_replication(seen))
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def test_without_replicas_it_says_who_answers() -> None:
    assert "reads and analytics are answered by the primary (X-63)" in printed(replication())


def test_a_replica_that_is_broken_says_why() -> None:
    there = replication({
        "db2": replica(lag_seconds=3.0),
        "db3": replica("analytics", streaming=False, problem="The disk of the replica's host is full."),
    })  # fmt: skip
    text = " ".join(printed(there).split())
    assert "db2 reader streams 3 s" in text
    assert "db3 analytics running - The disk of the replica's host is full." in text


def test_the_balancer_shows_whom_it_asks() -> None:
    there = replication({"db2": replica()})
    balancer = BalancerSeen(running=True, servers=(BalancedServer(backend="reads", name="db2", status="DOWN"),))
    hosts = {**there.hosts, "app1": there.hosts["app1"].model_copy(update={"balancer": balancer})}
    assert "reads db2 DOWN 0 0" in " ".join(printed(Replication(hosts=hosts)).split())


def test_what_comes_from_a_host_is_shown_harmlessly() -> None:
    assert "\x1b[31m" not in printed(replication({"db2": replica(problem="\x1b[31mred [bold]no markup")}))
