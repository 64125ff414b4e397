"""What Compose is asked, and what its answers mean."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plugins.module_utils.compose import compose
from plugins.module_utils.compose.compose import Compose, ComposeCall
from plugins.module_utils.compose.project import Project, own_project
from plugins.module_utils.system.failure import HostSideError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a program stands in for Compose that writes down its words and prints a file."""
    program = tmp_path / "docker-compose"
    program.write_text('#!/bin/sh\necho "$*" > asked\ncat answer >&2 && cat answer.json\n')
    program.chmod(0o755)
    monkeypatch.setattr(compose, "_PLUGIN_FOLDERS", (str(tmp_path),))
    (tmp_path / "answer").touch()
    return tmp_path


def test_a_project_is_named_to_compose_with_all_that_its_team_names(folder: Path) -> None:
    (folder / "answer.json").write_text(json.dumps({"services": {}}))
    files, environment = ("/srv/shop/a.yaml", "/srv/b.yaml"), ("/srv/conf/prod.env", "/srv/conf/more.env")
    Compose(Project("shop", str(folder), files, environment, ("batch",))).describe()
    assert (folder / "asked").read_text() == (
        f"--project-name shop --project-directory {folder} --file /srv/shop/a.yaml --file /srv/b.yaml"
        " --env-file /srv/conf/prod.env --env-file /srv/conf/more.env --profile batch"
        " --profile * config --format json\n"
    )


def test_what_compose_would_do_is_read_line_by_line(folder: Path) -> None:
    (folder / "answer.json").touch()
    (folder / "answer").write_text(
        ' DRY-RUN MODE -  Volume "shop_data"  Creating\n DRY-RUN MODE -  Container shop-db-1  Running \n'
        " DRY-RUN MODE -  Container shop-web-1  Recreate\n a warning of nothing\n Network shop_default  Created\n"
    )
    assert Compose(own_project("shop", str(folder))).would_do(["web"], {"web": 2, "db": 3}, recreate=True) == [
        ComposeCall("Volume", "shop_data", "Creating"),
        ComposeCall("Container", "shop-db-1", "Running"),
        ComposeCall("Container", "shop-web-1", "Recreate"),
        ComposeCall("Network", "shop_default", "Created"),
    ]
    asked = (folder / "asked").read_text()
    assert "--dry-run create --no-build --pull never --scale db=3 --scale web=2 web" in asked


def test_creating_names_the_services_and_recreates_builds_and_pulls_nothing(folder: Path) -> None:
    (folder / "answer.json").touch()
    Compose(own_project("shop", str(folder))).create(["web", "api"], {"web": 2, "api": 1}, 10)
    words = "create --no-recreate --no-build --pull never --scale api=1 --scale web=2 api web\n"
    assert (folder / "asked").read_text().endswith(words)
    assert "--dry-run" not in (folder / "asked").read_text()


@pytest.mark.parametrize(
    ("recreate", "words"), [("never", " --no-recreate"), ("auto", ""), ("always", " --force-recreate")]
)
def test_a_project_of_ours_is_started_as_a_whole(folder: Path, recreate: str, words: str) -> None:
    (folder / "answer.json").touch()
    Compose(own_project("ours", str(folder))).up(10, recreate=recreate)
    asked = (folder / "asked").read_text()
    assert (
        asked
        == f"--project-name ours --project-directory {folder} --ansi never up --detach{words} --no-build --pull never\n"
    )


def test_hashes_are_those_of_the_configuration_that_is_handed_over(folder: Path) -> None:
    (folder / "docker-compose").write_text('#!/bin/sh\necho "$*" > asked\ncat > fed\necho "web abc"\n')
    project = Project("shop", str(folder), ("/srv/shop/compose.yaml",))
    assert Compose(project).hashes({"services": {"web": {}}}) == {"web": "abc"}
    assert json.loads((folder / "fed").read_text()) == {"services": {"web": {}}}
    assert "--file - --profile * config --hash *" in (folder / "asked").read_text()


def test_what_compose_rejects_is_a_sentence(folder: Path) -> None:
    with pytest.raises(HostSideError, match="Compose rejects the files"):
        Compose(own_project("shop", str(folder))).describe()


def test_an_environment_is_read_in_either_form(folder: Path) -> None:
    written = {
        "web": {"environment": ["A=${X}", "B=", "FROM_OUTSIDE", "C=a=b"]},
        "jobs": {"environment": {"A": "1", "N": None}},
    }
    (folder / "answer.json").write_text(json.dumps({"services": {**written, "plain": {}}}))
    assert Compose(own_project("shop", str(folder))).environments(filled_in=True) == {
        "web": {"A": "${X}", "B": "", "C": "a=b"},
        "jobs": {"A": "1"},
        "plain": {},
    }
