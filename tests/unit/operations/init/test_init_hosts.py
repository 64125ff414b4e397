"""``init HOST`` writes an inventory whole or not at all, and never over what somebody has edited."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from selextract_infra.cli import build
from selextract_infra.hosts.look import LoginProbe
from selextract_infra.hosts.preflight import OutsideLook
from selextract_infra.hosts.runner import HostOutcome, PlaybookOutcome, PlaybookRun
from selextract_infra.policy import load_policy

SECRET = "hunter2-and-more"
OBSERVE = "selextract_infra.operations.init.observe"


def container(service: str, command: str, project: str | None = "shop", **more: Any) -> dict[str, Any]:
    """A container as a host describes it."""
    return {
        "name": f"{project}-{service}-1",
        "id": service,
        "project": project,
        "service": service if project else None,
        "directory": f"/srv/{project}",
        "image": "thing:1",
        "state": "running",
        "command": command.split(),
        "processes": [command.split()[0]],
        **more,
    }


WEB = container(
    "s1", "gunicorn shop:app",
    variables={"DATABASE_URL": "postgres://x:x@s2:5432/x", "WEB_CONCURRENCY": "4", "KEY": "x"},
    published=[{"inside": "8000", "outside": "8080", "address": ""}],
)  # fmt: skip
DATABASE = container("s2", "postgres", store="postgres")
DESCRIBED = {
    "facts": {"hostname": "shop", "machine_id": "1" * 32, "cpus": 2, "memory": 2**31},
    "user": "ops",
    "docker": "26.1",
    "containers": [WEB, DATABASE, container("s3", "sleep infinity"), container("alone", "x", project=None)],
    "names": {"s1": "s1", "s2": "s2"},
    "answers": {"8080": {"host": "127.0.0.1", "path": "/healthz", "status": 200, "tried": {"/healthz": 200}}},
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SELEXTRACT_BECOME_PASSWORD", raising=False)
    monkeypatch.setattr("selextract_infra.operations.init.follow_up.follow_up", lambda _inventory: None)
    monkeypatch.setattr(f"{OBSERVE}.look_from_outside", lambda *_: OutsideLook(local=False, key="known"))
    return tmp_path


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[PlaybookRun]]:
    """Let the host answer so, one answer for each look; returns what it was asked."""

    def let(*answers: dict[str, Any]) -> list[PlaybookRun]:
        asked: list[PlaybookRun] = []
        left = list(answers)

        def run_playbook(request: PlaybookRun, **_: Any) -> PlaybookOutcome:
            asked.append(request)
            given = left.pop(0) if len(left) > 1 else left[0]
            results = {"Describe the host": given["result"]} if "result" in given else {}
            said = {name: given.get(name, "") for name in ("message", "remedy", "stage")}
            outcome = HostOutcome(given.get("status", "ok"), results=results, **said)
            return PlaybookOutcome("successful", {request.hosts[0]: outcome}, 1.0)

        monkeypatch.setattr(f"{OBSERVE}.run_playbook", run_playbook)
        return asked

    return let


def init(*words: str) -> Result:
    """The command, as typed."""
    return CliRunner().invoke(build("init"), ["init", *words])


def test_what_was_seen_is_written_with_its_evidence_and_what_was_not_is_a_choice(
    folder: Path, answering: Callable[..., Any]
) -> None:
    answering({"result": DESCRIBED})
    answer = init("ops@shop:2222")
    assert answer.exit_code == 0, answer.output
    hosts = yaml.safe_load((folder / "inventories/shop/hosts.yml").read_text())["all"]["hosts"]
    assert hosts == {
        "shop": {"ansible_host": "shop", "ansible_user": "ops", "ansible_port": 2222, "ansible_become": False}
    }
    text = (folder / "inventories/shop/group_vars/all/policy.yml").read_text()
    written = yaml.safe_load(text)["selextract_policy"]
    assert written == {
        "profile": "own",
        "application": {
            "project": "shop",
            "directory": "/srv/shop",
            "services": {
                "s1": {
                    "role": "api",
                    "health": "http://127.0.0.1:8080/healthz",
                    "environment": {"dsn": "DATABASE_URL", "concurrency": "WEB_CONCURRENCY"},
                },
                "s2": {"role": "database"},
                "s3": {"role": "other"},
            },
        },
    }
    assert load_policy(written).application.services["s1"].environment.dsn == "DATABASE_URL"
    remarks = [line.partition("# ")[2] for line in text.splitlines() if ": " in line and not line.startswith("#")]
    assert all(remark.startswith(("seen: ", "choose: ")) for remark in remarks), text
    assert "choose: or api, frontend, worker; nothing says what it does" in text
    assert "there can only be one, because it has the port 8080 of the host" in text
    assert "left out: None-alone-1" in text


def test_again_only_what_differs_is_said_and_an_edit_stays(folder: Path, answering: Callable[..., Any]) -> None:
    answering({"result": DESCRIBED})
    assert init("shop").exit_code == 0
    file = folder / "inventories/shop/group_vars/all/policy.yml"
    edited = file.read_text().replace("role: other", "role: worker").replace("# choose", "# mine, was")
    file.write_text(edited)
    answering({"result": {**DESCRIBED, "containers": [WEB, DATABASE, container("s3", "sleep"), container("s4", "x")]}})
    answer = json.loads(init("shop", "--format", "json").stdout)
    assert answer["written"] is False
    place = "group_vars/all/policy.yml: selextract_policy.application.services"
    assert answer["differs"] == [
        f"{place}.s3.role is worker in your file and was seen as other.",
        f"{place}.s4 was seen as there and is not in your file.",
    ]
    assert file.read_text() == edited


def test_interrupted_while_it_is_written_nothing_is_left(
    folder: Path, answering: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    answering({"result": DESCRIBED})

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("selextract_infra.operations.init.inventory_files.os.fsync", full)
    answer = init("shop")
    assert str(answer.exception) == "inventories/shop cannot be written: No space left on device."
    assert list((folder / "inventories").iterdir()) == []


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"status": "unreachable", "message": "it does not answer", "remedy": "look", "stage": "network"},
         "shop: it does not answer."),
        ({"status": "failed", "message": "Python is not at /usr/bin/python3", "stage": "python"},
         "shop: Python is not at /usr/bin/python3."),
        ({"status": "failed", "message": "its disk is full", "stage": "disk"}, "shop: its disk is full."),
        ({"result": {**DESCRIBED, "containers": [], "problem": "Docker is not running on this host: nothing answers."}},
         "shop: Docker is not running on this host: nothing answers."),
        ({"result": {**DESCRIBED, "containers": [container("{{ lookup('pipe', 'id') }}", "x")]}},
         "a name or a folder is a template"),
        ({"result": {"facts": {"cpus": "many"}}}, "shop says what cannot be"),
    ],
)  # fmt: skip
def test_what_stands_in_the_way_is_one_sentence_and_nothing_is_written(
    folder: Path, answering: Callable[..., Any], given: dict[str, Any], sentence: str
) -> None:
    answering(given)
    answer = init("shop")
    assert sentence in str(answer.exception)
    assert not (folder / "inventories").exists()


def test_a_host_without_any_container_is_said_to_have_none(folder: Path, answering: Callable[..., Any]) -> None:
    answering({"result": {**DESCRIBED, "containers": []}})
    answer = init("shop")
    assert "shop runs no container, so there is nothing to map" in str(answer.exception)
    assert not (folder / "inventories").exists()


def test_root_is_asked_for_only_where_docker_is_shut_and_the_password_once(
    folder: Path, answering: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    shut = {**DESCRIBED, "containers": [], "problem": "Docker's socket may not be opened by this user; become root."}
    wanted = {
        "status": "failed", "stage": "become", "message": "becoming root asks for a password and none was given",
    }  # fmt: skip
    asked = answering({"result": shut}, wanted, {"result": DESCRIBED})
    monkeypatch.setenv("SELEXTRACT_BECOME_PASSWORD", SECRET)
    answer = init("ops@shop")
    assert answer.exit_code == 0, answer.output
    assert [request.values["hosts"]["shop"]["become"] for request in asked] == [False, True, True]
    assert [request.become_password for request in asked] == [None, None, SECRET]
    text = (folder / "inventories/shop/hosts.yml").read_text()
    assert SECRET not in text
    assert "seen: without root Docker's socket cannot be opened" in text
    monkeypatch.delenv("SELEXTRACT_BECOME_PASSWORD")
    answering({"result": shut}, wanted)
    refused = init("ops@shop", "--name", "other")
    remedy = str(getattr(refused.exception, "remedy", ""))
    assert "usermod -aG docker ops" in remedy
    assert "ops ALL=(root) NOPASSWD: /bin/sh -c echo BECOME-SUCCESS-*" in remedy
    assert not (folder / "inventories/other").exists()


def test_an_unknown_key_is_shown_with_the_command_that_accepts_it(
    folder: Path, answering: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = OutsideLook(local=False, look=LoginProbe(open=True), key="unknown", fingerprint="SHA256:abc")
    monkeypatch.setattr(f"{OBSERVE}.look_from_outside", lambda *_: shown)
    asked = answering({"result": DESCRIBED})
    answer = init("ops@[2001:db8::1]:22")
    assert str(answer.exception) == "The host key of 2001:db8::1 is not known here: it shows SHA256:abc."
    remedy = str(getattr(answer.exception, "remedy", ""))
    assert "ssh -o StrictHostKeyChecking=accept-new -p 22 ops@2001:db8::1 true" in remedy
    assert asked == []
    assert not (folder / "inventories").exists()


def test_without_a_host_or_a_file_both_ways_are_named() -> None:
    assert "Either hosts or Compose files" in str(init().exception)
