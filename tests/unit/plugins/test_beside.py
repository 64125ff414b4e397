from __future__ import annotations

from typing import Any

import pytest

from plugins.module_utils.docker import room_for_another as beside
from plugins.module_utils.docker.cgroup import Reading
from plugins.module_utils.docker.containers import Container
from plugins.module_utils.docker.room_for_another import why_alone
from tests.unit.plugins.simulated_docker import instance

MIB = 2**20


class Group:
    def read(self) -> Reading:
        return Reading(1.0, 100 * MIB, 0, 0)


@pytest.fixture(autouse=True)
def host(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    free = {"MemAvailable": 1024 * MIB}
    monkeypatch.setattr(beside, "find_control_group", lambda _pid: Group())
    monkeypatch.setattr(beside, "host_memory", lambda: free)
    return free


def alone(name: str = "shop-web-1", present: int = 1, **more: Any) -> str | None:
    details = instance(name, **more)
    return why_alone(Container.parse(details), details, present)


def test_a_plain_instance_can_have_another_beside_it() -> None:
    assert alone() is None


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"name": "shopfront"}, "its name shopfront is fixed"),
        ({"HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": "8080"}]}}}, "the host's port 8080 is fixed"),
        ({"HostConfig": {"NetworkMode": "host"}}, "it shares a network of the host or of another container"),
        (
            {"NetworkSettings": {"Networks": {"n": {"IPAMConfig": {"IPv4Address": "172.31.9.20"}}}}},
            "its address is fixed",
        ),
        ({"HostConfig": {"DeviceRequests": [{"Count": -1}]}}, "it has a device of the host"),
        ({"Config": {"Cmd": ["celery", "-A", "tasks", "beat"]}}, "it runs beat, of which there may be one"),
        ({"Config": {"Cmd": ["celery", "worker", "-B"]}}, "it runs -B, of which there may be one"),
        ({"Mounts": [{"Type": "volume", "Name": "v", "Destination": "/data", "RW": True}]}, "it writes to /data"),
        ({"State": {"Health": {"Status": "unhealthy"}}}, "shop-web-1 does not serve"),
    ],
)
def test_what_only_one_can_have_or_do_is_named(more: dict[str, Any], why: str) -> None:
    assert alone(**more) == why


def test_a_port_that_docker_chooses_and_a_folder_that_is_only_read_are_no_reason() -> None:
    assert alone(HostConfig={"PortBindings": {"80/tcp": [{"HostPort": ""}]}}) is None
    assert alone(Mounts=[{"Type": "bind", "Source": "/srv", "Destination": "/app", "RW": False}]) is None


def test_of_what_has_two_already_there_may_be_a_third_while_the_host_has_room(host: dict[str, int]) -> None:
    writes = [{"Type": "bind", "Source": "/uploads", "Destination": "/uploads", "RW": True}]
    assert alone(present=2, Mounts=writes) is None
    host["MemAvailable"] = 199 * MIB
    assert alone(present=2, Mounts=writes) == "the host has no memory for another"


def test_one_of_several_that_has_data_of_its_own_goes_before_the_one_that_gets_it() -> None:
    unnamed = {"Type": "volume", "Name": "5f" * 32, "Destination": "/cache", "RW": True}
    assert alone(present=2, Mounts=[unnamed]) == "its own data is in /cache"
    assert alone(present=2, Mounts=[{**unnamed, "RW": False}, {**unnamed, "Name": "shop_cache"}]) is None
