"""The load generator against a real server on the loopback address that misbehaves in known ways."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from selextract_infra.errors import SelextractError, UsageError
from selextract_infra.lab.load import Load, LoadStep


class Application(BaseHTTPRequestHandler):
    """A stand-in with the application's routes; what it does with a route is set by the test."""

    protocol_version = "HTTP/1.1"
    address: ClassVar[str]
    behaviour: ClassVar[dict[str, str]]
    seen: ClassVar[Counter[str]]
    keys: ClassVar[list[str]]
    connections: ClassVar[int]

    def setup(self) -> None:
        type(self).connections += 1
        super().setup()

    def do_GET(self) -> None:
        self._answer({"enqueued": self.seen["POST /api/v1/tasks"], "started": self.seen["POST /api/v1/tasks"],
                      "completed": self.seen["POST /api/v1/tasks"] - int(self.behaviour.get("lose", "0")),
                      "doubled": 0})  # fmt: skip

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.keys.append(self.headers["Idempotency-Key"])
        self._answer({})

    def _answer(self, document: dict[str, int]) -> None:
        route = f"{self.command} {self.path.partition('?')[0]}"
        self.seen[route] += 1
        behaviour = self.behaviour.get(route)
        if behaviour == "drop":
            self.close_connection = True
            return
        body = json.dumps(document).encode()
        self.send_response(503 if behaviour == "error" else 200)
        self.send_header("Content-Length", str(len(body) + (9 if behaviour == "cut" else 0)))
        if behaviour == "cut":
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """A test's requests are nobody's news."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@pytest.fixture
def application() -> Iterator[type[Application]]:
    class Fresh(Application):
        connections = 0

    Fresh.behaviour, Fresh.seen, Fresh.keys = {}, Counter(), []
    with Server(("127.0.0.1", 0), Fresh) as server:
        Fresh.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield Fresh
        server.shutdown()
        thread.join()


def drive(application: type[Application], *steps: LoadStep, tasks_per_hour: float = 0, drain_bound: float = 5) -> Load:
    load = Load(application.address, steps, tasks_per_hour=tasks_per_hour, drain_bound=drain_bound)
    load.start()
    assert load.wait(30)
    return load


def test_requests_are_sent_at_the_asked_rates_and_each_is_counted(application: type[Application]) -> None:
    result = drive(application, LoadStep(100, 0.5), LoadStep(0, 0.1), LoadStep(40, 0.5)).result
    assert result.requests_total == sum(application.seen.values()) == 70
    assert result.clean
    assert set(result.kinds) == {"GET items", "POST items", "GET page", "GET slow"}


def test_connections_are_kept(application: type[Application]) -> None:
    drive(application, LoadStep(100, 0.5))
    assert application.connections < 20


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [("error", "status 503"), ("drop", "closed before the whole answer"), ("cut", "closed before the whole answer")],
)
def test_a_request_without_a_good_and_whole_answer_has_failed(
    application: type[Application], behaviour: str, reason: str
) -> None:
    application.behaviour["GET /"] = behaviour
    result = drive(application, LoadStep(100, 0.4)).result
    assert result.kinds["GET page"].failed == result.kinds["GET page"].total == result.requests_failed > 0
    assert all(reason in failure for failure in result.failures)


def test_where_nobody_answers_every_request_has_failed() -> None:
    load = Load("http://127.0.0.1:9", [LoadStep(50, 0.2)])
    with load:
        load.wait(5)
    assert load.result.requests_failed == load.result.requests_total == 10
    assert all("connection refused" in failure for failure in load.result.failures)


def test_tasks_are_asked_for_until_all_are_done(application: type[Application]) -> None:
    result = drive(application, LoadStep(0, 0.5), tasks_per_hour=36_000).result
    assert result.tasks.enqueued == result.tasks.completed == application.seen["POST /api/v1/tasks"] > 3
    assert result.clean


def test_a_task_that_is_never_completed_is_lost(application: type[Application]) -> None:
    application.behaviour["lose"] = "2"
    result = drive(application, LoadStep(0, 0.5), tasks_per_hour=36_000, drain_bound=0.2).result
    assert result.tasks_lost == 2
    assert not result.clean


def test_an_application_that_cannot_be_asked_leaves_tasks_unknown(application: type[Application]) -> None:
    application.behaviour["GET /api/v1/tasks/summary"] = "error"
    result = drive(application, LoadStep(0, 0.3), tasks_per_hour=36_000, drain_bound=0.2).result
    assert result.tasks.unknown
    assert result.tasks_lost is None


def test_every_write_has_a_key_of_its_own(application: type[Application]) -> None:
    drive(application, LoadStep(100, 0.5), tasks_per_hour=36_000)
    assert len(application.keys) == len(set(application.keys)) > 5


def test_it_ends_when_it_is_stopped_and_has_its_result_only_then(application: type[Application]) -> None:
    with Load(application.address, [LoadStep(50)]) as load:
        load.wait_for_requests(5, bound=10)
        with pytest.raises(SelextractError, match="has not ended"):
            _ = load.result
    assert load.result.requests_total >= 5


@pytest.mark.parametrize("steps", [[], [LoadStep(-1, 1)], [LoadStep(1, 0)]])
def test_impossible_rates_are_refused(steps: list[LoadStep]) -> None:
    with pytest.raises(UsageError):
        Load("http://127.0.0.1:9", steps)
