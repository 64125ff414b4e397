from __future__ import annotations

import json
from typing import Any

import pytest

from plugins.module_utils.compose.definitions import service_definitions

MIB = 2**20


def define(service: dict[str, Any], **more: Any) -> dict[str, Any]:
    values: dict[str, Any] = {"profiles": (), "present": set(), "probed": set(), **more}
    found = service_definitions({"services": {"api": service}}, **values)
    return found[0]


def test_limits_in_the_service_form() -> None:
    seen = define({"mem_limit": "134217728", "memswap_limit": "134217728", "cpus": 0.5, "scale": 2})
    assert seen["limits"] == {"cpus": 0.5, "memory": 128 * MIB, "swap": 128 * MIB}
    assert (seen["limit_form"], seen["count_form"], seen["replicas"]) == ("service", "service", 2)


def test_limits_in_the_deploy_form() -> None:
    limits = {"resources": {"limits": {"memory": "128m", "cpus": "0.25"}}, "replicas": 3}
    seen = define({"deploy": limits})
    assert seen["limits"] == {"cpus": 0.25, "memory": 128 * MIB, "swap": None}
    assert (seen["limit_form"], seen["count_form"], seen["replicas"]) == ("deploy", "deploy", 3)


def test_forms_that_are_mixed_are_told_apart() -> None:
    seen = define({"mem_limit": "1", "deploy": {"resources": {"limits": {"cpus": 1}}}})
    assert seen["limit_form"] == "mixed"


def test_no_limits_and_one_instance_where_the_app_says_nothing() -> None:
    seen = define({})
    assert seen["limits"] == {"cpus": None, "memory": None, "swap": None}
    assert (seen["limit_form"], seen["count_form"], seen["replicas"]) == (None, None, 1)


@pytest.mark.parametrize(
    ("port", "fixed"),
    [
        ({"published": "8080", "protocol": "tcp"}, ["8080/tcp"]),
        ({"published": "53", "protocol": "udp", "host_ip": "127.0.0.1"}, ["127.0.0.1:53/udp"]),
        ({"published": "9000-9005", "protocol": "tcp"}, []),
        ({"target": 80, "protocol": "tcp"}, []),
    ],
)
def test_only_a_port_that_is_taken_once_is_fixed(port: dict[str, Any], fixed: list[str]) -> None:
    assert define({"ports": [port]})["fixed_host_ports"] == fixed


@pytest.mark.parametrize(
    ("check", "probed", "has"),
    [
        ({"test": ["CMD", "true"]}, False, True),
        ({"test": ["NONE"]}, False, False),
        ({"disable": True, "test": ["CMD", "true"]}, False, False),
        (None, False, False),
        (None, True, True),
    ],
)
def test_a_health_check_is_seen_in_the_file_or_on_the_container(check: Any, probed: bool, has: bool) -> None:
    assert define({"healthcheck": check}, probed={"api"} if probed else set())["has_healthcheck"] is has


@pytest.mark.parametrize(
    ("asked", "active", "present", "there"),
    [([], (), set(), True), (["debug"], (), set(), False), (["debug"], ("debug",), set(), True),
     (["debug"], ("*",), set(), True), (["debug"], (), {"api"}, True)],
)  # fmt: skip
def test_a_service_of_an_inactive_profile_counts_only_with_a_container(
    asked: list[str], active: tuple[str, ...], present: set[str], there: bool
) -> None:
    configuration = {"services": {"api": {"profiles": asked}}}
    assert bool(service_definitions(configuration, active, present, set())) is there


def test_the_environment_of_a_service_goes_nowhere() -> None:
    service = {"environment": {"PASSWORD": "secret"}, "command": "--token secret", "labels": {"x": "secret"}}
    assert "secret" not in json.dumps(define(service))


def test_what_stands_beside_the_limits_is_read_in_both_forms() -> None:
    nothing = {"memory_reservation": None, "shm_size": None, "cpu_quota": False, "cpuset": None}
    assert define({})["beside"] == {**nothing, "oom_kill_disable": False}
    own = {"mem_reservation": "209715200", "shm_size": "134217728", "cpu_quota": "50000", "cpuset": "0-2,5"}
    assert define({**own, "oom_kill_disable": True})["beside"] == {
        "memory_reservation": 200 * MIB,
        "shm_size": 128 * MIB,
        "cpu_quota": True,
        "cpuset": 4,
        "oom_kill_disable": True,
    }
    reserved = {"deploy": {"resources": {"reservations": {"memory": "209715200"}}}}
    assert define(reserved)["beside"] == {**nothing, "memory_reservation": 200 * MIB, "oom_kill_disable": False}
    assert define({"cpuset": "0-999999999", "cpu_quota": "much"})["beside"]["cpu_quota"] is False


@pytest.mark.parametrize(
    ("service", "fixed"),
    [
        ({"networks": {"default": {"ipv4_address": "172.31.9.20"}}}, ["ipv4_address 172.31.9.20"]),
        ({"networks": {"default": {"ipv6_address": "fd00::20"}, "other": None}}, ["ipv6_address fd00::20"]),
        ({"networks": {"default": {"mac_address": "02:42:ac:11:00:02"}}}, ["mac_address 02:42:ac:11:00:02"]),
        ({"mac_address": "02:42:ac:11:00:02"}, ["mac_address 02:42:ac:11:00:02"]),
        ({"network_mode": "host"}, ["network_mode host"]),
        ({"network_mode": "bridge", "networks": {"default": None}}, []),
        ({"networks": {"default": {"aliases": ["jobs"]}}}, []),
    ],
)
def test_an_address_that_only_one_container_can_have_is_fixed(service: dict[str, Any], fixed: list[str]) -> None:
    assert define(service)["fixed_addresses"] == fixed
