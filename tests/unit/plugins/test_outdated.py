"""Compose itself says which containers it would recreate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from plugins.module_utils.compose.compose import ComposeCall
from plugins.module_utils.compose.outdated import current_by_id, outdated_among, outdated_by_id
from plugins.module_utils.docker.containers import Container
from plugins.module_utils.system.failure import HostSideError
from tests.unit.plugins.small_host import SmallCompose, SmallHost


class Answering(SmallCompose):
    """Says of each container what it is told, and fails for services that are told to fail."""

    def __init__(self, host: SmallHost, verbs: Mapping[str, str], failing: tuple[str, ...] = ()) -> None:
        web: dict[str, Any] = {"depends_on": {"db": {}}}
        super().__init__(host, {"db": {}, "web": web})
        self.web = web
        self._verbs = verbs
        self._failing = failing

    def would_do(self, services: Iterable[str], counts: Mapping[str, int], *, recreate: bool) -> list[ComposeCall]:
        self.asked.append(dict(counts))
        assert recreate
        if set(services).intersection(self._failing):
            raise HostSideError("Compose rejects the files.", kind="compose")
        return [ComposeCall("Container", name, verb) for name, verb in self._verbs.items()]

    def hashes(self, configuration: Mapping[str, Any]) -> dict[str, str]:
        assert configuration == self.describe()
        return {"web": "new"}


@pytest.fixture
def host() -> SmallHost:
    small = SmallHost()
    for service, number in (("db", 1), ("web", 1), ("web", 2), ("gone", 1)):
        small.add(service, number)
    return small


def containers_of(host: SmallHost) -> list[Container]:
    return [Container.parse(raw) for raw in host.containers.values()]


def test_only_what_compose_recreates_is_outdated(host: SmallHost) -> None:
    compose = Answering(host, {"shop-web-1": "Running", "shop-web-2": "Recreate", "shop-db-1": "Recreate"})
    assert [one.name for one in outdated_among(compose, ["web"], containers_of(host))] == ["shop-web-2"]


def test_each_service_is_asked_about_with_the_instances_that_it_has(host: SmallHost) -> None:
    compose = Answering(host, dict.fromkeys(("shop-web-1", "shop-web-2", "shop-db-1"), "Running"))
    outdated_by_id(compose, compose.describe(), ["web", "db"], containers_of(host))
    assert compose.asked == [{"web": 2, "db": 1}]


def test_a_container_that_compose_does_not_mention_is_not_taken_for_current(host: SmallHost) -> None:
    compose = Answering(host, {"shop-web-1": "Running"})
    with pytest.raises(HostSideError, match="does not say whether it would recreate shop-web-2"):
        outdated_by_id(compose, compose.describe(), ["web"], containers_of(host))


def test_a_container_that_does_not_run_and_is_not_mentioned_stays_as_it_is(host: SmallHost) -> None:
    host.add("web", 3, running=False)
    compose = Answering(host, {"shop-web-1": "Running", "shop-web-2": "Running"})
    assert outdated_among(compose, ["web"], containers_of(host)) == []


def test_no_container_is_no_question(host: SmallHost) -> None:
    compose = Answering(host, {})
    assert outdated_by_id(compose, compose.describe(), ["jobs"], containers_of(host)) == {}
    assert compose.asked == []


def test_a_service_that_the_files_do_not_have_any_more_is_unknown(host: SmallHost) -> None:
    compose = Answering(host, {"shop-web-1": "Running", "shop-web-2": "Recreated", "shop-db-1": "Running"})
    assert current_by_id(compose, compose.describe(), containers_of(host)) == {
        "shop-db-1": True,
        "shop-web-1": True,
        "shop-web-2": False,
        "shop-gone-1": None,
    }


def test_a_service_of_which_compose_cannot_tell_does_not_keep_it_from_telling_of_others(host: SmallHost) -> None:
    compose = Answering(host, {"shop-web-1": "Running", "shop-web-2": "Running"}, failing=("db",))
    current = current_by_id(compose, compose.describe(), containers_of(host))
    assert (current["shop-db-1"], current["shop-web-1"], current["shop-web-2"]) == (None, True, True)


def test_what_is_recreated_only_with_what_it_depends_on_is_not_outdated(host: SmallHost) -> None:
    hashes = {"shop-web-1": "new", "shop-web-2": "old", "shop-db-1": "any"}
    for name, text in hashes.items():
        host.containers[name]["Config"]["Labels"]["com.docker.compose.config-hash"] = text
    compose = Answering(host, dict.fromkeys(hashes, "Recreate"))
    outdated = outdated_by_id(compose, compose.describe(), ["web", "db"], containers_of(host))
    assert outdated == {"shop-web-1": False, "shop-web-2": True, "shop-db-1": True}


@pytest.mark.parametrize(
    "shared",
    [{"network_mode": "service:db"}, {"pid": "service:db"}, {"volumes_from": ["db:ro"]}, {"ipc": "service:db"}],
)
def test_what_shares_another_services_container_goes_with_it(host: SmallHost, shared: dict[str, Any]) -> None:
    compose = Answering(host, dict.fromkeys(("shop-web-1", "shop-web-2", "shop-db-1"), "Recreate"))
    compose.web.update(shared)
    assert len(outdated_among(compose, ["web"], containers_of(host))) == 2
