"""A project is read once, from what its containers and its ``.env`` say."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from plugins.module_utils.compose.project import read_project
from plugins.module_utils.docker.containers import Container
from plugins.module_utils.system.failure import HostSideError
from tests.unit.plugins.project_container import made_from

LATER = 3600.0  # seconds


def written(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("services: {}\n")


def names_of(folder: Path, container: Container) -> list[str]:
    return read_project([container], "shop").named_files


def test_files_that_the_team_names_itself_count_in_its_order(tmp_path: Path) -> None:
    written(tmp_path, "compose.yml", "deploy/prod.yaml", "other.yaml")
    project = read_project([made_from(tmp_path, "other.yaml", "deploy/prod.yaml")], "shop")
    assert project.files == (str(tmp_path / "other.yaml"), str(tmp_path / "deploy/prod.yaml"))


def test_an_override_that_came_later_counts_although_no_container_was_made_from_it(tmp_path: Path) -> None:
    written(tmp_path, "compose.yml", "compose.override.yml")
    container = made_from(tmp_path, "compose.yml", at=time.time() - LATER)
    assert names_of(tmp_path, container) == ["compose.yml", "compose.override.yml"]


def test_an_override_that_the_team_passes_over_does_not_count(tmp_path: Path) -> None:
    written(tmp_path, "compose.yml", "compose.override.yml")
    assert names_of(tmp_path, made_from(tmp_path, "compose.yml")) == ["compose.yml"]


def test_our_file_counts_where_it_is_attached_and_only_there(tmp_path: Path) -> None:
    written(tmp_path, "other.yaml", "compose.capacity.yml")
    past, named = made_from(tmp_path, "other.yaml"), made_from(tmp_path, "other.yaml", "compose.capacity.yml")
    assert names_of(tmp_path, past) == ["other.yaml"]
    assert names_of(tmp_path, named) == ["other.yaml", "compose.capacity.yml"]
    (tmp_path / ".env").write_text(f"COMPOSE_FILE=other.yaml:{tmp_path}/compose.capacity.yml\n")
    assert names_of(tmp_path, past) == ["other.yaml", "compose.capacity.yml"]
    (tmp_path / ".env").unlink()
    (tmp_path / "compose.capacity.yml").unlink()
    assert names_of(tmp_path, named) == ["other.yaml"]


def test_a_file_that_is_gone_is_named_before_anything_is_touched(tmp_path: Path) -> None:
    written(tmp_path, "compose.yml")
    with pytest.raises(HostSideError, match=r"prod\.yaml, which does not exist any more; nothing was touched"):
        read_project([made_from(tmp_path, "compose.yml", "prod.yaml")], "shop")


@pytest.mark.parametrize("gone", ["docker-compose.yml", "compose.override.yml"])
def test_a_file_with_a_usual_name_may_be_replaced_by_another(tmp_path: Path, gone: str) -> None:
    written(tmp_path, "compose.yaml")
    assert names_of(tmp_path, made_from(tmp_path, gone, at=time.time() - LATER)) == ["compose.yaml"]


def test_environment_files_of_the_team_stand_for_its_own(tmp_path: Path) -> None:
    written(tmp_path, "base.yaml", "more.yaml")
    (tmp_path / ".env").write_text("COMPOSE_PROFILES=ignored\n")
    (tmp_path / "prod.env").write_text("COMPOSE_FILE=base.yaml\nCOMPOSE_PROFILES=batch\n")
    (tmp_path / "last.env").write_text("COMPOSE_FILE=base.yaml:more.yaml\n")
    label = f"{tmp_path}/prod.env,{tmp_path}/last.env"
    container = made_from(tmp_path, "base.yaml", "more.yaml", variables=label)
    project = read_project([container], "shop")
    assert project.environment_files == (str(tmp_path / "prod.env"), str(tmp_path / "last.env"))
    assert project.profiles == ("batch",)
    assert project.named_files == ["base.yaml", "more.yaml"]


def test_an_environment_file_that_is_gone_is_named(tmp_path: Path) -> None:
    written(tmp_path, "compose.yml")
    container = made_from(tmp_path, "compose.yml", variables=f"{tmp_path}/prod.env")
    with pytest.raises(HostSideError, match=r"prod\.env, which does not exist"):
        read_project([container], "shop")


def test_composes_own_environment_file_is_not_named_and_may_go(tmp_path: Path) -> None:
    written(tmp_path, "compose.yml")
    container = made_from(tmp_path, "compose.yml", variables=f"{tmp_path}/.env")
    assert read_project([container], "shop").environment_files == ()


def test_the_newest_container_tells_how_the_team_calls_compose(tmp_path: Path) -> None:
    written(tmp_path, "first.yaml", "second.yaml")
    older = made_from(tmp_path, "first.yaml", service="db", at=time.time() - LATER)
    assert read_project([made_from(tmp_path, "second.yaml"), older], "shop").named_files == ["second.yaml"]


def test_a_mapped_folder_counts_where_no_container_is(tmp_path: Path) -> None:
    written(tmp_path, "compose.yml")
    assert read_project([], "shop", str(tmp_path)).files == (str(tmp_path / "compose.yml"),)


def test_the_containers_folder_counts_before_the_mapped_one_while_it_is_there(tmp_path: Path) -> None:
    here, mapped = tmp_path / "here", tmp_path / "mapped"
    written(here, "compose.yml")
    written(mapped, "compose.yml")
    assert read_project([made_from(here, "compose.yml")], "shop", str(mapped)).directory == str(here)
    moved = made_from(tmp_path / "gone", "compose.yml")
    assert read_project([moved], "shop", str(mapped)).directory == str(mapped)


def test_a_folder_that_is_not_known_is_said(tmp_path: Path) -> None:
    with pytest.raises(HostSideError, match="No folder of project shop is known"):
        read_project([], "shop")
    with pytest.raises(HostSideError, match="is missing"):
        read_project([], "shop", str(tmp_path / "gone"))
    with pytest.raises(HostSideError, match="No Compose file"):
        read_project([], "shop", str(tmp_path))


def test_profiles_that_containers_need_are_active_too(tmp_path: Path) -> None:
    written(tmp_path, "compose.yml")
    (tmp_path / ".env").write_text("COMPOSE_PROFILES=batch\n")
    containers = [made_from(tmp_path, "compose.yml"), made_from(tmp_path, "compose.yml", service="mail")]
    services = {"web": {}, "mail": {"profiles": ["tools", "all"]}, "jobs": {"profiles": ["never"]}}
    project = read_project(containers, "shop").with_profiles_of(containers, services)
    assert project.profiles == ("batch", "tools")
    batch = {"web": {"profiles": ["batch", "tools"]}}
    assert read_project(containers, "shop").with_profiles_of(containers, batch).profiles == ("batch",)


def test_the_time_of_a_file_is_that_of_its_coming_whatever_it_says_itself(tmp_path: Path) -> None:
    written(tmp_path, "compose.yml", "compose.override.yml")
    long_ago = time.time() - 10 * LATER
    os.utime(tmp_path / "compose.override.yml", (long_ago, long_ago))
    container = made_from(tmp_path, "compose.yml", at=time.time() - LATER)
    assert names_of(tmp_path, container) == ["compose.yml", "compose.override.yml"]
