"""Adding instances to a service and taking some away: repeated after a crash it ends the same, or goes back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.compose import instances as module
from plugins.module_utils.compose.compose import Compose, ComposeCall
from plugins.module_utils.compose.instances import INSTANCES
from plugins.module_utils.compose.project import Project
from plugins.module_utils.state.lock import Claim, hold
from plugins.module_utils.state.runs import RunRecord
from plugins.module_utils.state.state import StateFolder
from plugins.module_utils.state.undo import undo_steps
from plugins.module_utils.system.failure import HostSideError
from tests.unit.plugins.simulated_docker import SimulatedDocker, instance

RUN = "20260301T020000-9f3ac1"


class CountingCompose(Compose):
    """Compose that creates what is missing of ``web``, and does no more."""

    def __init__(self, docker: SimulatedDocker) -> None:
        super().__init__(Project("shop", "/srv/shop", ("/srv/shop/compose.yaml",)))
        self._docker = docker

    def for_project(self, project: Project) -> CountingCompose:
        self.project = project
        return self

    def describe(self) -> dict[str, Any]:
        return {"services": {"web": {"image": "shop/web:1", "environment": {"TOKEN": "secret"}}}}

    def would_do(self, services: Iterable[str], counts: Mapping[str, int], *, recreate: bool) -> list[ComposeCall]:
        assert set(services) <= set(counts), recreate
        return [ComposeCall("Container", one["Name"][1:], "Running") for one in self._docker.containers.values()]

    def create(self, services: Iterable[str], counts: Mapping[str, int], bound: float) -> list[ComposeCall]:
        assert set(services) <= set(counts), bound
        for number in range(len(self._docker.containers) + 1, counts["web"] + 1):
            made = instance(f"shop-web-{number}", number)
            made["State"] = {"Status": "created", "Running": False, "Pid": 0}
            self._docker.add(made)
        return []


class Host:
    """A host with two instances of ``web``, and a Run that scales it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.docker = SimulatedDocker()
        self.docker.add(instance("shop-web-1", 1), instance("shop-web-2", 2))
        self.folder = StateFolder(str(folder / "state"))
        self.folder.prepare()
        hold(self.folder, Claim(RUN, "tester", "testing", "scale", 600.0), 0.0)
        RunRecord(self.folder, RUN).begin({}, 0.0)
        self.socket = ""
        compose = CountingCompose(self.docker)
        monkeypatch.setattr(module, "Compose", lambda _: compose)
        monkeypatch.setattr(module, "read_project", lambda *_: compose.project)

    def change(self, *, check: bool = False, **more: Any) -> dict[str, Any]:
        values = {
            "project": "shop",
            "directory": "/srv/shop",
            "service": "web",
            "bound_seconds": 0,
            "run_id": RUN,
            "step_id": "scale",
            "docker_socket": self.socket,
            "state_folder": self.folder.path,
        }
        return INSTANCES.do(INSTANCES.work({**values, **more}, check=check))

    def undo(self) -> dict[str, Any]:
        return undo_steps(self.folder, RunRecord(self.folder, RUN), ["scale"], self.socket)

    def names(self) -> list[str]:
        return sorted(one["Name"][1:] for one in self.docker.containers.values() if one["State"]["Running"])

    def stopped(self, name: str) -> None:
        """Somebody stops it by hand."""
        self.docker.named(name)["State"] = {"Status": "exited", "Running": False, "Pid": 0}


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    host = Host(tmp_path, monkeypatch)
    with host.docker.serving(tmp_path) as path:
        host.socket = path
        yield host


def test_what_is_missing_is_made_and_what_is_there_stays(host: Host) -> None:
    answer = host.change(count=3)
    assert (answer["changed"], answer["instances"]) == (True, ["shop-web-3"])
    assert host.names() == ["shop-web-1", "shop-web-2", "shop-web-3"]
    assert [act for act in host.docker.acts if not act.endswith("shop-web-3")] == []


def test_done_again_it_changes_nothing(host: Host) -> None:
    host.change(count=3)
    assert host.change(count=3)["changed"] is False


def test_one_that_was_created_and_never_started_is_started_by_the_next_attempt(host: Host) -> None:
    CountingCompose(host.docker).create(["web"], {"web": 3}, 1.0)
    host.change(count=3)
    assert host.names() == ["shop-web-1", "shop-web-2", "shop-web-3"]


def test_what_was_added_goes_again_and_nothing_else(host: Host) -> None:
    host.change(count=4)
    undone = host.undo()
    assert undone["restored"]
    assert undone["done"] == ["shop-web-4 was stopped and removed.", "shop-web-3 was stopped and removed."]
    assert host.names() == ["shop-web-1", "shop-web-2"]


def test_exactly_the_named_ones_go_and_those_that_are_gone_are_no_failure(host: Host) -> None:
    answer = host.change(state="absent", names=["shop-web-2", "shop-web-7"])
    assert (answer["changed"], answer["instances"], host.names()) == (True, ["shop-web-2"], ["shop-web-1"])
    assert host.change(state="absent", names=["shop-web-2"])["changed"] is False
    assert host.undo()["restored"]
    assert host.names() == ["shop-web-1", "shop-web-2"]


def test_the_last_instance_is_never_taken_away(host: Host) -> None:
    with pytest.raises(HostSideError, match="web would have no instance left") as refusal:
        host.change(state="absent", names=["shop-web-1", "shop-web-2"])
    assert refusal.value.result()["rule"] == "LB-03"
    assert host.docker.acts == []


def test_the_last_instance_that_runs_is_never_taken_away(host: Host) -> None:
    host.stopped("shop-web-1")
    with pytest.raises(HostSideError, match="web would have no instance left that runs"):
        host.change(state="absent", names=["shop-web-2"])
    assert host.docker.acts == []


def test_one_that_somebody_stopped_before_the_run_stays_so_and_another_is_made(host: Host) -> None:
    host.stopped("shop-web-2")
    note = {"before": {"container shop-web-2": {"project": "shop", "running": False}}}
    Path(host.folder.path, "runs", "notes").mkdir()
    host.folder.write(f"runs/notes/{RUN}", note)
    assert host.change(count=2)["instances"] == ["shop-web-3"]
    assert host.names() == ["shop-web-1", "shop-web-3"]
    assert host.undo()["restored"]
    assert host.names() == ["shop-web-1"]


def test_an_added_one_stays_where_all_others_were_stopped_since(host: Host) -> None:
    host.change(count=3)
    host.stopped("shop-web-1")
    host.stopped("shop-web-2")
    assert host.undo()["notes"] == ["shop-web-3 stays: no other instance of web runs."]
    assert host.names() == ["shop-web-3"]


def test_what_the_step_leaves_is_noted_for_a_later_rollback_to_compare_with(host: Host) -> None:
    host.change(count=3)
    host.change(count=4)
    step = RunRecord(host.folder, RUN).step("scale")
    assert step["left"]["instances"] == {"web": {"count": 4}}
    assert step["inverse"]["instances"]["web"]["containers"] == ["1" * 64, "2" * 64]


def test_check_mode_shows_the_count_before_and_after(host: Host) -> None:
    assert host.change(check=True, count=3)["diff"] == {"before": "web: 2 instances\n", "after": "web: 3 instances\n"}
    away = host.change(check=True, state="absent", names=["shop-web-2"])
    assert (away["changed"], away["diff"]["after"]) == (True, "web: 1 instances\n")
    assert host.docker.acts == []
    assert RunRecord(host.folder, RUN).step("scale") == {}
