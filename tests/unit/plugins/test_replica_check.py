"""The check beside a replica, over HTTP, with a program in the place of the replica's own ``psql``."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from plugins.module_utils.replica.check.conversation import Conversation
from plugins.module_utils.replica.check.serve import Check, handler
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


@pytest.fixture
def url(answer: Path) -> Iterator[str]:
    conversation = Conversation([sys.executable, "-c", _PSQL, str(answer)], 5.0)
    check = Check(conversation, {"/reads": 10.0, "/analytics": 1800.0})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(check))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join(5)
    conversation.close()


def asked(address: str) -> tuple[int, str]:
    host, _, path = address.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=10)
    try:
        connection.request("GET", f"/{path}")
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


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
