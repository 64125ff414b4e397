"""How our file takes effect in a team's own project, in each form: their commands work, nothing restarts, all goes."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from selextract_infra.lab import Lab
from tests.lab.modules import MIB, Shop

pytestmark = pytest.mark.lab

DIRECTORY = "/srv/kiosk"
SERVICE = 'image: "selextract/stack:lab", command: sleep infinity, init: true'
WEB = f'web: {{{SERVICE}, environment: {{A: "${{A}}"}}, mem_limit: 64m, memswap_limit: 64m}}'
MAIN = f"services:\n  {WEB}\n  db: {{{SERVICE}}}\n"
MAIN_WITH_ENV_FILE = f"services:\n  {WEB}\n  db: {{{SERVICE}, env_file: .env}}\n"
MORE = "services: {web: {environment: {MORE: '1'}}}\n"
WANTED = {"web": {"mem_limit": 48 * MIB, "memswap_limit": 48 * MIB}}


@dataclass
class Kiosk:
    """A small project of another team, and the modules that work on it."""

    shop: Shop
    command: str = "docker compose"

    def has(self, **files: str) -> None:
        """Put files into the folder, each with a mode and an owner that are not root's; `_` stands for a dot."""
        for name, text in files.items():
            path = f"{DIRECTORY}/{name.replace('__', '-').replace('_', '.')}"
            self.shop.lab.host("app1").execute("tee", path, feed=text.encode())
            self.shell(f"chown 1234:4321 {path} && chmod 0640 {path}")

    def shell(self, command: str) -> str:
        return self.shop.shell(f"cd {DIRECTORY} && {command}")

    def up(self) -> str:
        return self.shell(f"{self.command} up -d 2>&1")

    def would(self) -> str:
        """What the team's next `up` would do, by service."""
        shown = self.shell(f"{self.command} up -d --dry-run 2>&1")
        words = ("Recreate", "Create", "Start", "Stop", "Remov")
        return "".join(line + "\n" for line in shown.splitlines() if any(word in line for word in words))

    def tree(self) -> str:
        """Every file of the folder: name, owner, mode, content."""
        return self.shell("for f in $(ls -A | sort); do stat -c '%n %u:%g %a' $f; sha256sum < $f; done")

    def database(self) -> str:
        return self.shop.inspect("kiosk-db-1", "{{.Id}} {{.State.StartedAt}}")

    def write(self, services: dict[str, Any] | None = None) -> dict[str, Any]:
        about: dict[str, Any] = {"project": "kiosk", "directory": DIRECTORY}
        return self.shop.step("capacity_file", **about, services=services or WANTED)

    def merged(self) -> Any:
        return json.loads(self.shell(f"{self.command} config --format json"))["services"]["web"]

    def attachment(self) -> dict[str, Any]:
        seen = self.shop.module("observe_host", history_window=0)["observation"]["projects"]
        return dict(next(project["attachment"] for project in seen if project["name"] == "kiosk"))


@pytest.fixture
def kiosk(lab: Lab) -> Iterator[Kiosk]:
    made = Kiosk(Shop(lab))
    gone = (
        "docker ps -aq --filter label=com.docker.compose.project=kiosk | xargs -r docker rm -f >/dev/null;"
        f" docker network rm kiosk_default >/dev/null 2>&1; rm -rf {DIRECTORY}"
        " /var/lib/selextract-infra/projects/kiosk /var/lib/selextract-infra/lock.json"
    )
    lab.ssh("app1", f"{gone}; mkdir -p {DIRECTORY}", timeout=60)
    made.shop.begin()
    yield made
    lab.ssh("app1", f"{gone}; rm -f /var/lib/selextract-infra/runs/{made.shop.run_id}.json", timeout=60)


def override(kiosk: Kiosk) -> None:
    kiosk.has(docker__compose_yml=MAIN_WITH_ENV_FILE, _env="A=1\nB=two words")


def extended_entry(kiosk: Kiosk) -> None:
    kiosk.has(base_yml=MAIN, more_yml=MORE, _env="A=1\nCOMPOSE_FILE='base.yml:more.yml' # both\nB=2")


def new_entry(kiosk: Kiosk) -> None:
    kiosk.has(compose_yaml=MAIN, compose_override_yaml=MORE, _env="A=1")


def named_by_the_teams_command(kiosk: Kiosk) -> None:
    kiosk.has(base_yml=MAIN, prod_yml=MORE, compose_capacity_yml="services: {}\n", _env="A=1\n")
    kiosk.command = "docker compose -f base.yml -f prod.yml -f compose.capacity.yml"


@pytest.mark.parametrize("form", [override, extended_entry, new_entry, named_by_the_teams_command])
def test_the_teams_commands_go_on_and_the_database_is_never_touched(kiosk: Kiosk, form: Any) -> None:
    form(kiosk)
    kiosk.up()
    before, database = kiosk.tree(), kiosk.database()
    written = kiosk.write()
    assert not written["failed"], written
    assert kiosk.merged()["mem_limit"] == str(48 * MIB)
    assert ("MORE" in kiosk.merged()["environment"]) is (form is not override)
    assert "kiosk-db" not in kiosk.would()
    assert "kiosk-web-1" in kiosk.would()  # limits of a file are in the hash, so the team's next `up` recreates it once
    seen = kiosk.attachment()
    assert (seen["attached"], seen["problem"], seen["refusal"]) == (True, None, None)
    kiosk.up()
    assert kiosk.would() == ""
    assert kiosk.attachment()["problem"] is None
    assert kiosk.shop.module("capacity_file", state="absent")["removed_from"] == [DIRECTORY]
    assert kiosk.tree() == before
    assert "kiosk-db" not in kiosk.would()
    kiosk.up()
    assert kiosk.database() == database


def command_of_the_team(kiosk: Kiosk) -> None:
    kiosk.has(base_yml=MAIN, prod_yml=MORE, _env="A=1\n")
    kiosk.command = "docker compose -f base.yml -f prod.yml"


def environment_file_of_a_service(kiosk: Kiosk) -> None:
    kiosk.has(compose_yaml=MAIN_WITH_ENV_FILE, compose_override_yml=MORE, _env="A=1\n")


def entry_in_such_a_file(kiosk: Kiosk) -> None:
    kiosk.has(base_yml=MAIN_WITH_ENV_FILE, _env="A=1\nCOMPOSE_FILE=base.yml\n")


@pytest.mark.parametrize("form", [command_of_the_team, environment_file_of_a_service, entry_in_such_a_file])
def test_where_there_is_no_way_it_is_refused_and_the_folder_is_as_it_was(kiosk: Kiosk, form: Any) -> None:
    form(kiosk)
    kiosk.up()
    before = kiosk.tree()
    refused = kiosk.write()
    assert (refused["kind"], refused["rule"]) == ("refused", "attachment")
    assert "compose.capacity.yml" in refused["msg"]
    assert kiosk.attachment()["refusal"] == refused["msg"]
    assert kiosk.tree() == before
    assert kiosk.would() == ""


def test_the_line_of_the_old_version_moves_before_it_restarts_the_database(kiosk: Kiosk) -> None:
    kiosk.has(compose_yaml=MAIN_WITH_ENV_FILE, _env="A=1\n")
    kiosk.up()
    before, database = kiosk.tree(), kiosk.database()
    old_attachment(kiosk)
    assert "kiosk-db-1" in kiosk.would()
    assert "goes out again" in kiosk.attachment()["note"]
    moved = kiosk.write()
    assert "env_file of db" in moved["notes"][0]
    assert kiosk.shell("ls").split() == ["compose.override.yml", "compose.yaml"]
    assert "kiosk-db" not in kiosk.would()
    kiosk.up()
    kiosk.shop.module("capacity_file", state="absent")
    assert kiosk.tree() == before
    kiosk.up()
    assert kiosk.database() == database


def test_the_line_stays_where_the_database_has_it_by_now(kiosk: Kiosk) -> None:
    kiosk.has(compose_yaml=MAIN_WITH_ENV_FILE, _env="A=1\n")
    old_attachment(kiosk)
    kiosk.up()
    database = kiosk.database()
    assert "in the environment of db; it stays" in kiosk.write()["notes"][0]
    kiosk.up()
    assert kiosk.database() == database


def old_attachment(kiosk: Kiosk) -> None:
    """As version 0.1 left it: our file named in `.env`, and what that said before in the state folder."""
    names = f"{DIRECTORY}/compose.yaml:{DIRECTORY}/compose.capacity.yml"
    kiosk.has(
        compose_capacity_yml="# Written by selextract-infra: limits.\nservices:\n  web:\n    mem_limit: 60000000\n"
    )
    kiosk.shell(f"echo COMPOSE_FILE={names} >> .env")
    about = {"project": "kiosk", "existed": True, "raw": None, "ours": names, "gap_added": False}
    kiosk.shell(
        "rm -rf /var/lib/selextract-infra/format.json /var/lib/selextract-infra/projects/kiosk;"
        f" echo {shlex.quote(json.dumps({DIRECTORY: about}))} > /var/lib/selextract-infra/capacity.json"
    )
    kiosk.shop.begin()  # whoever takes the lock brings the state into today's layout


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("mv compose.override.yml away.yml", "is gone or has another name"),
        ("echo COMPOSE_FILE=compose.yaml >> .env", "names the files since, and not compose.override.yml"),
        ("cp compose.yaml docker-compose.override.yml", "not docker-compose.override.yml, which came beside it"),
        ("cp compose.yaml compose.override.yml", "is no longer ours"),
        ("docker compose -f compose.yaml up -d --force-recreate web 2>&1", "came without compose.override.yml"),
    ],
)
def test_what_keeps_our_file_from_taking_effect_later_is_said(kiosk: Kiosk, change: str, words: str) -> None:
    kiosk.has(compose_yaml=MAIN, _env="A=1\n")
    kiosk.up()
    kiosk.write()
    assert kiosk.attachment()["problem"] is None
    kiosk.shell(change)
    assert words in kiosk.attachment()["problem"]
