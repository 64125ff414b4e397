from __future__ import annotations

from plugins.module_utils.compose.capacity import parse, render
from plugins.module_utils.docker.containers import Container
from plugins.module_utils.docker.kept_limits import kept_memory_limits, with_memory_limits
from tests.unit.plugins.simulated_docker import instance

MIB = 2**20
WEB = Container.parse(instance("shop-web-1", HostConfig={"Memory": 416 * MIB}))
BEFORE = {"memory": 256 * MIB, "project": "shop", "oom_killed": True}
WRITTEN = render({"web": {"mem_limit": 416 * MIB, "memswap_limit": 416 * MIB, "cpus": 0.5}, "db": {"cpus": 1.0}})


def test_a_limit_that_stays_stays_in_the_file_too_and_the_rest_goes_back() -> None:
    kept = kept_memory_limits({WEB.id: BEFORE}, [WEB], "shop", WRITTEN)
    assert kept == {"web": {"mem_limit": 416 * MIB, "memswap_limit": 416 * MIB}}
    assert parse(with_memory_limits(None, kept))["services"] == kept
    before = render({"web": {"cpus": 0.25}})
    assert parse(with_memory_limits(before, kept))["services"] == {"web": {"cpus": 0.25, **kept["web"]}}


def test_a_limit_under_deploy_stays_in_that_form() -> None:
    limits = {"deploy": {"resources": {"limits": {"memory": 416 * MIB}}}}
    kept = kept_memory_limits({WEB.id: BEFORE}, [WEB], "shop", render({"web": limits}))
    before = render({"web": {"deploy": {"replicas": 2, "resources": {"limits": {"cpus": 0.5}}}}})
    assert parse(with_memory_limits(before, kept))["services"]["web"]["deploy"] == {
        "replicas": 2,
        "resources": {"limits": {"cpus": 0.5, "memory": 416 * MIB}},
    }


def test_nothing_is_kept_where_nothing_was_killed_or_the_limit_was_not_raised() -> None:
    assert kept_memory_limits({WEB.id: {**BEFORE, "oom_killed": False}}, [WEB], "shop", WRITTEN) == {}
    assert kept_memory_limits({WEB.id: {**BEFORE, "memory": 416 * MIB}}, [WEB], "shop", WRITTEN) == {}
    assert kept_memory_limits({WEB.id: {**BEFORE, "project": "other"}}, [WEB], "shop", WRITTEN) == {}
