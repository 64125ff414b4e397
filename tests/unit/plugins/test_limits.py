from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from plugins.module_utils.docker import limits as limits_module
from plugins.module_utils.docker.cgroup import Reading
from plugins.module_utils.docker.containers import Container
from plugins.module_utils.docker.limits import (
    Capability,
    ContainerLimits,
    Restoration,
    change_of,
    inverse_of,
    refuse_shrinking,
    restoration,
    wanted_for,
)
from plugins.module_utils.system.failure import HostSideError

MIB = 2**20
HOST = Capability(memory=4096 * MIB, swap=5120 * MIB, cpus=2.0, limits_swap=True)
API = Container.parse(
    {
        "Id": "1" * 64,
        "Name": "/selextract-api-1",
        "State": {"Status": "running", "Pid": 100, "StartedAt": "2026-01-01T00:00:00.5Z"},
        "HostConfig": {"Memory": 256 * MIB, "MemorySwap": 256 * MIB, "NanoCpus": 500_000_000},
        "Config": {
            "Env": ["PASSWORD=secret"],
            "Labels": {
                "com.docker.compose.project": "selextract",
                "com.docker.compose.service": "api",
                "com.docker.compose.container-number": "1",
            },
        },
    }
)


def test_equal_limits_are_no_change() -> None:
    assert change_of(API, wanted_for({"memory": 256 * MIB, "cpus": 0.5}, API), HOST) == {}
    assert change_of(API, wanted_for({}, API), HOST) == {}


def test_memory_and_swap_change_together() -> None:
    assert change_of(API, wanted_for({"memory": 300 * MIB}, API), HOST) == {
        "Memory": 300 * MIB,
        "MemorySwap": 300 * MIB,
    }


def test_a_swap_limit_alone_takes_memory_along() -> None:
    assert change_of(API, wanted_for({"swap": 512 * MIB}, API), HOST) == {
        "Memory": 256 * MIB,
        "MemorySwap": 512 * MIB,
    }


def test_unlimited_swap_is_minus_one() -> None:
    free = replace(API, swap=None)
    assert change_of(free, wanted_for({"memory": 300 * MIB, "swap": -1}, free), HOST)["MemorySwap"] == -1


def test_swap_that_is_limited_becomes_the_hosts_total_where_unlimited_is_asked_and_stays_that() -> None:
    body = change_of(API, wanted_for({"swap": -1}, API), HOST)
    assert body == {"Memory": 256 * MIB, "MemorySwap": 5120 * MIB}
    assert change_of(replace(API, swap=5120 * MIB), wanted_for({"swap": -1}, API), HOST) == {}


def test_where_the_kernel_does_not_limit_swap_it_is_left_out_of_everything() -> None:
    host, container = replace(HOST, limits_swap=False), replace(API, swap=None)
    assert change_of(container, wanted_for({"memory": 256 * MIB}, container), host) == {}
    assert change_of(container, wanted_for({"memory": 300 * MIB}, container), host) == {"Memory": 300 * MIB}


def test_cpus_given_as_quota_and_period_are_changed_as_such() -> None:
    container = replace(API, cpus=0.5, cpu_period=50_000)
    assert change_of(container, wanted_for({"cpus": 0.75}, container), HOST) == {
        "CpuPeriod": 50_000,
        "CpuQuota": 37_500,
    }
    assert change_of(API, wanted_for({"cpus": 0.75}, API), HOST) == {"NanoCpus": 750_000_000}


def test_what_was_limited_is_put_back_exactly() -> None:
    changed = replace(API, memory=100 * MIB, swap=100 * MIB, cpus=0.2)
    back = restoration(inverse_of(API), changed, HOST)
    assert back.body == {"Memory": 256 * MIB, "MemorySwap": 256 * MIB, "NanoCpus": 500_000_000}
    assert (back.note, back.difference) == (None, None)


def test_what_was_unlimited_gets_a_memory_limit_out_of_reach_and_all_cores_with_a_note_about_them() -> None:
    free = replace(API, memory=None, swap=None, cpus=None)
    changed = replace(API, memory=100 * MIB, swap=100 * MIB, cpus=0.2)
    back = restoration(inverse_of(free), changed, HOST)
    assert back.body == {"Memory": 2**62, "MemorySwap": 2**63 - 4096, "NanoCpus": 2_000_000_000}
    assert back.note == f"{API.name} had no limit of cpus; in place it gets the host's total instead."
    assert back.difference is None


def test_a_limit_out_of_reach_is_read_as_none() -> None:
    limits = {"Memory": 2**62, "MemorySwap": 2**63 - 4096}
    raw = {"Id": "1", "Name": "/x", "State": {}, "HostConfig": limits, "Config": {}}
    assert (Container.parse(raw).memory, Container.parse(raw).swap) == (None, None)


def test_what_was_unlimited_and_still_is_stays_alone() -> None:
    free = replace(API, memory=None, swap=None, cpus=None)
    assert restoration(inverse_of(free), free, HOST) == Restoration({})


def test_a_limit_that_killed_the_container_is_never_put_back_while_its_cpus_are() -> None:
    raised = replace(API, memory=416 * MIB, swap=416 * MIB, cpus=1.0)
    back = restoration(inverse_of(API, oom_killed=True), raised, HOST)
    assert back.body == {"NanoCpus": 500_000_000}
    assert back.difference == f"{API.name} keeps its memory limit of 416 MB: with 256 MB it was killed for memory."


def test_a_limit_that_the_kernel_would_refuse_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_module, "find_control_group", lambda _pid: Group(300 * MIB))
    raised = replace(API, memory=416 * MIB, swap=416 * MIB)
    back = restoration(inverse_of(API), raised, HOST)
    assert back.body == {}
    assert back.difference == f"{API.name} keeps its memory limit of 416 MB: it uses 300 MB, and had 256 MB."


class Group:
    def __init__(self, memory: int) -> None:
        self._memory = memory

    def read(self) -> Reading:
        return Reading(1.0, self._memory, 0, 0)


@pytest.mark.parametrize(("used", "limit", "refused"), [(200, 219, True), (200, 220, False), (10, 11, False)])
def test_a_limit_below_present_use_with_its_margin_is_refused(
    monkeypatch: pytest.MonkeyPatch, used: int, limit: int, refused: bool
) -> None:
    monkeypatch.setattr(limits_module, "find_control_group", lambda _pid: Group(used * MIB))
    wanted = ContainerLimits(limit * MIB, limit * MIB, 0.5)
    if not refused:
        refuse_shrinking(API, wanted, 0.1)
        return
    with pytest.raises(HostSideError, match="uses 200 MB now; with 10% on top that is 220 MB") as refusal:
        refuse_shrinking(API, wanted, 0.1)
    assert refusal.value.result() == {"kind": "refused", "rule": "shrink_margin"}


def test_a_limit_is_not_lowered_where_use_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_module, "find_control_group", lambda _pid: None)
    with pytest.raises(HostSideError, match="cannot be read"):
        refuse_shrinking(API, ContainerLimits(100 * MIB, 100 * MIB, None), 0.1)
    refuse_shrinking(API, ContainerLimits(300 * MIB, 300 * MIB, None), 0.1)
    refuse_shrinking(replace(API, pid=0), ContainerLimits(100 * MIB, 100 * MIB, None), 0.1)


def test_a_container_carries_no_environment() -> None:
    assert "secret" not in repr(API)


@pytest.mark.parametrize(
    ("config", "cpus", "period"),
    [
        ({"NanoCpus": 0, "CpuQuota": 0}, None, None),
        ({"CpuQuota": 25_000, "CpuPeriod": 50_000}, 0.5, 50_000),
        ({"CpuQuota": 25_000}, 0.25, 100_000),
        ({"CpuQuota": -1, "CpuPeriod": 0}, None, None),
    ],
)
def test_cpus_are_read_in_either_form(config: dict[str, Any], cpus: float | None, period: int | None) -> None:
    raw = {"Id": "1", "Name": "/x", "State": {}, "HostConfig": config, "Config": {}}
    container = Container.parse(raw)
    assert (container.cpus, container.cpu_period) == (cpus, period)


def test_a_one_off_container_belongs_to_no_service() -> None:
    labels = {
        "com.docker.compose.project": "p",
        "com.docker.compose.service": "api",
        "com.docker.compose.oneoff": "True",
    }
    raw = {"Id": "1", "Name": "/x", "State": {}, "HostConfig": {}, "Config": {"Labels": labels}}
    container = Container.parse(raw)
    assert (container.project, container.service) == ("p", None)
