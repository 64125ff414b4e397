"""Nginx's include folder: files that it accepts and reads, or those from before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.nginx.include_files import Edge, longest_answer_in
from plugins.module_utils.state.state import StateFolder
from plugins.module_utils.system.failure import HostSideError
from tests.unit.plugins.unix_server import Answer, serving

FILES = {"selextract.http.conf": "# http\n", "selextract.server.conf": "# server\n"}


def nginx(folder: Path, asked: list[list[str]], complaint: str = "", left_out: str = "") -> Answer:
    """Docker with a running Nginx that includes the folder; ``complaint`` is what it says to its configuration."""
    labels = {"com.docker.compose.project": "selextract", "com.docker.compose.service": "nginx"}
    details = {
        "Id": "web", "Name": "/web", "Config": {"Labels": labels}, "HostConfig": {}, "State": {"Pid": 1},
        "Path": "/entry.sh", "Args": ["nginx", "-c", "/app/nginx.conf"],
    }  # fmt: skip

    def answer(_method: str, path: str, body: bytes) -> tuple[int, bytes]:
        if path.startswith("/containers/json"):
            return 200, b'[{"Id": "web"}]'
        if path.endswith("/exec"):
            asked.append(json.loads(body)["Cmd"])
            return 201, b'{"Id": "e"}'
        if path == "/exec/e/start":
            dump = "".join(f"# configuration file /x/{one.name}:\n" for one in folder.iterdir() if one.name != left_out)
            said, stream = (complaint, b"\2") if complaint else (dump, b"\1")
            return 200, stream + b"\0\0\0" + len(said).to_bytes(4, "big") + said.encode()
        if path == "/exec/e/json":
            return 200, json.dumps({"ExitCode": int(bool(complaint))}).encode()
        return 200, json.dumps(details).encode()

    return answer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "nginx.d"
    made.mkdir()
    return made


def state(tmp_path: Path) -> StateFolder:
    found = StateFolder(str(tmp_path / "state"))
    found.prepare()
    return found


def test_nginx_accepts_the_files_with_its_own_arguments_and_reads_them(tmp_path: Path, folder: Path) -> None:
    asked: list[list[str]] = []
    with serving(tmp_path / "s", nginx(folder, asked)) as socket:
        edge = Edge(state(tmp_path), socket, "selextract")
        assert edge.differs(str(folder), FILES)
        edge.write(str(folder), FILES, "selextract", "nginx")
    assert asked == [["nginx", "-c", "/app/nginx.conf", "-T"], ["nginx", "-c", "/app/nginx.conf", "-s", "reload"]]
    assert edge.files(str(folder)) == FILES
    assert not edge.differs(str(folder), FILES)
    edge.refuse_unread(str(folder))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (
            {"complaint": "nginx: [emerg] unknown directive\nnginx: test failed"},
            r"rejects its configuration: .*unknown",
        ),
        ({"left_out": "selextract.server.conf"}, r"does not include selextract\.server\.conf"),
    ],
)
def test_what_nginx_does_not_take_is_as_before(tmp_path: Path, folder: Path, wrong: Any, reason: str) -> None:
    (folder / "selextract.http.conf").write_text("# before\n")
    (folder / "own.conf").write_text("# the team's\n")
    asked: list[list[str]] = []
    with serving(tmp_path / "s", nginx(folder, asked, **wrong)) as socket:
        edge = Edge(state(tmp_path), socket, "selextract")
        with pytest.raises(HostSideError, match=reason):
            edge.write(str(folder), FILES, "selextract", "nginx")
    assert {one.name: one.read_text() for one in folder.iterdir()} == {
        "selextract.http.conf": "# before\n", "own.conf": "# the team's\n",
    }  # fmt: skip
    assert len(asked) == 1
    with pytest.raises(HostSideError, match="Nginx has not read our files"):
        edge.refuse_unread(str(folder))


def test_taking_them_away_leaves_the_teams_own(tmp_path: Path, folder: Path) -> None:
    (folder / "own.conf").write_text("# the team's\n")
    with serving(tmp_path / "s", nginx(folder, [])) as socket:
        edge = Edge(state(tmp_path), socket, "selextract")
        edge.write(str(folder), FILES, "selextract", "nginx")
        edge.write(str(folder), {}, "selextract", "nginx")
    assert [one.name for one in folder.iterdir()] == ["own.conf"]
    assert edge.read_by_nginx == {}


def test_uninstalled_it_leaves_no_switch_and_no_file(tmp_path: Path, folder: Path) -> None:
    with serving(tmp_path / "s", nginx(folder, [])) as socket:
        edge = Edge(state(tmp_path), socket, "selextract")
        edge.write(str(folder), FILES, "selextract", "nginx")
        edge.switch(str(folder), "balancer", True)
        edge.take_away()
        edge.take_away()
    assert not list(folder.iterdir())
    assert edge.read_by_nginx == {}


def test_a_switch_is_a_file(tmp_path: Path, folder: Path) -> None:
    edge = Edge(state(tmp_path), "", "selextract")
    assert not edge.is_on(str(folder), "caching")
    edge.switch(str(folder), "caching", True)
    edge.switch(str(folder), "caching", True)
    assert (folder / "selextract.caching.on").exists()
    assert edge.files(str(folder)) == {}
    edge.switch(str(folder), "caching", False)
    edge.switch(str(folder), "caching", False)
    assert not edge.is_on(str(folder), "caching")
    with pytest.raises(HostSideError, match="not the name of a switch"):
        edge.switch(str(folder), "../caching", True)


def test_names_that_are_not_ours_are_never_written(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(HostSideError, match="not one of ours"):
        Edge(state(tmp_path), "", "selextract").write(str(folder), {"../nginx.conf": ""}, "selextract", "nginx")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("server { }", 60.0),
        ("  proxy_read_timeout 300s;\n", 300.0),
        ("proxy_read_timeout 30;\nlocation /ws { proxy_read_timeout 1h 30m; }", 5400.0),
        ("# proxy_read_timeout 900s;\nproxy_read_timeout 500ms;\n", 0.5),
        ("location / { proxy_pass http://api; proxy_read_timeout 2m; }", 120.0),
    ],
)
def test_how_long_nginx_waits_is_the_longest_that_is_written_anywhere(text: str, seconds: float) -> None:
    assert longest_answer_in(text) == seconds
