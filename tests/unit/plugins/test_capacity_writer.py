"""Our file goes in, takes effect, and leaves without a trace; a Run's share of it is undone key by key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.compose import capacity_writer
from plugins.module_utils.compose.capacity import parse, render
from plugins.module_utils.compose.capacity_writer import CapacityWriter
from plugins.module_utils.compose.compose import Compose
from plugins.module_utils.state.project_state import ProjectState
from plugins.module_utils.state.state import StateFolder
from plugins.module_utils.system.failure import HostSideError
from tests.unit.plugins.project_container import made_from

LIMITED = {"web": {"mem_limit": 100, "cpus": 0.5}}
Tree = dict[str, tuple[bytes, int]]


class App:
    """A team's folder and our state, with a Compose that accepts everything unless ``rejects``."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory = path / "app"
        self.directory.mkdir()
        self.state = StateFolder(str(path / "state"))
        self.state.prepare()
        self.rejects = False
        self.env_files: dict[str, list[str]] = {}
        monkeypatch.setattr(Compose, "check", lambda compose: self._check(compose))
        monkeypatch.setattr(Compose, "environment_files", lambda _: self.env_files)
        monkeypatch.setattr(capacity_writer, "services_with_variable", lambda *_: [])

    def _check(self, compose: Any) -> None:
        if self.rejects and not any(name.endswith(".trial") for name in compose.project.files):
            raise HostSideError("Compose rejects it.", kind="compose")

    def has(self, name: str, text: str, mode: int = 0o640) -> None:
        (self.directory / name).write_text(text, encoding="utf-8")
        (self.directory / name).chmod(mode)

    def record(self) -> dict[str, Any] | None:
        """What is kept of the Project's attachments."""
        return ProjectState(self.state, "shop").read("capacity.json")

    def writer(self, *started_from: str) -> CapacityWriter:
        made = [made_from(self.directory, *started_from, at=0)] if started_from else []
        return CapacityWriter(self.state, "shop", str(self.directory), made)

    def run(self, services: dict[str, Any], *started_from: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """What a Run that writes these services notes."""
        writer = self.writer(*started_from)
        noted = json.loads(json.dumps([writer.inverse(), writer.left(services)]))
        writer.write(render(services))
        return noted[0], noted[1]

    def services(self) -> Any:
        text = self.writer().text
        return None if text is None else parse(text)["services"]

    def tree(self) -> Tree:
        return {path.name: (path.read_bytes(), path.stat().st_mode & 0o777) for path in self.directory.iterdir()}


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    made = App(tmp_path, monkeypatch)
    made.has("compose.yml", "services: {web: {image: x}}\n")
    return made


def override(app: App) -> tuple[str, ...]:
    return ("compose.yml",)


def extended_entry(app: App) -> tuple[str, ...]:
    app.has(".env", "A=1\nCOMPOSE_FILE='compose.yml' # all\nB=2", 0o600)
    return ("compose.yml",)


def new_entry(app: App) -> tuple[str, ...]:
    app.has("compose.override.yml", "services: {}\n")
    app.has(".env", "A=1", 0o600)
    return ("compose.yml", "compose.override.yml")


def new_environment_file(app: App) -> tuple[str, ...]:
    app.has("docker-compose.override.yaml", "services: {}\n")
    return ("compose.yml",)


def named_by_the_teams_command(app: App) -> tuple[str, ...]:
    app.has("prod.yml", "services: {}\n")
    app.has("compose.capacity.yml", "services: {}\n", 0o664)
    return ("compose.yml", "prod.yml", "compose.capacity.yml")


FORMS = [override, extended_entry, new_entry, new_environment_file, named_by_the_teams_command]


@pytest.mark.parametrize("form", FORMS)
def test_what_was_written_leaves_the_folder_byte_for_byte_as_it_was(app: App, form: Any) -> None:
    started_from = form(app)
    before = app.tree()
    writer = app.writer(*started_from)
    assert writer.changes(render(LIMITED))
    writer.write(render(LIMITED))
    assert app.services() == LIMITED
    assert not app.writer(*started_from).changes(render(LIMITED))
    app.writer().remove()
    assert app.tree() == before
    assert app.record() is None


@pytest.mark.parametrize("form", FORMS)
def test_a_rejected_file_leaves_everything_as_it_was(app: App, form: Any) -> None:
    started_from = form(app)
    before, records = app.tree(), app.record()
    app.rejects = form is not named_by_the_teams_command
    if app.rejects:
        with pytest.raises(HostSideError, match="rejects"):
            app.writer(*started_from).write(render(LIMITED))
        assert app.tree() == before
        assert app.record() == records


def test_the_override_gets_the_mode_of_the_main_file_and_no_environment_file_is_made(app: App) -> None:
    app.run(LIMITED, "compose.yml")
    assert app.tree()["compose.override.yml"][1] == 0o640
    assert sorted(app.tree()) == ["compose.override.yml", "compose.yml"]


def test_where_there_is_no_way_nothing_is_touched_and_the_way_is_named(app: App) -> None:
    app.has("prod.yml", "services: {}\n")
    before = app.tree()
    with pytest.raises(HostSideError, match=r"-f compose\.capacity\.yml") as refusal:
        app.writer("compose.yml", "prod.yml").write(render(LIMITED))
    assert (refusal.value.kind, refusal.value.rule) == ("refused", "attachment")
    assert app.tree() == before


def attached_by_the_old_version(app: App) -> bytes:
    """As 0.1 left folder and state; returns ``.env`` from before it."""
    app.has("compose.yml", "services: {db: {image: x, env_file: .env}}\n")
    names = ":".join(str(app.directory / name) for name in ("compose.yml", "compose.capacity.yml"))
    app.has(".env", f"A=1\nCOMPOSE_FILE={names}\n", 0o600)
    app.has("compose.capacity.yml", render(LIMITED))
    about = {"project": "shop", "existed": True, "raw": None, "ours": names, "gap_added": False}
    app.state.write("capacity.json", {str(app.directory): about})
    return b"A=1\n"


def test_a_host_of_the_old_version_goes_on_working_and_is_uninstalled(app: App) -> None:
    environment = attached_by_the_old_version(app)
    app.run({"web": {"mem_limit": 200}}, "compose.yml", "compose.capacity.yml")
    assert app.services() == {"web": {"mem_limit": 200}}
    assert b"COMPOSE_FILE" in app.tree()[".env"][0]
    app.writer().remove()
    assert app.tree()[".env"] == (environment, 0o600)
    assert sorted(app.tree()) == [".env", "compose.yml"]


def test_where_the_environment_file_is_a_services_the_old_attachment_moves_and_comes_back(app: App) -> None:
    environment = attached_by_the_old_version(app)
    before = app.tree()
    app.env_files = {"db": [".env"]}
    noted = app.run({"web": {"mem_limit": 200}}, "compose.yml")
    assert app.tree()[".env"] == (environment, 0o600)
    assert sorted(app.tree()) == [".env", "compose.override.yml", "compose.yml"]
    assert app.writer().undo(*noted)
    assert app.tree() == before


def test_an_override_of_the_team_that_came_later_gets_into_force_and_ours_moves(app: App) -> None:
    app.run(LIMITED, "compose.yml")
    app.has("docker-compose.override.yml", "services: {web: {init: true}}\n")
    app.run({"web": {"mem_limit": 200}}, "compose.yml", "compose.override.yml")
    assert "compose.override.yml" not in app.tree()
    assert b"docker-compose.override.yml:" in app.tree()[".env"][0]
    app.writer().remove()
    assert sorted(app.tree()) == ["compose.yml", "docker-compose.override.yml"]


def test_undoing_an_older_run_keeps_what_a_newer_one_wrote(app: App) -> None:
    first = app.run(LIMITED, "compose.yml")
    second = app.run({**LIMITED, "api": {"environment": {"DATABASE_URL": "${URL}"}}}, "compose.yml")
    assert app.writer().undo(*first)
    assert app.services() == {"api": {"environment": {"DATABASE_URL": "${URL}"}}}
    assert app.writer().undo(*second)
    assert sorted(app.tree()) == ["compose.yml"]
    assert app.record() is None


def test_of_one_service_only_the_keys_of_the_run_go_back(app: App) -> None:
    app.run({"web": {"mem_limit": 100}}, "compose.yml")
    second = app.run(LIMITED, "compose.yml")
    app.run({"web": {"mem_limit": 300, "cpus": 0.5}}, "compose.yml")
    app.writer().undo(*second)
    assert app.services() == {"web": {"mem_limit": 300}}


def test_what_version_0_1_noted_comes_back_as_a_whole(app: App) -> None:
    environment = attached_by_the_old_version(app)
    names = (app.state.read("capacity.json") or {})[str(app.directory)]["ours"]
    old = {"text": None, "environment": {"existed": True, "raw": None, "ours": names, "gap_added": False}}
    assert app.writer().undo(old, None)
    assert app.tree()[".env"] == (environment, 0o600)
    assert sorted(app.tree()) == [".env", "compose.yml"]
