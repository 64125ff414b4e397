"""Replacing one instance: also where it is killed at any moment, it goes on to the same end, or back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.compose import replace_instance
from plugins.module_utils.compose.compose import Compose, ComposeCall
from plugins.module_utils.compose.project import Project
from plugins.module_utils.compose.replace_instance import REPLACE_INSTANCE
from plugins.module_utils.docker.dry_creation import remove_scratch_containers
from plugins.module_utils.docker.engine import Engine
from plugins.module_utils.state.lock import Claim, hold
from plugins.module_utils.state.runs import RunRecord
from plugins.module_utils.state.state import StateFolder
from plugins.module_utils.state.undo import undo_steps
from plugins.module_utils.system.failure import HostSideError
from tests.unit.plugins.simulated_docker import SimulatedDocker, instance

RUN = "20260301T020000-9f3ac1"
NEW = "new"
VOLUME = "a" * 64
NEW_VOLUME = "e" * 64  # what the engine makes for a volume without a name
CHANGING = ("create", "stop", "remove", "rename", "start", "tag")


class KilledError(BaseException):
    """What nothing catches, as when the process is killed."""


class Kill:
    """Ends the process before its act of that number, and before every later one until it is lifted."""

    def __init__(self, number: int | None = None) -> None:
        self.number = number
        self.acts = 0

    def reached(self) -> None:
        if self.number is not None and self.acts >= self.number:
            raise KilledError
        self.acts += 1

    def lift(self) -> None:
        self.number = None


class FilesInForce(Compose):
    """Compose whose files give a container the hash ``new``; what it creates has an empty volume of its own."""

    def __init__(self, docker: SimulatedDocker, kill: Kill) -> None:
        super().__init__(Project("shop", "/srv/shop", ("/srv/shop/compose.yaml",)))
        self._docker = docker
        self._kill = kill

    def for_project(self, project: Project) -> FilesInForce:
        self.project = project
        return self

    def describe(self) -> dict[str, Any]:
        return {"services": {"web": {"image": "shop/web:1", "environment": {"TOKEN": "secret"}}}}

    def would_do(self, services: Iterable[str], counts: Mapping[str, int], *, recreate: bool) -> list[ComposeCall]:
        assert set(services) <= set(counts)
        return [ComposeCall("Container", one["Name"][1:], _verb(one) if recreate else "Running") for one in self._own()]

    def create(self, services: Iterable[str], counts: Mapping[str, int], bound: float) -> list[ComposeCall]:
        assert set(services) <= set(counts), bound
        self._kill.reached()
        own = self._own()
        numbers = [int(one["Config"]["Labels"]["com.docker.compose.container-number"]) for one in own]
        for number in range(max(numbers, default=0) + 1, max(numbers, default=0) + 1 + counts["web"] - len(own)):
            made = with_volume(f"shop-web-{number}", f"{number:x}" * 64, number=number + 4)
            made["Config"]["Labels"].update({"com.docker.compose.config-hash": NEW})
            made["Config"]["Labels"].update({"com.docker.compose.container-number": str(number)})
            made["State"] = {"Status": "created", "Running": False, "Pid": 0}
            self._docker.add(made)
        return []

    def _own(self) -> list[dict[str, Any]]:
        """By its labels, as Compose knows them."""
        return [
            one for one in self._docker.containers.values() if "com.docker.compose.project" in one["Config"]["Labels"]
        ]


def _verb(container: dict[str, Any]) -> str:
    return "Running" if container["Config"]["Labels"]["com.docker.compose.config-hash"] == NEW else "Recreate"


def with_volume(name: str, volume: str, *, number: int = 1) -> dict[str, Any]:
    mount = {"Type": "volume", "Name": volume, "Destination": "/data", "RW": True}
    host = {"Mounts": [{"Type": "volume", "Target": "/data"}]}
    return instance(name, number, Mounts=[mount], HostConfig=host)


class Host:
    """A host whose service ``web`` has one instance that is not as the files say."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.docker = SimulatedDocker()
        self.docker.add(with_volume("shop-web-1", VOLUME))
        self.folder = StateFolder(str(folder / "state"))
        self.folder.prepare()
        hold(self.folder, Claim(RUN, "tester", "testing", "rightsize", 600.0), 0.0)
        RunRecord(self.folder, RUN).begin({}, 0.0)
        self.kill = Kill()
        self.socket = ""
        self.alone: str | None = None
        compose = FilesInForce(self.docker, self.kill)
        monkeypatch.setattr(replace_instance, "_compose", lambda *_: compose)
        monkeypatch.setattr(replace_instance, "why_alone", lambda *_: self.alone)
        for name in CHANGING:
            monkeypatch.setattr(Engine, name, self._killable(getattr(Engine, name)))

    def _killable(self, act: Any) -> Any:
        def killable(engine: Engine, *given: Any, **named: Any) -> Any:
            self.kill.reached()
            return act(engine, *given, **named)

        return killable

    def replace(self, *, check: bool = False, **more: Any) -> dict[str, Any]:
        values = {
            "name": "shop-web-1",
            "project": "shop",
            "service": "web",
            "directory": "/srv/shop",
            "replicable": True,
            "bound_seconds": 0,
            "run_id": RUN,
            "step_id": "settle",
            "docker_socket": self.socket,
            "state_folder": self.folder.path,
        }
        return REPLACE_INSTANCE.do(REPLACE_INSTANCE.work({**values, **more}, check=check))

    def undo(self) -> dict[str, Any]:
        return undo_steps(self.folder, RunRecord(self.folder, RUN), ["settle"], self.socket)

    def instances(self) -> list[tuple[str, bool, str]]:
        """Of each container: from which files it was made, whether it runs, and its volume."""
        return [
            (one["Config"]["Labels"]["com.docker.compose.config-hash"], one["State"]["Running"], _volume(one))
            for one in self.docker.containers.values()
        ]

    def end_trials(self) -> None:
        """As at the end of every Run: containers that were only tried out go."""
        with Engine(self.socket) as engine:
            remove_scratch_containers(engine)

    def names(self) -> list[str]:
        return [one["Name"] for one in self.docker.containers.values()]


def _volume(container: dict[str, Any]) -> str:
    (mount,) = container["Mounts"]
    return str(mount["Name"])


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    host = Host(tmp_path, monkeypatch)
    with host.docker.serving(tmp_path) as path:
        host.socket = path
        yield host


def order(host: Host) -> list[str]:
    """What was started, stopped and removed; not the trials."""
    return [act for act in host.docker.acts if act.split()[0] in ("start", "stop") or act == "remove shop-web-1"]


def test_where_two_can_run_the_new_one_serves_before_the_old_one_goes(host: Host) -> None:
    answer = host.replace()
    assert (answer["changed"], answer["instances"], answer["alone"]) == (True, ["shop-web-1"], "")
    interim = f"{instance('shop-web-1')['Id'][:12]}_shop-web-1"
    assert order(host) == [f"start {interim}", "stop shop-web-1", "remove shop-web-1"]


def test_the_new_one_has_the_name_and_the_number_of_the_old_one(host: Host) -> None:
    host.docker.add(with_volume("shop-web-2", "b" * 64, number=2))
    host.docker.named("shop-web-2")["Config"]["Labels"]["com.docker.compose.container-number"] = "2"
    host.replace()
    host.replace(name="shop-web-2", step_id="settle the second")
    labels = {name: host.docker.named(name)["Config"]["Labels"] for name in ("shop-web-1", "shop-web-2")}
    assert [label["com.docker.compose.config-hash"] for label in labels.values()] == [NEW, NEW]
    assert [label["com.docker.compose.container-number"] for label in labels.values()] == ["1", "2"]
    assert sorted(host.names()) == ["/shop-web-1", "/shop-web-2"]


def test_a_new_one_without_a_health_check_has_to_run_for_a_while_before_the_old_one_goes(host: Host) -> None:
    host.docker.ends = f"{instance('shop-web-1')['Id'][:12]}_shop-web-1"
    del host.docker.named("shop-web-1")["State"]["Health"]
    with pytest.raises(HostSideError, match="is exited"):
        host.replace(settling_seconds=2.0)
    assert "stop shop-web-1" not in order(host)
    assert host.undo()["restored"]
    assert host.instances() == [("abc", True, VOLUME)]


def test_where_only_one_can_exist_the_new_one_has_the_volumes_of_the_old_one_before_it_starts(host: Host) -> None:
    host.alone = "it writes to /data"
    answer = host.replace()
    assert answer["alone"] == "it writes to /data"
    # The second one that is removed is what Compose had made with an empty volume; it never ran.
    assert order(host) == ["stop shop-web-1", "remove shop-web-1", "remove shop-web-1", "start shop-web-1"]
    assert host.instances() == [(NEW, True, VOLUME)]


def test_a_role_that_allows_one_at_a_time_lets_the_old_one_go_first(host: Host) -> None:
    assert host.replace(replicable=False)["alone"] == "its role allows one at a time"
    assert host.instances() == [(NEW, True, VOLUME)]


def test_an_instance_that_is_as_the_files_say_is_left_alone(host: Host) -> None:
    host.docker.named("shop-web-1")["Config"]["Labels"]["com.docker.compose.config-hash"] = NEW
    assert host.replace()["changed"] is False
    assert order(host) == []


def test_check_mode_names_the_instance_and_touches_nothing(host: Host) -> None:
    answer = host.replace(check=True)
    assert (answer["changed"], answer["diff"]["before"]) == (True, "shop-web-1 as it was made\n")
    assert host.docker.acts == []
    assert RunRecord(host.folder, RUN).step("settle") == {}


def test_an_instance_of_another_service_is_refused(host: Host) -> None:
    with pytest.raises(HostSideError, match="shop-web-1 belongs to service web, not to jobs"):
        host.replace(service="jobs")
    assert host.docker.acts == []


@pytest.mark.parametrize("check", [False, True], ids=["carried out", "check mode"])
@pytest.mark.parametrize("place", ["NetworkMode", "PidMode", "IpcMode"])
def test_one_whose_network_another_container_shares_is_not_replaced(host: Host, place: str, check: bool) -> None:
    old = host.docker.named("shop-web-1")["Id"]
    host.docker.add(instance("shop-exporter-1", 9, HostConfig={place: f"container:{old}"}))
    with pytest.raises(HostSideError, match="shop-exporter-1 shares the network, processes or memory of shop-web-1"):
        host.replace(check=check)
    assert host.docker.acts == []


def test_a_container_that_shared_it_and_does_not_run_keeps_nothing_from_being_replaced(host: Host) -> None:
    old = host.docker.named("shop-web-1")["Id"]
    stopped = {"Status": "exited", "Running": False, "Pid": 0}
    host.docker.add(instance("shop-exporter-1", 9, HostConfig={"NetworkMode": f"container:{old}"}, State=stopped))
    assert host.replace()["changed"] is True


def test_a_new_one_that_does_not_serve_is_undone(host: Host) -> None:
    host.alone, host.docker.sick = "it writes to /data", "shop-web-1"
    with pytest.raises(HostSideError, match="unhealthy"):
        host.replace()
    host.docker.sick = ""
    assert host.undo()["restored"]
    assert host.instances() == [("abc", True, VOLUME)]


@pytest.mark.parametrize("alone", [None, "it writes to /data"], ids=["beside", "alone"])
def test_killed_at_any_moment_it_goes_on_to_the_same_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alone: str | None
) -> None:
    wanted = [(NEW, True, VOLUME if alone else NEW_VOLUME)]
    moments = 0
    for moment in range(50):
        with monkeypatch.context() as patch:
            host = _killed(tmp_path / str(moment), patch, alone, moment)
            with host.docker.serving(tmp_path / str(moment)) as host.socket:
                killed = _attempt(host)
                host.replace()
                host.end_trials()
            assert host.instances() == wanted, moment
            assert host.names() == ["/shop-web-1"], moment
        if not killed:
            break
        moments += 1
    assert moments > 6


@pytest.mark.parametrize("alone", [None, "it writes to /data"], ids=["beside", "alone"])
def test_killed_at_any_moment_it_is_undone_to_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alone: str | None
) -> None:
    for moment in range(50):
        with monkeypatch.context() as patch:
            host = _killed(tmp_path / str(moment), patch, alone, moment)
            with host.docker.serving(tmp_path / str(moment)) as host.socket:
                killed = _attempt(host)
                undone = host.undo()
                host.end_trials()
            assert undone["restored"], (moment, undone)
            assert host.instances() == [("abc", True, VOLUME)], moment
            assert host.names() == ["/shop-web-1"], moment
        if not killed:
            break


def _killed(folder: Path, patch: pytest.MonkeyPatch, alone: str | None, moment: int) -> Host:
    folder.mkdir()
    host = Host(folder, patch)
    host.alone, host.kill.number = alone, moment
    return host


def _attempt(host: Host) -> bool:
    """Whether it was killed before its end."""
    try:
        host.replace()
    except KilledError:
        return True
    finally:
        host.kill.lift()
    return False
