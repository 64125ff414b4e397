"""Nobody is left who points to a PgBouncer that is gone: against an engine and a Compose that stand in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.compose import compose
from plugins.module_utils.docker.containers import Container, find_containers
from plugins.module_utils.docker.engine import Engine
from plugins.module_utils.pgbouncer import pooled_instances
from plugins.module_utils.pgbouncer.pooled_instances import LeadingBack, led_otherwise
from plugins.module_utils.state.state import StateFolder
from plugins.module_utils.system.failure import HostSideError
from tests.unit.plugins.unix_server import serving

DIRECT, POOLED = "postgresql://shop:pw@db:5432/orders", "postgresql://shop:pw@pgbouncer:6432/orders"
WANTED = {"host": "pgbouncer", "port": 6432}


class Host:
    """Containers by name: service, address, whether it runs; Compose makes one anew with what the files say."""

    def __init__(self, folder: Path, files: dict[str, str], **containers: tuple[str | None, str, bool]) -> None:
        self.folder, self.files = folder, files
        self.healthy, self.refused, self.unmade, self.alone = True, "", "", ""
        self.containers: dict[str, list[Any]] = {
            name.replace("_", "-"): [f"{name}-id", *about] for name, about in containers.items()
        }
        self.acts: list[str] = []

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        if path.startswith("/containers/create"):
            return 201, json.dumps({"Id": self._created(path.partition("name=")[2], json.loads(body))}).encode()
        if path.startswith("/images/"):
            return 404, b"{}"
        if path.startswith("/containers/json"):
            return 200, json.dumps([{"Id": about[0]} for about in self.containers.values()]).encode()
        known = path.split("/")[2].split("?")[0]
        name = next(name for name, about in self.containers.items() if about[0] == known)
        verb = path.split("/")[-1].split("?")[0]
        if method == "DELETE":
            self.acts.append(f"remove {name}")
            del self.containers[name]
        elif verb == "rename":
            self.containers[path.partition("name=")[2]] = self.containers.pop(name)
        elif verb in ("stop", "start"):
            self.acts.append(f"{verb} {name}")
            self.containers[name][3] = verb == "start"
        else:
            return 200, json.dumps(self._details(name)).encode()
        return 204, b""

    def _created(self, name: str, body: dict[str, Any]) -> str:
        """A container from a definition of its own."""
        self.acts.append(f"create {name}")
        environment = dict(entry.split("=", 1) for entry in body["Env"])
        service = body["Labels"]["com.docker.compose.service"]
        self.containers[name] = [f"{name}-again", service, environment["DATABASE_URL"], False]
        return f"{name}-again"

    def made(self, name: str) -> None:
        """What Compose creates where the container of that name is missing."""
        service = name.rsplit("-", 2)[1]
        self.containers[name] = [f"{name}-new", service, self.files[service], False]

    def _details(self, name: str) -> dict[str, Any]:
        known, service, address, runs = self.containers[name]
        labels: dict[str, str] = {
            "com.docker.compose.project": "shop",
            "com.docker.compose.project.working_dir": str(self.folder),
        }
        labels |= {"com.docker.compose.service": service} if service else {}
        state: dict[str, Any] = {"Status": "running" if runs else "exited", "Pid": 1 if runs else 0}
        if runs:
            state["Health"] = {"Status": "healthy" if self.healthy else "unhealthy"}
        return {
            "Id": known, "Name": f"/{name}", "HostConfig": {}, "State": state,
            "Config": {"Labels": labels, "Env": ["OTHER=1", f"DATABASE_URL={address}"], "Image": "app"}, "Image": "app",
        }  # fmt: skip


@contextmanager
def leading(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LeadingBack]:
    """The one that leads back on that host; its Compose is a stand-in that knows the files."""

    class Files(compose.Compose):
        def environments(self, *, filled_in: bool) -> dict[str, dict[str, str]]:
            assert filled_in
            return {service: {"DATABASE_URL": address} for service, address in host.files.items()}

    class Anew:
        def __init__(self, _compose: Any, _socket: str, bound: float, variables: dict[str, list[str]]) -> None:
            assert bound > 0
            assert set(map(tuple, variables.values())) == {("DATABASE_URL",)}

        def refuse(self, _engine: Engine, services: list[str], leaving: Container) -> None:
            assert services == [leaving.service]
            if host.refused:
                raise HostSideError(host.refused, kind="refused")

        def start_these(self, engine: Engine, stopped: list[Container]) -> None:
            for container in stopped:
                engine.start(container.id)

        def make(self, engine: Engine, counts: dict[str, int]) -> list[Container]:
            if host.unmade:
                raise HostSideError(host.unmade, kind="compose")
            (service,) = counts
            name = f"shop-{service}-7"
            host.made(name)
            present = find_containers(engine, str(tmp_path / "s"), "shop")
            return [container for container in present if container.name == name]

    (tmp_path / "compose.yaml").write_text("services: {}")
    monkeypatch.setattr(pooled_instances, "_SETTLING", 0.0)
    monkeypatch.setattr(pooled_instances, "why_alone", lambda *_: host.alone)
    monkeypatch.setattr(pooled_instances, "NewInstances", Anew)
    monkeypatch.setattr(pooled_instances, "Compose", Files)
    with serving(tmp_path / "s", host.answer) as socket, Engine(socket) as engine:
        yield LeadingBack(engine, socket, StateFolder(str(tmp_path / "state")), "shop", 0.3)


def test_whoever_points_to_it_is_made_again_idle_or_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(
        tmp_path, {"web": DIRECT, "jobs": DIRECT, "mail": DIRECT},
        shop_web_1=("web", POOLED, True), shop_jobs_1=("jobs", POOLED, False), shop_mail_1=("mail", DIRECT, True),
    )  # fmt: skip
    with leading(host, tmp_path, monkeypatch) as back:
        back.run(WANTED)
    assert (back.done, back.problems) == (["shop-jobs-1", "shop-web-1"], [])
    assert host.acts == ["remove shop-jobs-1", "stop shop-web-1", "remove shop-web-1", "start shop-web-7"]
    assert sorted(host.containers) == ["shop-jobs-7", "shop-mail-1", "shop-web-7"]
    assert {name: about[2] for name, about in host.containers.items()} == dict.fromkeys(host.containers, DIRECT)


def test_a_mapped_one_that_can_have_another_beside_it_goes_after_that_serves_and_hands_its_name_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = Host(tmp_path, {"web": DIRECT}, shop_web_1=("web", POOLED, True))
    with leading(host, tmp_path, monkeypatch) as back:
        back.run({**WANTED, "services": ["web"]})
    assert host.acts == ["start shop-web-7", "stop shop-web-1", "remove shop-web-1"]
    assert host.containers == {"shop-web-1": ["shop-web-7-new", "web", DIRECT, True]}


def test_what_a_killed_process_left_goes_or_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"web": DIRECT, "jobs": DIRECT}
    host = Host(tmp_path, files, shop_web_1=("web", POOLED, True))
    host.containers["shop_web_1-i_shop-web-1"] = ["left", "web", DIRECT, True]
    host.containers["0123456789ab_shop-jobs-1"] = ["nameless", "jobs", DIRECT, True]
    with leading(host, tmp_path, monkeypatch) as back:
        back.run({**WANTED, "services": ["web"]})
    assert {name: about[0] for name, about in host.containers.items()} == {
        "shop-web-1": "shop-web-7-new",
        "shop-jobs-1": "nameless",
    }


def test_a_mapped_one_stays_where_the_one_beside_it_does_not_get_healthy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = Host(tmp_path, {"web": DIRECT}, shop_web_1=("web", POOLED, True))
    host.healthy = False
    with leading(host, tmp_path, monkeypatch) as back:
        back.run({**WANTED, "services": ["web"]})
    assert back.problems == ["shop-web-1 could not be led back: shop-web-7 is unhealthy"]
    assert host.acts == ["start shop-web-7", "stop shop-web-7", "remove shop-web-7"]
    assert list(host.containers) == ["shop-web-1"]


def test_a_mapped_one_that_can_have_none_beside_it_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(tmp_path, {"web": DIRECT}, shop_web_1=("web", POOLED, True))
    host.alone = "it has a port of the host"
    with leading(host, tmp_path, monkeypatch) as back:
        back.run({**WANTED, "services": ["web"]})
    assert host.acts == ["stop shop-web-1", "remove shop-web-1", "start shop-web-7"]


def test_where_the_files_lead_there_it_stays_and_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(tmp_path, {"web": POOLED}, shop_web_1=("web", POOLED, True))
    with leading(host, tmp_path, monkeypatch) as back:
        back.run(WANTED)
    assert back.problems == ["the Compose files still lead shop-web-1 to PgBouncer"]
    assert host.acts == []


def test_what_no_file_describes_is_named_and_not_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(
        tmp_path, {"web": DIRECT}, shop_web_1=("web", DIRECT, True), shop_run_1=(None, POOLED, True),
        shop_old_1=("old", POOLED, False), shop_done_1=(None, POOLED, False),
    )  # fmt: skip
    with leading(host, tmp_path, monkeypatch) as back:
        back.run(WANTED)
    assert back.problems == [
        "shop-old-1 leads to PgBouncer, and the Compose files have no such service",
        "shop-run-1 leads to PgBouncer, and the Compose files have no such service",
    ]
    assert host.acts == []


def test_one_that_does_not_get_healthy_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(tmp_path, {"web": DIRECT}, shop_web_1=("web", POOLED, True))
    host.healthy = False
    with leading(host, tmp_path, monkeypatch) as back:
        back.run(WANTED)
    assert back.problems == ["shop-web-1 could not be led back: shop-web-7 is unhealthy"]


def test_one_that_does_not_get_healthy_leaves_its_place_to_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = Host(tmp_path, {"web": DIRECT}, shop_web_1=("web", POOLED, True))
    host.healthy = False
    with leading(host, tmp_path, monkeypatch) as back:
        back.run(WANTED)
    assert host.containers == {"shop-web-1": ["shop-web-1-again", "web", POOLED, True]}


def test_one_that_cannot_be_made_is_there_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(tmp_path, {"web": DIRECT}, shop_web_1=("web", POOLED, True))
    host.unmade = "Compose could not make it."
    with leading(host, tmp_path, monkeypatch) as back:
        back.run(WANTED)
    assert back.problems == ["shop-web-1 could not be led back: Compose could not make it"]
    assert host.containers == {"shop-web-1": ["shop-web-1-again", "web", POOLED, True]}


def test_one_that_would_be_another_is_not_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(tmp_path, {"web": DIRECT}, shop_web_1=("web", POOLED, True))
    host.refused = "A new instance would not be like it."
    with leading(host, tmp_path, monkeypatch) as back:
        back.run(WANTED)
    assert back.problems == ["shop-web-1 could not be led back: A new instance would not be like it"]
    assert host.acts == []


def test_an_instance_that_goes_another_way_than_the_files_say_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = Host(
        tmp_path, {"web": POOLED, "jobs": POOLED},
        shop_web_1=("web", DIRECT, True), shop_jobs_1=("jobs", POOLED, True),
    )  # fmt: skip
    with leading(host, tmp_path, monkeypatch) as back:
        found = find_containers(back.engine, back.socket_path, "shop")
        names = led_otherwise(back.engine, found, "shop", {"web": "DATABASE_URL", "jobs": "DATABASE_URL"})
    assert names == ["shop-web-1"]
