from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from plugins.module_utils.docker import engine as engine_module
from plugins.module_utils.docker.engine import Engine, EngineGoneError, EngineRefusedError
from plugins.module_utils.system.failure import HostSideError
from tests.unit.plugins.unix_server import serving


def test_where_docker_does_not_run_one_sentence_says_so(tmp_path: Path) -> None:
    with pytest.raises(HostSideError, match="Docker is not running on this host: nothing answers at") as problem:
        Engine(str(tmp_path / "docker.sock")).info()
    assert problem.value.kind == "docker"


def test_an_engine_that_restarts_is_waited_for_and_no_longer_than_the_bound(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with ThreadPoolExecutor(1) as meanwhile, Engine(str(path)) as engine:
        waiting = meanwhile.submit(engine.wait, 30)
        with serving(path, lambda *_: (200, b"{}")):
            waiting.result(30)
    path.unlink()
    with pytest.raises(EngineGoneError, match="Docker is not running"):
        Engine(str(path)).wait(0)


def test_a_socket_nobody_listens_on_is_the_same(tmp_path: Path) -> None:
    path = str(tmp_path / "docker.sock")
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(path)
    with pytest.raises(HostSideError, match="Docker is not running"):
        Engine(path).info()


def test_an_engine_that_hangs_is_waited_for_no_longer_than_the_bound(tmp_path: Path) -> None:
    path = str(tmp_path / "docker.sock")
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(path)
        silent.listen()
        began = time.monotonic()
        with pytest.raises(HostSideError, match="did not answer GET /info in time"):
            Engine(path, timeout=0.1).info()
        assert time.monotonic() - began < 10  # and not the usual 15


def test_a_refusal_carries_dockers_own_words_on_one_line(tmp_path: Path) -> None:
    refusal = json.dumps({"message": "Range of CPUs is\n from 0.01 to 2.00."}).encode()
    with serving(tmp_path / "s", lambda *_: (400, refusal)) as path, pytest.raises(EngineRefusedError) as problem:
        Engine(path).update("abc", {"NanoCpus": 9_000_000_000})
    assert str(problem.value) == "Docker refused POST /containers/abc/update: Range of CPUs is from 0.01 to 2.00."
    assert problem.value.status == 400


def test_a_container_that_is_gone_is_none(tmp_path: Path) -> None:
    answer = 404, b'{"message": "No such container"}'
    with serving(tmp_path / "s", lambda *_: answer) as path, Engine(path) as engine:
        assert engine.inspect("abc") is None


def test_a_name_from_outside_cannot_leave_its_place_in_the_path(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(_method: str, path: str, _body: bytes) -> tuple[int, bytes]:
        asked.append(path)
        return 404, b"{}"

    with serving(tmp_path / "s", answer) as path, Engine(path) as engine:
        engine.inspect("../images/x?all=1#")
    assert asked == ["/containers/..%2Fimages%2Fx%3Fall%3D1%23/json"]


def test_a_kept_connection_that_was_closed_is_opened_again(tmp_path: Path) -> None:
    with serving(tmp_path / "s", lambda *_: (200, b'{"NCPU": 2}'), hang_up=True) as path, Engine(path) as engine:
        assert engine.info() == {"NCPU": 2}
        assert engine.info() == {"NCPU": 2}


def test_a_change_is_sent_once_and_never_repeated(tmp_path: Path) -> None:
    asked: list[tuple[str, bytes]] = []

    def answer(method: str, _path: str, body: bytes) -> tuple[int, bytes]:
        asked.append((method, body))
        return 500, b"broken"

    with serving(tmp_path / "s", answer) as path, pytest.raises(EngineRefusedError):
        Engine(path).update("abc", {"Memory": 1})
    assert asked == [("POST", b'{"Memory": 1}')]


def framed(*texts: str) -> bytes:
    """What Docker sends of a program's output."""
    return b"".join(b"\1\0\0\0" + len(text.encode()).to_bytes(4, "big") + text.encode() for text in texts)


def test_a_program_inside_a_container_tells_its_exit_code_and_all_it_said(tmp_path: Path) -> None:
    asked: list[tuple[str, str, bytes]] = []

    def answer(method: str, path: str, body: bytes) -> tuple[int, bytes]:
        asked.append((method, path, body))
        if path.endswith("/exec"):
            return 201, b'{"Id": "e1"}'
        return (200, framed("syntax is ok\n", "broken ä\n")) if path == "/exec/e1/start" else (200, b'{"ExitCode": 1}')

    with serving(tmp_path / "s", answer) as path, Engine(path) as engine:
        assert engine.run_inside("web", ["nginx", "-t"]) == (1, "syntax is ok\nbroken ä\n", "")
    assert json.loads(asked[0][2])["Cmd"] == ["nginx", "-t"]


def test_a_restart_is_one_request_with_its_signal_so_that_docker_ends_it_without_us(tmp_path: Path) -> None:
    asked: list[tuple[str, str]] = []

    def answer(method: str, path: str, _body: bytes) -> tuple[int, bytes]:
        asked.append((method, path))
        return 204, b""

    with serving(tmp_path / "s", answer) as path, Engine(path) as engine:
        engine.restart("db", 60.0, "SIGINT")
    assert asked == [("POST", "/containers/db/restart?t=60&signal=SIGINT")]


@contextmanager
def printing(path: Path, piece: bytes, pause: float) -> Iterator[str]:
    """An engine that access a container's output on, which never ends."""
    over = threading.Event()

    def print_on(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while not over.wait(pause):
                connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))

    with socket.socket(socket.AF_UNIX) as listener, ThreadPoolExecutor(1) as meanwhile:
        listener.bind(str(path))
        listener.listen()
        meanwhile.submit(print_on, listener)
        try:
            yield str(path)
        finally:
            over.set()


def test_a_container_that_prints_without_end_is_read_up_to_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "_LARGEST", 1 << 20)
    with printing(tmp_path / "s", b"x" * 65_536, 0) as path, pytest.raises(HostSideError, match="more than 1048576"):
        Engine(path).logs("endless", 20)


def test_a_container_that_prints_a_byte_now_and_then_is_read_up_to_a_deadline(tmp_path: Path) -> None:
    began = time.monotonic()
    with printing(tmp_path / "s", b"x", 0.02) as path, pytest.raises(EngineGoneError, match="did not end within"):
        Engine(path, timeout=0.2).logs("dripping", 20)
    assert time.monotonic() - began < 10
