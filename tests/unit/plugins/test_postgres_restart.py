"""A restart of Postgres: behind a pause that always ends, and not twice where an attempt before was killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.docker.engine import Engine
from plugins.module_utils.pgbouncer import pausing
from plugins.module_utils.pgbouncer.pausing import PGBOUNCER_PAUSE, transactions_held_back
from plugins.module_utils.postgres import restart
from plugins.module_utils.postgres.restart import POSTGRES_RESTART, answering
from plugins.module_utils.state.act import Act, Work
from plugins.module_utils.state.lock import Claim, hold
from plugins.module_utils.state.runs import RunRecord
from plugins.module_utils.state.state import StateFolder
from plugins.module_utils.system.failure import HostSideError
from tests.unit.plugins.simulated_docker import SimulatedDocker, instance

RUN = "20260301T020000-9f3ac1"
STARTED = 1767225600.0  # when the simulated container was started


class Server:
    """A primary that answers; ``asked`` is what it was told."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.waiting = 0

    def row(self, _query: str) -> dict[str, Any]:
        return {"standby": False, "waiting": self.waiting}

    def execute(self, statement: str, *, bound: float) -> None:
        self.asked.append(statement)
        assert bound > 0


class Host:
    """A host with one server, and what was done to it in which order."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = StateFolder(str(folder / "state"))
        self.folder.prepare()
        hold(self.folder, Claim(RUN, "tester", "testing", "restart", 600.0), 0.0)
        self.record = RunRecord(self.folder, RUN)
        self.record.begin({}, 0.0)
        self.done: list[str] = []
        self.server = Server()
        self.socket = ""
        self.docker = SimulatedDocker()
        monkeypatch.setattr(restart, "server_in", lambda *_, **__: self.server)
        monkeypatch.setattr(restart, "answering", lambda *_, **__: self.server)
        monkeypatch.setattr(restart, "restart_server", self._restart)
        pause = Act("pgbouncer_pause", PGBOUNCER_PAUSE.options, self._pause)
        monkeypatch.setattr(pausing, "PGBOUNCER_PAUSE", pause)

    def _restart(self, *_: object, **__: object) -> tuple[Server, float]:
        self.done.append("restarted")
        return self.server, 1.5

    def _pause(self, work: Work) -> dict[str, Any]:
        self.done.append(f"{work.params['state']} {work.params['project']}")
        return {}

    def restart(self, **more: Any) -> dict[str, Any]:
        values = {
            "project": "shop",
            "service": "web",
            "run_id": RUN,
            "step_id": "restart",
            "docker_socket": self.socket,
            "state_folder": self.folder.path,
        }
        return POSTGRES_RESTART.do(POSTGRES_RESTART.work({**values, **more}))


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    host = Host(tmp_path, monkeypatch)
    host.docker.add(instance("shop-web-1"))
    with host.docker.serving(tmp_path) as path:
        host.socket = path
        yield host


def test_transactions_wait_while_it_restarts_and_pages_are_written_before(host: Host) -> None:
    assert host.restart(pooled_project="shop") == {"changed": True, "silent_seconds": 1.5}
    assert host.done == ["paused shop", "restarted", "resumed shop"]
    assert host.server.asked == ["CHECKPOINT;"]


def test_without_a_pooled_project_nobody_is_paused(host: Host) -> None:
    host.restart()
    assert host.done == ["restarted"]


def test_one_that_an_attempt_before_has_restarted_is_not_restarted_again(host: Host) -> None:
    host.record.start_step("restart", STARTED - 10)
    server = {"step_started": STARTED - 10, "started_at": "2025-12-31T00:00:00Z"}
    host.record.note_seen("restart", {"server": server})
    assert host.restart(pooled_project="shop")["silent_seconds"] == 0.0
    assert host.done == []


def test_settings_that_still_wait_for_a_restart_are_a_failure(host: Host) -> None:
    host.server.waiting = 2
    with pytest.raises(HostSideError, match="still has settings that wait for a restart"):
        host.restart()


def test_the_pause_ends_whatever_comes_of_the_work(host: Host) -> None:
    with pytest.raises(HostSideError), transactions_held_back(host.folder, host.socket, "shop"):
        raise HostSideError("The server does not come up.", kind="gate")
    assert host.done == ["paused shop", "resumed shop"]


@pytest.mark.parametrize(
    ("started", "acts"),
    [("2025-12-31T23:00:00Z", ["restart shop-exporter-1"]), ("2026-01-01T00:00:05Z", [])],
    ids=["before it", "after it"],
)
def test_what_shares_its_network_is_restarted_with_it_and_only_once(host: Host, started: str, acts: list[str]) -> None:
    server = host.docker.named("shop-web-1")["Id"]
    exporter = instance("shop-exporter-1", 2, HostConfig={"NetworkMode": f"container:{server}"})
    exporter["State"]["StartedAt"] = started
    exporter["Config"]["Labels"]["com.docker.compose.service"] = "exporter"
    host.docker.add(exporter)
    with Engine(host.socket) as engine:
        answering(engine, server, superuser="postgres", socket=None, bound=5.0, since=0.0)
    assert host.docker.acts == acts
