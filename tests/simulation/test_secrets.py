"""What the app's containers hold as secrets stays there: thirty are planted and looked for wherever a Run leaves words.

Looked at are what the control machine keeps (journal, logs), what it prints and says to people, what it hands to
Ansible and gets back, the words of every program that is started on the host and of every address of the engine, the
host's Plan and record of the Run. The definition of a container that is to be made again is the one place that has to
hold them: those files are root's alone.
"""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from selextract_infra.errors import SelextractError
from selextract_infra.model.run import Run
from tests.simulation.boundaries import Fault, FaultKind
from tests.simulation.control import ControlMachine
from tests.simulation.shapes import OPERATIONS, Shape, shape_for, world_plan
from tests.simulation.trial import World, undisturbed, world

_IN_EACH = 5
_PLANTED = "planted-secret"
_SEED = 7


def _shape(operation: str) -> Shape:
    shape = shape_for(operation)
    numbers = iter(range(1000))
    for service in shape.services.values():
        secrets = {f"SECRET_{n}": f"{_PLANTED}-{next(numbers):02d}" for n in range(_IN_EACH)}
        service["environment"] = {**service.get("environment", {}), **secrets}
    return shape


class Leaks:
    """Everything that a Run says or leaves, by where it was."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.words: list[tuple[str, str]] = []
        self._monkeypatch = monkeypatch
        playbook = ControlMachine._playbook

        def recorded(control: ControlMachine, request: Any, **more: Any) -> Any:
            self.words.append(("handed to Ansible", repr(request)))
            outcome = playbook(control, request, **more)
            self.words.append(("answered to Ansible", repr(outcome)))
            return outcome

        monkeypatch.setattr(ControlMachine, "_playbook", recorded)

    def listen(self, here: World) -> None:
        """Record the words of programs, and addresses of the engine, on this host."""
        compose, engine = here.host.call_compose, here.host.ask_engine

        def call_compose(arguments: list[str], feed: str | None, timeout: float) -> Any:
            self.words.append(("arguments of Compose", " ".join(arguments)))
            return compose(arguments, feed, timeout)

        def ask_engine(method: str, path: str, body: bytes, timeout: float | None) -> Any:
            self.words.append(("an address of the engine", path))
            if path.endswith("/exec"):
                self.words.append(("a program in a container", body.decode()))
            return engine(method, path, body, timeout)

        self._monkeypatch.setattr(here.host, "call_compose", call_compose)
        self._monkeypatch.setattr(here.host, "ask_engine", ask_engine)

    def read(self, here: World, answer: Run | SelextractError) -> None:
        """What is left when it is over."""
        words = answer.model_dump_json() if isinstance(answer, Run) else f"{answer} {answer.remedy}"
        self.words.append(("the answer", words))
        for file in _files(here.folder, "control"):
            self.words.append((f"kept: {file.name}", file.read_bytes().decode("utf-8", "replace")))
        for file in _files(here.host.state, ""):
            if "definitions" in file.parts:
                assert file.stat().st_mode & 0o077 == 0, file
                continue
            self.words.append((f"on the host: {file.name}", file.read_bytes().decode("utf-8", "replace")))

    @property
    def places(self) -> set[str]:
        """Where a secret was."""
        return {place for place, words in self.words if _PLANTED in words}


def _late(operation: str) -> int:
    """The last boundary at which something of the app's is changed: there is something to put back then."""
    passed = undisturbed(operation, _shape(operation), _SEED).passed
    return max(number for number, (kind, _) in enumerate(passed, start=1) if kind == "act")


def _files(folder: Path, beginning: str) -> Iterator[Path]:
    tops = [path for path in folder.iterdir() if path.name.startswith(beginning)]
    return (file for top in tops for file in ([top] if top.is_file() else top.rglob("*")) if file.is_file())


@pytest.mark.parametrize("disturbed", [False, True], ids=["done", "put back"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_planted_secret_leaves_its_container(
    operation: str, disturbed: bool, monkeypatch: pytest.MonkeyPatch, capfd: Any, caplog: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    fault = Fault(_late(operation), FaultKind.FAILS) if disturbed else None
    leaks = Leaks(monkeypatch)
    with world(_shape(operation), fault, operation=operation) as here:
        plan = world_plan(here.host, operation, random.Random(_SEED))
        control = here.control()
        leaks.listen(here)
        leaks.words.append(("the plan", plan.model_dump_json()))
        leaks.read(here, control.apply(plan))
        assert len(leaks.words) > 20
        environments = json.dumps([about["Config"]["Env"] for about in here.host.engine.names.values()])
        assert _PLANTED in environments, "they are where they belong"
    printed = "".join(capfd.readouterr())
    assert leaks.places == set()
    assert _PLANTED not in printed + caplog.text
