"""Which way our file takes effect in a Project, by what is in its folder and how it was started."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from plugins.module_utils.compose.attachment import (
    ENVIRONMENT,
    NAMED,
    OVERRIDE,
    Attachment,
    attachment_of,
    team_files,
)
from plugins.module_utils.compose.capacity import render
from plugins.module_utils.compose.compose import Compose
from plugins.module_utils.compose.our_file import our_file
from plugins.module_utils.compose.project import Project, read_project
from tests.unit.plugins.project_container import made_from

OURS = render({"web": {"scale": 2}})
PLAIN = "services: {web: {image: x}}\n"
WITH_ENV_FILE = "services: {db: {image: x, env_file: .env}}\n"


class Folder:
    """A Project's folder, and what Compose would say about its ``env_file``."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = path
        self.env_files: dict[str, list[str]] = {}
        monkeypatch.setattr(Compose, "environment_files", lambda _: self.env_files)

    def has(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            (self.path / name).write_text(text, encoding="utf-8")

    def attachment(self, *started_from: str, added: bool = False, carriers: tuple[str, ...] = ()) -> Attachment:
        return attachment_of(self.project(*started_from), added=added, carriers=lambda: list(carriers))

    def project(self, *started_from: str, variables: str = "") -> Project:
        """As its container tells, which the team made from these files before anything else came."""
        return read_project([made_from(self.path, *started_from, at=0, variables=variables)], "shop")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    return Folder(tmp_path, monkeypatch)


@pytest.mark.parametrize("main", ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"])
def test_a_lone_main_file_of_any_name_leaves_the_override_slot_to_us(folder: Folder, main: str) -> None:
    folder.has({main: WITH_ENV_FILE, ".env": "A=1\n"})
    folder.env_files = {"db": [".env"]}
    assert folder.attachment(main) == Attachment(OVERRIDE, "compose.override.yml")


def test_the_slot_stays_ours_once_our_file_is_in_it(folder: Folder) -> None:
    folder.has({"compose.yml": PLAIN, "compose.override.yml": OURS})
    assert folder.attachment("compose.yml", "compose.override.yml").form == OVERRIDE
    assert our_file(str(folder.path)) == "compose.override.yml"
    assert team_files(folder.project("compose.yml", "compose.override.yml")) == ["compose.yml"]


@pytest.mark.parametrize("override", ["compose.override.yaml", "docker-compose.override.yml"])
def test_an_override_of_the_team_sends_us_to_the_environment_file(folder: Folder, override: str) -> None:
    folder.has({"compose.yml": PLAIN, override: PLAIN})
    assert folder.attachment("compose.yml", override) == Attachment(ENVIRONMENT, "compose.capacity.yml")


def test_an_override_that_comes_after_ours_is_the_teams_and_ours_gives_way(folder: Folder) -> None:
    folder.has({"compose.yml": PLAIN, "compose.override.yml": OURS, "docker-compose.override.yml": PLAIN})
    assert folder.attachment("compose.yml").form == ENVIRONMENT
    assert team_files(folder.project("compose.yml")) == ["compose.yml", "docker-compose.override.yml"]


def test_an_entry_of_the_team_is_extended(folder: Folder) -> None:
    folder.has({"base.yml": PLAIN, ".env": "COMPOSE_FILE=base.yml\n"})
    assert folder.attachment("base.yml") == Attachment(ENVIRONMENT, "compose.capacity.yml")


def test_an_entry_that_names_our_file_already_is_the_teams(folder: Folder) -> None:
    named = "COMPOSE_FILE=base.yml:compose.capacity.yml\n"
    folder.has({"base.yml": PLAIN, "compose.capacity.yml": "services: {}\n", ".env": named})
    assert folder.attachment("base.yml") == Attachment(NAMED, "compose.capacity.yml")


@pytest.mark.parametrize("path", [".env", "./.env", "${SETTINGS:-.env}"])
def test_no_line_goes_into_an_environment_file_that_a_service_reads(folder: Folder, path: str) -> None:
    folder.has({"compose.yml": WITH_ENV_FILE, "compose.override.yml": PLAIN, ".env": "A=1\n"})
    folder.env_files = {"db": [path], "web": ["other.env"]}
    refused = folder.attachment("compose.yml", "compose.override.yml")
    assert refused.refused
    assert "env_file of db," in refused.refusal
    assert "add `-f compose.capacity.yml` to your own command" in refused.refusal


def test_an_entry_in_such_a_file_is_not_extended_either(folder: Folder) -> None:
    folder.has({"base.yml": WITH_ENV_FILE, ".env": "COMPOSE_FILE=base.yml\n"})
    folder.env_files = {"db": [str(folder.path / ".env")]}
    refused = folder.attachment("base.yml")
    assert refused.refused
    assert "name it last in COMPOSE_FILE yourself" in refused.refusal


def test_other_environment_files_do_not_matter(folder: Folder) -> None:
    folder.has({"compose.yml": WITH_ENV_FILE, "compose.override.yml": PLAIN, ".env": "A=1\n"})
    folder.env_files = {"db": ["db.env"]}
    assert folder.attachment("compose.yml").form == ENVIRONMENT


def test_files_that_compose_does_not_find_itself_are_refused_with_what_to_add(folder: Folder) -> None:
    folder.has({"compose.yml": PLAIN, "prod.yml": PLAIN})
    refused = folder.attachment("compose.yml", "prod.yml")
    assert refused.refused
    assert "prod.yml" in refused.refusal
    assert "-f compose.capacity.yml" in refused.refusal


def test_our_file_among_the_files_of_the_teams_command_is_enough(folder: Folder) -> None:
    folder.has({"base.yml": PLAIN, "compose.capacity.yml": OURS})
    assert folder.attachment("base.yml", "compose.capacity.yml") == Attachment(NAMED, "compose.capacity.yml")
    assert team_files(folder.project("base.yml")) == ["base.yml"]


@pytest.mark.parametrize("main", ["compose.yaml", "docker-compose.yml"])
def test_a_command_that_names_the_usual_file_and_ours_reads_no_override_so_ours_is_taken(
    folder: Folder, main: str
) -> None:
    folder.has({main: PLAIN, "compose.capacity.yml": "services: {}\n"})
    assert folder.attachment(main, "compose.capacity.yml") == Attachment(NAMED, "compose.capacity.yml")


def test_a_file_that_the_team_put_there_for_its_command_is_taken(folder: Folder) -> None:
    folder.has({"base.yml": PLAIN, "compose.capacity.yml": "services: {}\n"})
    assert folder.attachment("base.yml").form == NAMED


def test_a_main_file_that_was_renamed_since_is_no_command_of_the_team(folder: Folder) -> None:
    folder.has({"docker-compose.yml": PLAIN})
    assert folder.attachment("compose.yml").form == OVERRIDE


def test_a_command_that_passes_over_an_override_of_the_team_is_not_found_by_compose_either(folder: Folder) -> None:
    folder.has({"compose.yml": PLAIN, "compose.override.yml": PLAIN})
    later = made_from(folder.path, "compose.yml")
    refused = attachment_of(read_project([later], "shop"))
    assert refused.refused
    assert "-f compose.yml, and not from the files that Compose finds by itself" in refused.refusal


def test_an_override_of_ours_is_not_one_that_the_team_passes_over(folder: Folder) -> None:
    folder.has({"compose.yml": PLAIN, "compose.override.yml": OURS})
    later = read_project([made_from(folder.path, "compose.yml")], "shop")
    assert later.named_files == ["compose.yml", "compose.override.yml"]
    assert attachment_of(later).form == OVERRIDE


def test_an_entry_of_another_environment_file_is_the_teams_to_extend(folder: Folder) -> None:
    folder.has({"base.yml": PLAIN, "prod.env": "COMPOSE_FILE=base.yml\n", "compose.capacity.yml": "services: {}\n"})
    prod = str(folder.path / "prod.env")
    refused = attachment_of(folder.project("base.yml", variables=prod))
    assert f"COMPOSE_FILE in {prod} would have to name our file" in refused.refusal
    folder.has({"prod.env": "COMPOSE_FILE=base.yml:compose.capacity.yml\n"})
    assert attachment_of(folder.project("base.yml", variables=prod)) == Attachment(NAMED, "compose.capacity.yml")


def test_what_we_have_put_beside_the_teams_command_counts_for_our_own_calls(folder: Folder) -> None:
    folder.has({"base.yml": PLAIN, "compose.capacity.yml": OURS})
    assert folder.project("base.yml").named_files == ["base.yml", "compose.capacity.yml"]


def old_attachment(folder: Folder, main: str = "compose.yml") -> None:
    """As version 0.1 left it, in a folder whose ``.env`` is the ``env_file`` of the database."""
    names = [str(folder.path / name) for name in (main, "compose.capacity.yml")]
    folder.has({main: WITH_ENV_FILE, "compose.capacity.yml": OURS, ".env": f"A=1\nCOMPOSE_FILE={':'.join(names)}\n"})
    folder.env_files = {"db": [".env"]}


def test_the_old_line_goes_out_of_an_environment_file_that_a_service_reads_and_that_is_said(folder: Folder) -> None:
    old_attachment(folder)
    moved = folder.attachment("compose.yml", added=True)
    assert (moved.form, moved.file) == (OVERRIDE, "compose.override.yml")
    assert "env_file of db, goes out again" in moved.note


def test_the_old_line_stays_where_taking_it_away_would_recreate_containers(folder: Folder) -> None:
    old_attachment(folder)
    kept = folder.attachment("compose.yml", added=True, carriers=("db", "web"))
    assert kept.form == ENVIRONMENT
    assert "in the environment of db; it stays" in kept.note


def test_the_old_line_goes_on_working_where_nobody_reads_it(folder: Folder) -> None:
    old_attachment(folder)
    folder.env_files = {}
    assert folder.attachment("compose.yml", added=True) == Attachment(ENVIRONMENT, "compose.capacity.yml")
