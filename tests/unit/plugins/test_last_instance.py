"""The way back of an instance that was removed: from its own definition, whatever became of files and images."""

from __future__ import annotations

import copy
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.docker.carried_volumes import hand_on
from plugins.module_utils.docker.container_definition import ContainerDefinition
from plugins.module_utils.docker.containers import Container
from plugins.module_utils.docker.engine import Engine
from plugins.module_utils.docker.kept_definitions import KeptDefinitions, forget_definitions
from plugins.module_utils.docker.removed_instances import Leaving, note_definitions
from plugins.module_utils.state.runs import RunRecord
from plugins.module_utils.state.state import StateFolder
from plugins.module_utils.state.undo import undo_step
from plugins.module_utils.state.undoing import Undoing
from plugins.module_utils.system.failure import HostSideError
from tests.unit.plugins.simulated_docker import IMAGE, SimulatedDocker, instance

RUN = "20260301T020000-9f3ac1"
OLD = "1" * 64
KEPT = f"selextract-infra-kept:{RUN}-0"


class Host:
    """One host with a Run that settles the service ``web``."""

    def __init__(self, folder: Path) -> None:
        self.docker = SimulatedDocker()
        self.docker.add(instance("shop-web-1"))
        self.folder = StateFolder(str(folder / "state"))
        self.folder.prepare()
        self.record = RunRecord(self.folder, RUN)
        self.record.begin({}, 0.0)
        self.record.start_step("settle", 0.0)
        self.socket = ""

    def note(self, *names: str, gate: float = 0.0) -> None:
        containers = [Container.parse(self.docker.named(name)) for name in names or ("shop-web-1",)]
        with Engine(self.socket) as engine:
            leaving = Leaving(containers, containers, gate, 0.0)
            note_definitions(engine, self.folder, self.record, "settle", leaving)

    def restore(self) -> Undoing:
        undoing = Undoing(self.folder, self.socket)
        undo_step(undoing, RunRecord(self.folder, RUN), "settle")
        return undoing


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path)
    with host.docker.serving(tmp_path) as path:
        host.socket = path
        yield host


def replaced(host: Host) -> dict[str, Any]:
    """The old one is gone, and a new one that does not serve has its name."""
    host.docker.containers.clear()
    new = instance("shop-web-1", 2, State={"Health": {"Status": "unhealthy"}})
    host.docker.add(new)
    return new


def test_the_old_instance_is_made_again_in_place_of_the_new_one(host: Host) -> None:
    host.note()
    replaced(host)
    host.docker.acts.clear()
    undoing = host.restore()
    assert (undoing.done, undoing.failures) == (["shop-web-1 was made again as it was."], [])
    made = host.docker.named("shop-web-1")
    assert list(host.docker.containers.values()) == [made]
    assert made["Config"]["Labels"]["com.docker.compose.config-hash"] == "abc"
    assert made["Config"]["Env"] == ["TOKEN=secret"]
    assert made["State"]["Running"] is True
    again = "selextract-again-111111111111"
    assert host.docker.acts == [
        f"create {again}", "stop shop-web-1", "remove shop-web-1", f"rename {again}", "start shop-web-1",
    ]  # fmt: skip


def test_it_comes_back_although_the_image_has_lost_its_name(host: Host) -> None:
    host.note()
    replaced(host)
    host.docker.images = {IMAGE: [KEPT], "sha256:" + "6" * 64: ["shop/web:1"]}
    host.restore()
    assert host.docker.named("shop-web-1")["Config"]["Image"] == IMAGE


def test_a_rollback_that_was_interrupted_goes_on_with_what_it_had_made(host: Host) -> None:
    host.note()
    replaced(host)
    definition = KeptDefinitions(host.folder, RUN).definition(OLD)
    assert definition is not None
    with Engine(host.socket) as engine:
        definition.create(engine, "selextract-again-111111111111")
    host.restore()
    assert list(host.docker.containers.values()) == [host.docker.named("shop-web-1")]
    assert len([act for act in host.docker.acts if act.startswith("create selextract-again")]) == 1
    again = host.restore()
    assert (again.done, again.failures) == ([], [])


def test_an_old_instance_that_does_not_get_healthy_is_a_rollback_that_failed(host: Host) -> None:
    host.note()
    replaced(host)
    host.docker.sick = "shop-web-1"
    undoing = host.restore()
    assert undoing.failures == ["shop-web-1 was put back and is unhealthy after 0 s."]
    assert RunRecord(host.folder, RUN).step("settle")["status"] == "rollback failed"


def test_one_that_was_only_stopped_is_started(host: Host) -> None:
    host.note()
    with Engine(host.socket) as engine:
        engine.stop(OLD, 0)
    assert host.restore().done == ["shop-web-1 was started again."]
    assert list(host.docker.containers) == [OLD]


def test_one_that_still_runs_is_left_alone(host: Host) -> None:
    host.note()
    host.docker.acts.clear()
    assert host.restore().done == []
    assert host.docker.acts == []


def test_instances_that_were_there_before_are_never_taken_for_the_new_one(host: Host) -> None:
    host.docker.add(instance("shop-web-2", 2))
    host.note("shop-web-1", "shop-web-2")
    del host.docker.containers[OLD]
    host.restore()
    assert sorted(one["Name"] for one in host.docker.containers.values()) == ["/shop-web-1", "/shop-web-2"]
    assert "2" * 64 in host.docker.containers


def test_an_instance_that_could_not_be_made_again_is_not_given_up(host: Host) -> None:
    host.docker.refused = "no such device"
    with pytest.raises(
        HostSideError, match=r"shop-web-1 could not be made again as it is \(no such device\)"
    ) as refusal:
        host.note()
    assert refusal.value.kind == "refused"
    assert "definitions" not in RunRecord(host.folder, RUN).step("settle")["inverse"]


def test_the_environment_is_kept_apart_from_the_record_that_is_shown_and_for_root_alone(host: Host) -> None:
    host.note()
    kept = Path(host.folder.path) / "definitions" / f"{RUN}.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert "secret" in kept.read_text()
    assert "secret" not in (Path(host.folder.path) / "runs" / f"{RUN}.json").read_text()
    assert "secret" not in json.dumps(host.restore().done)


@pytest.mark.parametrize(("status", "kept"), [("verified", True), ("rolled back", False), ("rollback failed", True)])
def test_what_was_kept_goes_with_the_run_unless_it_is_still_needed(host: Host, status: str, kept: bool) -> None:
    host.note()
    assert KEPT in host.docker.images[IMAGE]
    host.record.end_step("settle", status, 1.0)
    forget_definitions(host.folder, host.socket)
    assert KEPT in host.docker.images[IMAGE]  # it has not ended yet
    host.record.end(2.0)
    forget_definitions(host.folder, host.socket)
    assert (KEPT in host.docker.images[IMAGE]) is kept
    assert bool(host.folder.names("definitions")) is kept


def test_what_was_kept_for_a_run_that_is_done_goes_with_the_next_one_that_removes_a_container_of_the_service(
    host: Host,
) -> None:
    host.note()
    host.record.end_step("settle", "verified", 1.0)
    host.record.end(2.0)
    ours = host.folder.read(f"definitions/{RUN}.json") or {}
    for number, service in enumerate(("", "another", "web")):
        forget_definitions(host.folder, host.socket)
        assert f"{RUN}.json" in host.folder.names("definitions")
        later = RunRecord(host.folder, f"later-{number}")
        later.begin({"plan": {"project": "shop"}}, 3.0 + number)
        if service:
            removed = copy.deepcopy(next(iter(ours["containers"].values())))
            removed["body"]["Labels"]["com.docker.compose.service"] = service
            host.folder.write(f"definitions/later-{number}.json", {"containers": {"f" * 64: removed}})
        later.start_step("scale", 3.0 + number)
        later.end_step("scale", "verified", 3.0 + number)
        later.end(3.0 + number)
    forget_definitions(host.folder, host.socket)
    assert host.folder.names("definitions") == ["later-1.json", "later-2.json"]
    assert KEPT not in host.docker.images[IMAGE]


def test_an_image_without_another_name_outlives_ours(host: Host) -> None:
    host.note()
    replaced(host)["Image"] = "sha256:" + "6" * 64
    host.docker.images = {IMAGE: [KEPT], "sha256:" + "6" * 64: ["shop/web:1"]}
    forget_definitions(host.folder, host.socket, everything=True)
    assert host.docker.images == {IMAGE: [], "sha256:" + "6" * 64: ["shop/web:1"]}


def test_unnamed_volumes_are_handed_on_to_the_instance_in_its_place(host: Host) -> None:
    def volume(name: str) -> dict[str, Any]:
        return {
            "Mounts": [{"Type": "volume", "Name": name, "Destination": "/data", "RW": True}],
            "HostConfig": {"Mounts": [{"Type": "volume", "Target": "/data"}]},
        }

    removed = ContainerDefinition.parse(instance("shop-web-1", **volume("a" * 64)))
    new = instance("shop-web-1", 2, **volume("b" * 64))
    host.docker.containers.clear()
    host.docker.add(new)
    with Engine(host.socket) as engine:
        made = hand_on(engine, removed, new, 1.0)
        assert made is not None
        assert hand_on(engine, removed, host.docker.containers[made], 1.0) is None
    (container,) = host.docker.containers.values()
    assert container["HostConfig"]["Mounts"] == [{"Type": "volume", "Target": "/data", "Source": "a" * 64}]
    assert (container["Name"], container["State"]["Running"]) == ("/shop-web-1", True)
