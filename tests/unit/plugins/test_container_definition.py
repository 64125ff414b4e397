from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.docker.container_definition import ContainerDefinition
from plugins.module_utils.docker.containers import Container
from plugins.module_utils.docker.dry_creation import (
    prove_creatable,
    refuse_unaccepted_limits,
    remove_scratch_containers,
)
from plugins.module_utils.docker.engine import Engine
from plugins.module_utils.docker.limits import ContainerLimits
from plugins.module_utils.system.failure import HostSideError
from tests.unit.plugins.simulated_docker import IMAGE, SimulatedDocker, instance

VOLUME = "a" * 64


def parsed(**more: Any) -> ContainerDefinition:
    return ContainerDefinition.parse(instance("shop-web-1", **more))


def test_every_volume_is_bound_by_its_name_so_that_an_unnamed_one_keeps_its_content() -> None:
    mounts = [
        {"Type": "volume", "Name": VOLUME, "Destination": "/scratch/", "RW": True},
        {"Type": "volume", "Name": "b" * 64, "Destination": "/from/the/image", "RW": False},
        {"Type": "volume", "Name": "shop_data", "Destination": "/data", "RW": True},
        {"Type": "bind", "Source": "/srv", "Destination": "/app", "RW": False},
    ]
    host = {
        "Binds": ["/srv:/app:ro", "shop_data:/data"],
        "Mounts": [{"Type": "volume", "Target": "/scratch", "VolumeOptions": {}}, {"Type": "tmpfs", "Target": "/tmp"}],
    }
    body = parsed(Mounts=mounts, HostConfig=host).body["HostConfig"]
    assert body["Binds"] == host["Binds"]
    assert body["Mounts"] == [
        {"Type": "volume", "Target": "/scratch", "VolumeOptions": {}, "Source": VOLUME},
        {"Type": "tmpfs", "Target": "/tmp"},
        {"Type": "volume", "Source": "b" * 64, "Target": "/from/the/image", "ReadOnly": True},
    ]


def test_networks_keep_aliases_and_fixed_addresses_and_lose_what_came_from_the_old_id() -> None:
    networks = {
        "other": {"Aliases": ["web"], "IPAddress": "10.9.0.2", "MacAddress": "02:42:0a:09:00:02"},
        "shop_default": {
            "Aliases": ["shop-web-1", "web", "1" * 12],
            "IPAMConfig": {"IPv4Address": "172.31.9.20"},
            "IPAddress": "172.31.9.20",
            "MacAddress": "de:ad:be:ef:00:01",
        },
    }
    definition = parsed(NetworkSettings={"Networks": networks})
    assert list(definition.endpoints) == ["shop_default", "other"]
    assert definition.endpoints == {
        "shop_default": {
            "Aliases": ["shop-web-1", "web"],
            "IPAMConfig": {"IPv4Address": "172.31.9.20"},
            "MacAddress": "de:ad:be:ef:00:01",
        },
        "other": {"Aliases": ["web"]},
    }
    assert "Hostname" not in definition.body


@pytest.mark.parametrize("mode", ["host", "none", "container:" + "f" * 64])
def test_who_shares_a_network_has_no_endpoint_of_its_own(mode: str) -> None:
    definition = parsed(HostConfig={"NetworkMode": mode}, Config={"ExposedPorts": {"80/tcp": {}}, "Hostname": "own"})
    assert definition.endpoints == {}
    assert ("ExposedPorts" in definition.body) is not mode.startswith("container:")


def test_it_is_made_with_the_images_name_while_that_is_the_same_image_and_by_its_id_afterwards(tmp_path: Path) -> None:
    docker = SimulatedDocker()
    with docker.serving(tmp_path) as path, Engine(path) as engine:
        first = parsed().create(engine, "first")
        docker.images = {IMAGE: [], "sha256:" + "6" * 64: ["shop/web:1"]}
        second = parsed().create(engine, "second")
    images = [docker.containers[made]["Config"]["Image"] for made in (first, second)]
    assert images == ["shop/web:1", IMAGE]


def test_a_second_network_is_connected_before_anything_starts(tmp_path: Path) -> None:
    docker = SimulatedDocker()
    networks = {"shop_default": {}, "back": {"Aliases": ["web"]}}
    with docker.serving(tmp_path) as path, Engine(path) as engine:
        parsed(NetworkSettings={"Networks": networks}).create(engine, "web")
    assert docker.acts == ["create web", "connect back"]


def test_a_dry_creation_has_none_of_composes_labels_and_leaves_nothing(tmp_path: Path) -> None:
    docker = SimulatedDocker()
    docker.add(instance("shop-web-1"))
    with docker.serving(tmp_path) as path, Engine(path) as engine:
        prove_creatable(engine, parsed(), "1" * 64)
    assert docker.acts == ["create selextract-scratch-111111111111", "remove selextract-scratch-111111111111"]
    assert not [label for label in docker.bodies[0]["Labels"] if label.startswith("com.docker.compose")]
    assert list(docker.containers) == ["1" * 64]


def test_a_limit_that_the_engine_refuses_is_refused_in_one_sentence(tmp_path: Path) -> None:
    docker = SimulatedDocker(refused="Minimum memory limit can not be less than memory reservation limit")
    docker.add(instance("shop-web-1"))
    web = Container.parse(docker.named("shop-web-1"))
    with docker.serving(tmp_path) as path, Engine(path) as engine, pytest.raises(HostSideError) as refusal:
        refuse_unaccepted_limits(engine, [(web, ContainerLimits(96 * 2**20, 96 * 2**20, None))])
    assert refusal.value.sentence == (
        "Docker would not make shop-web-1 with memory 96 MB, with swap 96 MB, cpus unlimited:"
        " Minimum memory limit can not be less than memory reservation limit."
    )
    assert refusal.value.result() == {"kind": "refused", "rule": "engine"}
    assert docker.acts == []


def test_the_limits_that_are_tried_are_those_that_compose_would_write() -> None:
    quota = parsed(HostConfig={"CpuQuota": 50_000, "MemoryReservation": 2**27})
    host = quota.limited(memory=2**26, swap=2**26, cpus=0.5).body["HostConfig"]
    assert (host["Memory"], host["MemorySwap"], host["NanoCpus"]) == (2**26, 2**26, 500_000_000)
    assert (host["CpuQuota"], host["MemoryReservation"]) == (50_000, 2**27)  # the engine says what it thinks of both


def test_scratch_containers_of_a_killed_process_are_removed_and_no_others(tmp_path: Path) -> None:
    docker = SimulatedDocker()
    docker.add(instance("shop-web-1"))
    with docker.serving(tmp_path) as path, Engine(path) as engine:
        parsed().unlabelled().labelled("selextract-infra.scratch", "x").create(engine, "selextract-scratch-x")
        remove_scratch_containers(engine)
    assert list(docker.containers) == ["1" * 64]


def test_a_cpu_limit_that_only_changes_in_place_keeps_the_form_that_it_has(tmp_path: Path) -> None:
    docker = SimulatedDocker()
    docker.add(instance("shop-web-1", HostConfig={"CpuQuota": 20_000, "CpuPeriod": 50_000}))
    web = Container.parse(docker.named("shop-web-1"))
    with docker.serving(tmp_path) as path, Engine(path) as engine:
        for written in (True, False):
            refuse_unaccepted_limits(engine, [(web, ContainerLimits(None, None, 0.6))], written=written)
    assert [body["HostConfig"].get("NanoCpus") for body in docker.bodies] == [600_000_000, None]
