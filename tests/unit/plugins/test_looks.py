"""A look is asked of the containers of its role and of no others, and one that fails says so beside the rest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from plugins.module_utils.docker.containers import Container
from plugins.module_utils.docker.engine import Engine
from plugins.module_utils.state import looks
from plugins.module_utils.system.failure import HostSideError
from tests.unit.plugins.project_container import made_from

NO_ENGINE = cast("Engine", None)


def _named(_engine: Engine, container: Container) -> dict[str, Any]:
    if container.service == "deaf":
        raise HostSideError("It does not answer.", kind="gate")
    if container.service == "odd":
        raise ValueError("no number")
    return {"service": container.service}


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "LOOKS", {"cache": _named})


def looked(containers: list[Container], projects: list[str], services: dict[str, list[str]]) -> dict[str, Any]:
    return looks.look_at_programs(NO_ENGINE, containers, projects, services)


def test_only_running_containers_of_the_role_in_a_mapped_project_are_asked(tmp_path: Path) -> None:
    store, web = made_from(tmp_path, service="store"), made_from(tmp_path, service="web")
    stopped = replace(store, name="shop-store-2", pid=0)
    stranger = replace(store, name="other-store-1", project="other")
    asked = looked([store, web, stopped, stranger], ["shop"], {"cache": ["store"], "api": ["web"]})
    assert asked == {"shop-store-1": {"service": "store"}}


def test_a_program_that_does_not_say_it_is_no_failure_of_the_look(tmp_path: Path) -> None:
    names = ["deaf", "odd", "store"]
    asked = looked([made_from(tmp_path, service=name) for name in names], ["shop"], {"cache": names})
    assert asked == {
        "shop-deaf-1": {"problem": "It does not answer."},
        "shop-odd-1": {"problem": "What the program in shop-odd-1 answers is not understood."},
        "shop-store-1": {"service": "store"},
    }
