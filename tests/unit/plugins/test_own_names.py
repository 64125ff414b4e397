"""The names of what is ours beside an app: nobody else's are taken, on the host or on a network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.compose.own_names import names_in, refuse_taken_alias, take_names
from plugins.module_utils.state.layout import BALANCER, OwnProject
from plugins.module_utils.state.project_state import ProjectState
from plugins.module_utils.state.state import StateFolder
from plugins.module_utils.system.failure import HostSideError
from tests.unit.plugins.unix_server import serving


def compose(folder: Path, name: str, place: str) -> str:
    """A Compose file of ours."""
    service = {
        "volumes": [f"{folder}/{place}/config:/etc/selextract:ro"],
        "networks": {"app": {"aliases": [name]}},
    }
    networks = {"app": {"external": True, "name": "edge"}}
    return json.dumps({"name": name, "services": {"balancer": service}, "networks": networks})


@contextmanager
def host_with(path: Path, *containers: tuple[str, str, str]) -> Iterator[str]:
    """A host with containers on the network ``edge``: by project, folder and alias there."""

    def answer(_method: str, asked: str, _body: bytes) -> tuple[int, bytes]:
        if asked.startswith("/containers/json"):
            wanted = [number for number, one in enumerate(containers) if "project%3D" not in asked or one[0] in asked]
            return 200, json.dumps([{"Id": str(number)} for number in wanted]).encode()
        project, folder, alias = containers[int(asked.split("/")[2])]
        labels = {
            "com.docker.compose.project": project,
            "com.docker.compose.service": "x",
            "com.docker.compose.project.working_dir": folder,
        }
        details: dict[str, Any] = {
            "Id": "1", "Name": f"/{project}-x-1", "Config": {"Labels": labels, "Image": "x"}, "HostConfig": {},
            "State": {"Pid": 1}, "NetworkSettings": {"Networks": {"edge": {"Aliases": [alias]}}},
        }  # fmt: skip
        return 200, json.dumps(details).encode()

    with serving(path / "d", answer) as socket:
        yield socket


@pytest.fixture
def shop(tmp_path: Path) -> ProjectState:
    folder = StateFolder(str(tmp_path / "state"))
    folder.prepare()
    return ProjectState(folder, "shop")


def test_names_are_noted_before_anything_comes(tmp_path: Path, shop: ProjectState) -> None:
    text = compose(tmp_path / "state", "shop-balancer", "projects/shop/balancer")
    with host_with(tmp_path) as socket:
        assert not take_names(shop, BALANCER, text, socket)
    assert shop.noted() == {BALANCER: OwnProject("shop-balancer", "projects/shop/balancer")}


def test_a_plan_of_version_0_1_gets_the_names_of_then(tmp_path: Path, shop: ProjectState) -> None:
    with host_with(tmp_path) as socket:
        assert take_names(shop, BALANCER, compose(tmp_path / "state", "selextract-balancer", "balancer"), socket)
    assert shop.beside(BALANCER) == OwnProject("selextract-balancer", "balancer")


def test_a_plan_for_other_names_than_what_is_there_is_to_be_made_again(tmp_path: Path, shop: ProjectState) -> None:
    Path(shop.place(BALANCER)).mkdir(parents=True)
    shop.folder.write(f"{shop.beside(BALANCER).folder}/settings.json", {"project": "shop"})
    with host_with(tmp_path) as socket, pytest.raises(HostSideError, match="make the plan again"):
        take_names(shop, BALANCER, compose(tmp_path / "state", "selextract-balancer", "balancer"), socket)


def test_a_name_that_is_somebody_elses_is_refused(tmp_path: Path, shop: ProjectState) -> None:
    text = compose(tmp_path / "state", "shop-balancer", "projects/shop/balancer")
    with (
        host_with(tmp_path, ("shop-balancer", "/srv/theirs", "x")) as socket,
        pytest.raises(HostSideError, match="is there already, in /srv/theirs; it is not shop's"),
    ):
        take_names(shop, BALANCER, text, socket)
    assert shop.noted() == {}


def test_on_a_shared_network_two_never_answer_to_one_name(tmp_path: Path) -> None:
    with host_with(tmp_path, ("app-pgbouncer", "/x", "pgbouncer")) as socket:
        refuse_taken_alias("edge", "pgbouncer", "app-pgbouncer", socket)
        refuse_taken_alias("other", "pgbouncer", "shop-pgbouncer", socket)
        with pytest.raises(HostSideError, match="app-pgbouncer-x-1 answers to pgbouncer on the network edge"):
            refuse_taken_alias("edge", "pgbouncer", "shop-pgbouncer", socket)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"name": "x", "services": {}}'])
def test_a_file_that_is_not_ours_is_refused(text: str) -> None:
    with pytest.raises(HostSideError, match="not one of ours"):
        names_in(text, "/var/lib/selextract-infra")


def test_files_stay_in_our_folder(tmp_path: Path, shop: ProjectState) -> None:
    with host_with(tmp_path) as socket, pytest.raises(HostSideError, match="another folder than ours"):
        take_names(shop, BALANCER, compose(Path("/etc"), "shop-balancer", "cron.d"), socket)
