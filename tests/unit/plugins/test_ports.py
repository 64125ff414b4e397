"""Ports on a private address: each Project has its own, and keeps them."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugins.module_utils.haproxy.read_rotation import servers_of
from plugins.module_utils.replica.ports import chosen_ports, published_port
from plugins.module_utils.state.layout import READ_BALANCER, REPLICA
from plugins.module_utils.state.project_state import ProjectState
from plugins.module_utils.state.state import StateFolder
from plugins.module_utils.system.ports import free_port, is_free


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_the_next_free_one_is_taken_where_somebody_listens_at_the_usual_one(taken: int) -> None:
    assert not is_free("127.0.0.1", taken)
    chosen = free_port("127.0.0.1", taken, {taken + 1})
    assert chosen > taken + 1
    assert is_free("127.0.0.1", chosen)


def test_an_address_of_another_host_says_nothing() -> None:
    assert is_free("192.0.2.1", 5432)


def has_replication(state: ProjectState, primary: int, replica: int) -> None:
    """Leave what a balancer for reads and a replica of this Project leave."""
    compose = json.dumps({"services": {"balancer": {"ports": [f"10.0.0.11:{primary}:5431"]}}})
    for component, name, content in (
        (READ_BALANCER, "settings.json", {"compose": compose}),
        (REPLICA, "replica.json", {"wanted": {"port": replica}}),
    ):
        own = state.beside(component)
        state.note_beside(component, own)
        Path(state.folder.path, own.folder).mkdir(parents=True, exist_ok=True)
        state.folder.write(f"{own.folder}/{name}", content)


def test_a_second_project_gets_the_next_ports_and_the_first_keeps_its_own(tmp_path: Path) -> None:
    folder = StateFolder(str(tmp_path / "state"))
    folder.prepare()
    has_replication(ProjectState(folder, "app"), 25432, 25433)
    wanted = {"primary": 25432, "replica": 25433, "check": 25434}
    assert chosen_ports(folder, "", "app", "127.0.0.1", wanted) == wanted
    second = chosen_ports(folder, "", "shop", "127.0.0.1", wanted)
    assert not set(second.values()) & set(wanted.values())
    assert len(set(second.values())) == 3
    has_replication(ProjectState(folder, "shop"), second["primary"], second["replica"])
    again = chosen_ports(folder, "", "shop", "127.0.0.1", wanted)
    assert (again["primary"], again["replica"]) == (second["primary"], second["replica"])


def test_where_images_are_copied_stays_free(tmp_path: Path, taken: int) -> None:
    folder = StateFolder(str(tmp_path / "state"))
    folder.prepare()
    chosen = chosen_ports(folder, "", "shop", "127.0.0.1", {"check": taken, "image": taken + 1})
    assert set(chosen) == {"check"}
    assert chosen["check"] > taken + 1


@pytest.mark.parametrize("compose", ["", "[]", '{"services": {}}', '{"services": {"a": {"ports": ["x"]}}}'])
def test_a_file_that_publishes_nothing_has_no_port(compose: str) -> None:
    assert published_port(compose) is None


def test_the_balancer_asks_a_replica_at_the_port_of_its_own_check() -> None:
    options = {"reads": "check port 8432 inter 2000ms", "analytics": "check port 8432 inter 2000ms"}
    replicas = [
        {"name": "db2", "address": "10.0.0.12", "port": 5432, "analytics": False},
        {"name": "db3", "address": "10.0.0.13", "port": 5433, "analytics": False, "check": 8434},
    ]
    assert servers_of(replicas, "reads", options) == {
        "db2": "10.0.0.12:5432 check port 8432 inter 2000ms",
        "db3": "10.0.0.13:5433 check port 8434 inter 2000ms",
    }
