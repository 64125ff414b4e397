"""A container's own health check, run between Docker's, against a server that answers as an engine does."""

from __future__ import annotations

import json
import struct
import time
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.docker import health_checks
from plugins.module_utils.docker.health_checks import HealthChecks
from tests.unit.plugins.unix_server import serving
from tests.unit.waiting import until


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_checks, "_FIRST", 0.0)
    monkeypatch.setattr(health_checks, "_PAUSE", 0.0)


class Engine:
    """One container ``c``, whose check ends with the next of ``codes``; the last one stays."""

    def __init__(self, config: dict[str, Any], *codes: int) -> None:
        self.config, self.codes = config, list(codes)
        self.ran: list[list[str]] = []

    def __call__(self, _method: str, path: str, body: bytes) -> tuple[int, bytes]:
        if path.endswith("/exec"):
            self.ran.append(json.loads(body)["Cmd"])
            return 201, b'{"Id": "e"}'
        if path.endswith("/start"):
            return 200, struct.pack(">BxxxL", 1, 2) + b"ok"
        if path.startswith("/exec/"):
            return 200, json.dumps({"ExitCode": self.codes.pop(0) if len(self.codes) > 1 else self.codes[0]}).encode()
        return 200, json.dumps({"Config": self.config, "State": {"StartedAt": "then"}}).encode()


def test_one_that_fails_is_asked_again_until_it_passes_and_not_after_that(tmp_path: Path) -> None:
    engine = Engine({"Healthcheck": {"Test": ["CMD", "probe", "--all"]}}, 1, 1, 0, 1)
    with serving(tmp_path / "s", engine) as path, HealthChecks(path) as checks:
        assert checks.passed(["c"]) == {}
        until(lambda: checks.passed(["c"]) == {"c": "then"})
        assert checks.passed(["c"]) == {"c": "then"}
        assert checks.passed([]) == {}
    assert engine.ran == [["probe", "--all"]] * 3


@pytest.mark.parametrize(
    ("config", "program"),
    [
        ({"Healthcheck": {"Test": ["CMD-SHELL", "test -e /up"]}}, ["/bin/sh", "-c", "test -e /up"]),
        ({"Healthcheck": {"Test": ["CMD-SHELL", "x"]}, "Shell": ["/bin/bash", "-ec"]}, ["/bin/bash", "-ec", "x"]),
    ],
)
def test_a_line_for_a_shell_is_given_to_the_containers_shell(
    tmp_path: Path, config: dict[str, Any], program: list[str]
) -> None:
    engine = Engine(config, 0)
    with serving(tmp_path / "s", engine) as path, HealthChecks(path) as checks:
        until(lambda: bool(checks.passed(["c"])))
    assert engine.ran == [program]


@pytest.mark.parametrize("config", [{}, {"Healthcheck": {"Test": ["NONE"]}}, {"Healthcheck": {"Test": []}}])
def test_one_without_a_check_is_left_to_docker(tmp_path: Path, config: dict[str, Any]) -> None:
    engine = Engine(config, 0)
    with serving(tmp_path / "s", engine) as path, HealthChecks(path) as checks:
        checks.passed(["c"])
        until(checks._answers["c"].done)
        assert checks.passed(["c"]) == {}
    assert engine.ran == []


def test_one_that_hangs_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_checks, "_BOUND", 0.2)
    engine = Engine({"Healthcheck": {"Test": ["CMD", "probe"]}}, 0)

    def hanging(method: str, path: str, body: bytes) -> tuple[int, bytes]:
        if path.endswith("/start"):
            time.sleep(1)
        return engine(method, path, body)

    with serving(tmp_path / "s", hanging) as path, HealthChecks(path) as checks:
        checks.passed(["c"])
        until(checks._answers["c"].done)
        assert [checks.passed(["c"]) for _ in range(3)] == [{}] * 3
    assert engine.ran == [["probe"]]
