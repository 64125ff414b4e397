"""A host is noted with the commands of its containers, and compared without them where an old note has none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.docker.engine import Engine
from plugins.module_utils.state import host_note
from plugins.module_utils.state.differences import differences
from plugins.module_utils.state.host_note import NoteOfRun
from plugins.module_utils.state.state import StateFolder
from tests.unit.plugins.simulated_docker import SimulatedDocker, instance

RUN = "20260301T020000-9f3ac1"


@pytest.fixture
def docker() -> SimulatedDocker:
    docker = SimulatedDocker()
    docker.add(instance("shop-web-1", Config={"Cmd": ["serve", "--with", "s3cret"]}))
    return docker


@pytest.fixture
def folder(tmp_path: Path, docker: SimulatedDocker, monkeypatch: pytest.MonkeyPatch) -> StateFolder:
    made = StateFolder(str(tmp_path / "state"))
    made.prepare()
    monkeypatch.setattr(host_note, "compose_details", lambda _socket: list(docker.containers.values()))
    monkeypatch.setattr(Engine, "info", lambda _engine: {"NCPU": 2, "MemTotal": 2**32})
    return made


def compared(folder: StateFolder, docker: SimulatedDocker, before: dict[str, Any] | None = None) -> list[str]:
    """Noted, then found with another command."""
    note = NoteOfRun(folder, RUN)
    note.note("before", "/nowhere")
    if before is not None:
        note.content["before"] = before
    docker.named("shop-web-1")["Config"]["Cmd"] = ["serve", "--without"]
    return differences(note.before or {}, note.look("/nowhere") or {})


def test_another_command_is_a_difference_and_is_not_shown(folder: StateFolder, docker: SimulatedDocker) -> None:
    assert compared(folder, docker) == ["container shop-web-1: command is not as it was."]
    assert "s3cret" not in str(NoteOfRun(folder, RUN).content)


def test_what_an_old_note_does_not_know_is_no_difference(folder: StateFolder, docker: SimulatedDocker) -> None:
    note = NoteOfRun(folder, RUN)
    note.note("before", "/nowhere")
    known = (note.before or {})["container shop-web-1"]
    old = {name: value for name, value in known.items() if name != "command digest"}
    assert compared(folder, docker, {"container shop-web-1": old}) == []


def test_an_instance_that_lacks_only_its_own_name_on_a_network_is_as_before(
    folder: StateFolder, docker: SimulatedDocker
) -> None:
    """Compose gives it that name; one that was made beside another and renamed has it from Docker alone."""
    networks = docker.named("shop-web-1").setdefault("NetworkSettings", {})
    networks["Networks"] = {"shop_default": {"Aliases": ["shop-web-1", "web"]}}
    NoteOfRun(folder, RUN).note("before", "/nowhere")
    note = NoteOfRun(folder, RUN)
    networks["Networks"] = {"shop_default": {"Aliases": ["web"]}}
    assert differences(note.before or {}, note.look("/nowhere") or {}) == []
    networks["Networks"] = {"shop_default": {"Aliases": ["shop-web-1"]}}
    assert len(differences(note.before or {}, note.look("/nowhere") or {})) == 1
