"""The check beside a replica, over HTTP, with a program in the place of the replica's own ``psql``."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from plugins.module_utils.replica.check.conversation import Conversation
from plugins.module_utils.replica.check.serve import Check, CheckServer
from plugins.module_utils.replica.check.service import install_check, remove_check
from tests.unit.waiting import until

STREAMS = {"standby": True, "receiver": "streaming", "paused": False, "lag_bytes": 0, "replayed_seconds": 3}
_PSQL = "import sys\nfor _ in sys.stdin: print(open(sys.argv[1]).read(), flush=True)"


@pytest.fixture
def answer(tmp_path: Path) -> Path:
    """What the replica says of itself; where the file is missing it is not running."""
    path = tmp_path / "answer"
    path.write_text(json.dumps(STREAMS))
    return path


@contextmanager
def served(answer: Path, request_seconds: float) -> Iterator[str]:
    conversation = Conversation([sys.executable, "-c", _PSQL, str(answer)], 5.0)
    check = Check(conversation, {"/reads": 10.0, "/analytics": 1800.0})
    server = CheckServer(("127.0.0.1", 0), check, request_seconds)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join(5)
    conversation.close()


@pytest.fixture
def url(answer: Path) -> Iterator[str]:
    with served(answer, 30.0) as address:
        yield address


def asked(address: str) -> tuple[int, str]:
    host, _, path = address.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=10)
    try:
        connection.request("GET", f"/{path}")
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def test_a_client_that_sends_a_byte_now_and_then_is_cut_off(answer: Path) -> None:
    with served(answer, 0.2) as url, connected(url) as slow:
        slow.sendall(b"GET /rea")
        until(lambda: not still_open(slow, feed=b"d"), 10)


def test_slow_clients_do_not_take_all_connections(url: str) -> None:
    slow = [connected(url) for _ in range(30)]
    until(lambda: sum(still_open(connection) for connection in slow) <= 8, 10)
    slow.pop(next(number for number, connection in enumerate(slow) if still_open(connection))).close()
    until(lambda: answers(url), 10)
    for connection in slow:
        connection.close()


def connected(url: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=5)
    connection.setblocking(False)
    return connection


def still_open(connection: socket.socket, feed: bytes = b"") -> bool:
    """Whether the server has not closed it; nothing of an answer is waited for."""
    try:
        connection.sendall(feed)
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def answers(url: str) -> bool:
    try:
        return asked(f"{url}/reads")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def test_a_replica_that_streams_may_be_used(url: str) -> None:
    assert [asked(f"{url}/{name}")[0] for name in ("reads", "analytics", "other")] == [200, 200, 404]


def test_one_that_is_behind_answers_analytics_and_no_reads(url: str, answer: Path) -> None:
    answer.write_text(json.dumps({**STREAMS, "lag_bytes": 5, "replayed_seconds": 60}))
    until(lambda: asked(f"{url}/reads")[0] == 503)
    assert "60 s behind" in asked(f"{url}/reads")[1]
    assert asked(f"{url}/analytics")[0] == 200


def test_one_that_is_stopped_answers_nothing_and_is_back_by_itself(url: str, answer: Path) -> None:
    answer.unlink()
    until(lambda: asked(f"{url}/analytics") == (503, "the replica is not running\n"))
    answer.write_text(json.dumps(STREAMS))
    until(lambda: asked(f"{url}/analytics")[0] == 200)


def test_the_service_is_a_program_of_its_own_and_is_taken_away_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = "plugins.module_utils.replica.check.service"
    asked_of_systemd: list[tuple[str, ...]] = []
    for name in ("_UNITS", "_PROGRAM"):
        monkeypatch.setattr(f"{service}.{name}", str(tmp_path / name))
    monkeypatch.setattr(f"{service}.systemctl", lambda *words: asked_of_systemd.append(words))
    assert install_check("shop-check.service", {"port": 8432}, check=True)
    assert install_check("shop-check.service", {"port": 8432})
    assert not install_check("shop-check.service", {"port": 8432})
    assert asked_of_systemd == [
        ("daemon-reload",),
        ("enable", "shop-check.service"),
        ("restart", "shop-check.service"),
    ]
    unit = (tmp_path / "_UNITS" / "shop-check.service").read_text()
    [started] = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
    program = started.removeprefix("ExecStart=").split(" --port")[0].split()
    done = subprocess.run(
        [*program, "--help"], cwd=tmp_path / "_PROGRAM", capture_output=True, text=True, timeout=30, check=False
    )
    assert "--analytics" in done.stdout, done.stderr
    assert remove_check("shop-check.service", entirely=True)
    assert not remove_check("shop-check.service", entirely=True)
    assert not (tmp_path / "_PROGRAM").exists()
