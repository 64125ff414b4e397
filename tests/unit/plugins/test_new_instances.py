"""Instances of a team's service are made and started, and nothing else of its project is touched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.compose.compose import ComposeCall
from plugins.module_utils.compose.new_instances import NewInstances
from plugins.module_utils.docker.engine import Engine
from plugins.module_utils.system.failure import HostSideError
from tests.unit.plugins.small_host import SmallCompose, SmallHost

WEB: dict[str, Any] = {"image": "app", "environment": {"TOKEN": "1"}}


@pytest.fixture
def host() -> SmallHost:
    """A database and one instance of web run; the migration has ended."""
    small = SmallHost()
    for service in ("db", "web"):
        small.add(service)
    small.add("migrate", running=False)
    return small


@pytest.fixture
def socket_path(host: SmallHost, tmp_path: Path) -> Iterator[str]:
    with host.serving(tmp_path) as path:
        yield path


def brought(compose: SmallCompose, socket_path: str, count: int = 2, **variables: list[str]) -> list[str]:
    with Engine(socket_path) as engine:
        return NewInstances(compose, socket_path, 10, variables).bring(engine, {"web": count})


def test_what_is_missing_is_made_and_only_that_is_started(host: SmallHost, socket_path: str) -> None:
    assert brought(SmallCompose(host, {"web": WEB}), socket_path) == ["shop-web-2"]
    assert host.done == ["POST /containers/shop-web-2/start"]


def test_no_instance_is_taken_away_where_there_are_more_than_asked_for(host: SmallHost, socket_path: str) -> None:
    host.add("web", 2)
    compose = SmallCompose(host, {"web": WEB})
    assert brought(compose, socket_path, 1) == []
    assert compose.asked == [{"web": 2}]


def test_what_the_service_depends_on_keeps_its_count_whatever_the_files_say(host: SmallHost, socket_path: str) -> None:
    host.add("db", 2)
    services = {"web": {**WEB, "depends_on": {"cache": {}}}, "cache": {"depends_on": {"db": {}}}}
    compose = SmallCompose(host, services)
    brought(compose, socket_path)
    assert compose.asked == [{"db": 2, "web": 2}]


def test_an_instance_that_was_made_and_not_started_is_started(host: SmallHost, socket_path: str) -> None:
    host.add("web", 2, running=False)
    assert brought(SmallCompose(host, {"web": WEB}), socket_path) == []
    assert host.done == ["POST /containers/shop-web-2/start"]


def test_one_that_somebody_had_stopped_counts_for_none_and_stays_so(host: SmallHost, socket_path: str) -> None:
    host.add("web", 2, running=False)
    compose = SmallCompose(host, {"web": WEB})
    with Engine(socket_path) as engine:
        new = NewInstances(compose, socket_path, 10, at_rest=["shop-web-2"])
        assert new.bring(engine, {"web": 2}) == ["shop-web-3"]
    assert host.done == ["POST /containers/shop-web-3/start"]


def test_a_container_that_compose_made_of_a_dependency_is_removed_and_never_started(
    host: SmallHost, socket_path: str
) -> None:
    compose = SmallCompose(host, {"web": WEB})
    compose.dependencies = ("seed",)
    brought(compose, socket_path)
    assert host.done == ["DELETE /containers/shop-seed-1?v=1", "POST /containers/shop-web-2/start"]


def test_a_container_that_the_team_made_meanwhile_stays(host: SmallHost, socket_path: str) -> None:
    class Busy(SmallCompose):
        def create(self, services: Any, counts: Any, bound: float) -> list[ComposeCall]:
            acts = super().create(services, counts, bound)
            host.add("theirs", running=False)
            return acts

    brought(Busy(host, {"web": WEB}), socket_path)
    assert "shop-theirs-1" in host.containers


@pytest.mark.parametrize(
    ("service", "named"),
    [
        ({"image": "app", "environment": {"TOKEN": "s3cret"}}, "the variable TOKEN"),
        ({"image": "app", "environment": {}}, "the variable TOKEN"),
        ({"image": "app", "environment": {"TOKEN": "1", "NEW": "s3cret"}}, "the variable NEW"),
        ({"image": "other", "environment": {"TOKEN": "1"}}, "its image"),
    ],
)
def test_another_image_or_environment_is_refused_by_name_before_it_is_made(
    host: SmallHost, socket_path: str, service: dict[str, Any], named: str
) -> None:
    host.images["other"] = {**host.images["app"], "Id": "sha256:other"}
    compose = SmallCompose(host, {"web": service})
    with pytest.raises(HostSideError, match=f"would not be like shop-web-1: {named} would be another") as refusal:
        brought(compose, socket_path)
    assert refusal.value.kind == "refused"
    assert "s3cret" not in refusal.value.sentence
    assert (compose.asked, host.done) == ([], [])


def test_variables_that_a_change_of_ours_is_about_may_become_others(host: SmallHost, socket_path: str) -> None:
    environment = ["PATH=/bin", "TOKEN=2"]
    compose = SmallCompose(host, {"web": {"image": "app", "environment": {"TOKEN": "2"}}}, Env=environment)
    assert brought(compose, socket_path, web=["TOKEN"]) == ["shop-web-2"]


@pytest.mark.parametrize(
    ("made", "named"), [({"Cmd": ["other"]}, "Cmd"), ({"PidMode": "host"}, "PidMode"), ({"CapAdd": ["ALL"]}, "CapAdd")]
)
def test_another_configuration_is_refused_by_name_before_it_is_started(
    host: SmallHost, socket_path: str, made: dict[str, Any], named: str
) -> None:
    compose = SmallCompose(host, {"web": WEB}, **made)
    compose.dependencies = ("seed",)
    with pytest.raises(HostSideError, match=f"shop-web-1: {named} would be another"):
        brought(compose, socket_path)
    assert host.done == ["DELETE /containers/shop-web-2?v=1", "DELETE /containers/shop-seed-1?v=1"]


def test_a_command_that_a_change_of_ours_is_about_may_become_another(host: SmallHost, socket_path: str) -> None:
    compose = SmallCompose(host, {"web": WEB}, Cmd=["other"])
    with Engine(socket_path) as engine:
        instances = NewInstances(compose, socket_path, 10, commands=["web"])
        assert instances.bring(engine, {"web": 2}) == ["shop-web-2"]


def test_limits_are_ours_to_change(host: SmallHost, socket_path: str) -> None:
    compose = SmallCompose(host, {"web": WEB}, Memory=1 << 28, MemorySwap=1 << 28, NanoCpus=500_000_000)
    assert brought(compose, socket_path) == ["shop-web-2"]


def test_where_none_runs_there_is_nothing_to_be_like(host: SmallHost, socket_path: str) -> None:
    del host.containers["shop-web-1"]
    compose = SmallCompose(host, {"web": {"image": "app", "environment": {"TOKEN": "2"}}}, Env=["TOKEN=2"])
    assert brought(compose, socket_path, 1) == ["shop-web-1"]


@pytest.mark.parametrize(
    ("act", "named"),
    [
        (ComposeCall("Container", "shop-db-1", "Recreate"), r"container shop-db-1 \(recreate\)"),
        (ComposeCall("Container", "shop-db-1", "Stopping"), r"container shop-db-1 \(stopping\)"),
        (ComposeCall("Network", "shop_default", "Removed"), r"network shop_default \(removed\)"),
        (ComposeCall("Volume", "shop_more", "Creating"), r"volume shop_more \(creating\)"),
    ],
)
def test_compose_may_do_nothing_besides(host: SmallHost, socket_path: str, act: ComposeCall, named: str) -> None:
    compose = SmallCompose(host, {"web": WEB})
    compose.more = [act]
    with pytest.raises(HostSideError, match=f"Compose would also change {named}; nothing was touched"):
        brought(compose, socket_path)
    assert (compose.asked, host.done) == ([], [])


def test_an_image_that_is_not_here_is_refused_and_not_pulled(host: SmallHost, socket_path: str) -> None:
    with pytest.raises(HostSideError, match="The image shop-web of web is not on this host"):
        brought(SmallCompose(host, {"web": {"build": {}}}), socket_path)


def test_a_service_that_the_files_do_not_have_is_refused(host: SmallHost, socket_path: str) -> None:
    with pytest.raises(HostSideError, match="have no service web"):
        brought(SmallCompose(host, {}), socket_path)


def test_a_secret_that_only_composes_start_brings_in_is_refused(host: SmallHost, socket_path: str) -> None:
    class WithSecret(SmallCompose):
        def describe(self) -> dict[str, Any]:
            return {**super().describe(), "secrets": {"key": {"environment": "KEY"}, "file": {"file": "/k"}}}

    brought(WithSecret(host, {"web": {**WEB, "secrets": [{"source": "file"}]}}), socket_path)
    with pytest.raises(HostSideError, match="web has secret key from the text"):
        brought(WithSecret(host, {"web": {**WEB, "secrets": [{"source": "key"}]}}), socket_path, 3)


def test_an_instance_that_is_part_of_a_service_without_a_container_is_refused(
    host: SmallHost, socket_path: str
) -> None:
    compose = SmallCompose(host, {"web": WEB}, NetworkMode="container:shop-cache-1")
    compose.dependencies = ("cache",)
    with pytest.raises(HostSideError, match="web is part of cache, which has no container here"):
        brought(compose, socket_path)
    assert {"shop-web-2", "shop-cache-1"}.isdisjoint(host.containers)


def test_what_compose_would_do_after_a_start_is_done_and_counts(host: SmallHost, socket_path: str) -> None:
    service = {**WEB, "post_start": [{"command": ["warm", "up"], "user": "root"}]}
    brought(SmallCompose(host, {"web": service}), socket_path)
    assert [one for one in host.done if "exec" in one] == [
        "POST /containers/shop-web-2/exec",
        "POST /exec/1/start",
    ]
    host.hook_code = 3
    with pytest.raises(HostSideError, match=r"post_start hook of web ended with 3 in shop-web-3"):
        brought(SmallCompose(host, {"web": service}), socket_path, 3)


def test_refusing_looks_and_touches_nothing(host: SmallHost, socket_path: str) -> None:
    compose = SmallCompose(host, {"web": {"image": "app", "environment": {"TOKEN": "2"}}})
    with Engine(socket_path) as engine, pytest.raises(HostSideError, match="the variable TOKEN"):
        NewInstances(compose, socket_path, 10).refuse(engine, ["web"])
    assert (compose.asked, host.done) == ([], [])
