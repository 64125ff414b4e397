"""Into and out of rotation: a real health address, and stand-ins for the sockets of Docker and HAProxy."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.docker.containers import Container
from plugins.module_utils.haproxy.rotation import Rotation, config_text
from plugins.module_utils.state.state import StateFolder
from plugins.module_utils.system.failure import HostSideError
from tests.unit.plugins.admin_socket import Proxy, answering
from tests.unit.plugins.unix_server import serving

CONFIG = "backend api\n"


class Health:
    """A health address that answers with ``status``; ``asked`` counts how often."""

    def __init__(self) -> None:
        self.status, self.asked = 200, 0


@contextmanager
def instance(health: Health) -> Iterator[int]:
    """An instance of the API that listens at the port it yields."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_said: object) -> None:
            return

        def do_GET(self) -> None:
            health.asked += 1
            self.send_response(health.status if self.path == "/health" else 404)
            self.end_headers()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def described(name: str, project: str = "selextract", service: str = "api") -> dict[str, Any]:
    """A running container as Docker describes it."""
    labels = {"com.docker.compose.project": project, "com.docker.compose.service": service}
    return {
        "Id": name, "Name": f"/{name}", "Config": {"Labels": labels, "Image": "app"}, "HostConfig": {},
        "State": {"Status": "running", "Pid": 1},
        "NetworkSettings": {"Networks": {"app": {"IPAddress": "127.0.0.1"}}},
    }  # fmt: skip


def docker(rejects: str = "") -> Any:
    """Docker with the balancer's container; HAProxy accepts its file unless it ``rejects`` it."""

    def answer(_method: str, path: str, _body: bytes) -> tuple[int, bytes]:
        if path.startswith("/containers/json"):
            return 200, json.dumps([{"Id": "balancer"}]).encode()
        if path.endswith("/exec"):
            return 201, b'{"Id": "e"}'
        if path == "/exec/e/start":
            said = rejects.encode()
            return 200, b"\2\0\0\0" + len(said).to_bytes(4, "big") + said
        if path == "/exec/e/json":
            return 200, json.dumps({"ExitCode": int(bool(rejects))}).encode()
        name = path.split("/")[2]
        return 200, json.dumps(described(name, "selextract-balancer" if name == "balancer" else "selextract")).encode()

    return answer


@contextmanager
def rotation(folder: Path, proxy: Proxy, port: int, *, rejects: str = "") -> Iterator[Rotation]:
    """The rotation of a host whose balancer has these servers."""
    state = StateFolder(str(folder / "state"))
    state.prepare()
    for name in ("run", "config"):
        (folder / "state/balancer" / name).mkdir(parents=True)
    about = {
        "project": "selextract", "service": "api", "network": "app", "port": port, "path": "/health",
        "options": "check", "rise": 2, "config": CONFIG, "servers": list(proxy.servers),
    }  # fmt: skip
    state.write("balancer/settings.json", about)  # where version 0.1 had it
    with serving(folder / "d", docker(rejects)) as engine, answering(folder / "state/balancer/run/admin.sock", proxy):
        yield Rotation(state, engine, "selextract")


def test_an_instance_serves_after_its_own_health_answered_as_often_as_it_has_to(tmp_path: Path) -> None:
    health, proxy = Health(), Proxy()
    with instance(health) as port, rotation(tmp_path, proxy, port) as one:
        assert one.join([Container.parse(described("api-1"))], 10) == ["api-1"]
        assert one.join([Container.parse(described("api-1"))], 10) == []
        again = Rotation(StateFolder(str(tmp_path / "state")), "", "selextract")
    assert health.asked == 2
    assert again.servers == ["api-1"]
    written = (tmp_path / "state/balancer/config/haproxy.cfg").read_text()
    assert written == f"{CONFIG}    server api-1 api-1:{port}\n"


def test_one_that_is_not_healthy_gets_nothing_while_the_others_serve(tmp_path: Path) -> None:
    health, proxy = Health(), Proxy()
    with instance(health) as port, rotation(tmp_path, proxy, port) as one:
        one.join([Container.parse(described("api-1"))], 10)
        health.status = 503
        with pytest.raises(HostSideError, match=r"api-2 did not get healthy within 1 s: .*503"):
            one.join([Container.parse(described(name)) for name in ("api-1", "api-2")], 1)
    assert list(proxy.servers) == ["api-1"]
    assert one.servers == ["api-1"]


def test_what_leaves_is_out_of_the_file_too_and_the_last_one_stays(tmp_path: Path) -> None:
    proxy = Proxy(api_1=("UP", 0, "a:1"), api_2=("UP", 1, "b:1"))
    with rotation(tmp_path, proxy, 8000) as one:
        assert one.leave(["api-2", "gone"], 5) == ["api-2"]
        assert proxy.servers["api-2"][0] == "MAINT"
        assert one.servers == ["api-1"]
        with pytest.raises(HostSideError, match="the last one is not taken out"):
            one.leave(["api-1"], 5)
    assert proxy.servers["api-1"][0] == "UP"


def test_one_that_is_replaced_is_spared_only_where_another_serves(tmp_path: Path) -> None:
    proxy = Proxy(api_1=("UP", 0, "a:1"), api_2=("UP", 0, "b:1"))
    with rotation(tmp_path, proxy, 8000) as one:
        assert one.spare(Container.parse(described("api-2")))
        assert not one.spare(Container.parse(described("api-1")))
        assert not one.spare(Container.parse(described("worker-1", service="worker")))
    assert [proxy.servers[name][0] for name in ("api-1", "api-2")] == ["UP", "MAINT"]


def test_a_file_that_haproxy_rejects_does_not_take_its_place(tmp_path: Path) -> None:
    proxy = Proxy(api_1=("UP", 0, "a:1"), api_2=("UP", 0, "b:1"))
    with (
        rotation(tmp_path, proxy, 8000, rejects="[ALERT] parsing failed") as one,
        pytest.raises(HostSideError, match=r"HAProxy rejects its file: .*parsing failed"),
    ):
        one.leave(["api-2"], 5)
    assert not list((tmp_path / "state/balancer/config").iterdir())
    assert Rotation(StateFolder(str(tmp_path / "state")), "", "selextract").servers == ["api-1", "api-2"]


def test_other_services_and_hosts_without_a_balancer_are_no_concern_of_it(tmp_path: Path) -> None:
    proxy = Proxy(api_1=("UP", 0, "a:1"))
    with rotation(tmp_path, proxy, 8000) as one:
        assert one.join([Container.parse(described("worker-1", service="worker"))], 1) == []
        assert not one.serves("selextract", "worker")
        assert one.serves("selextract", "api")
    none = Rotation(StateFolder(str(tmp_path / "nothing")), "", "selextract")
    assert none.leave(["api-1"], 1) == []
    assert not none.settle()
    assert proxy.said == []


def test_servers_stand_in_the_file_by_name() -> None:
    settings = {"config": CONFIG, "servers": ["b", "a"], "port": 80}
    assert config_text(settings) == f"{CONFIG}    server b b:80\n    server a a:80\n"
