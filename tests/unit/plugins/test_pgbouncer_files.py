from __future__ import annotations

import configparser
import copy
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.pgbouncer.folder import Place, compose_text, known_projects
from plugins.module_utils.pgbouncer.ini import (
    AUTH_DATABASE,
    CONFIG,
    RUN,
    SUPERVISOR,
    login_file,
    rendered,
    rendered_shared,
    settings_of,
)
from plugins.module_utils.state.state import StateFolder
from plugins.module_utils.system.failure import HostSideError
from tests.unit.waiting import until

PLACE = {"host": "postgres", "port": 5432}
WANTED: dict[str, Any] = {
    "image": "pgbouncer:1.24",
    "memory": 64 << 20,
    "cpus": 1.0,
    "host": "pgbouncer",
    "port": 6432,
    "files": 2000,
    "server": {**PLACE, "service": "postgres", "superuser": "postgres", "socket": None},
    "databases": {
        "orders": {**PLACE, "database": "orders", "pool": 12, "reserve": 4, "most": 16, "shared": 7},
        "orders_ro": {**PLACE, "database": "orders", "pool": 3, "reserve": 0, "most": 3, "shared": 1},
    },
    "pools": {"pool": 12, "reserve": 4, "login": 2, "shared_login": 1, "clients": 1000},
    "prepared_statements": 200,
    "query_wait": 120.0,
    "certificate": None,
}


def parsed(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=(";",))

    parser.read_string(text)
    return parser


def test_the_file_says_what_was_wished_and_how_to_log_in_and_no_secret() -> None:
    ini = parsed(rendered(WANTED))
    assert ini["databases"]["orders"] == (
        "host=postgres port=5432 dbname=orders pool_size=12 reserve_pool_size=4 max_db_connections=16"
    )
    assert "max_db_connections=3" in ini["databases"]["orders_ro"]
    assert "dbname=postgres" in ini["databases"][AUTH_DATABASE]
    said = ini["pgbouncer"]
    assert (said["auth_type"], said["pool_mode"], said["so_reuseport"]) == ("scram-sha-256", "transaction", "1")
    assert (said["max_client_conn"], said["max_prepared_statements"]) == ("1000", "200")
    assert said["auth_query"] == "SELECT username, password FROM selextract_infra.pooler_login($1)"
    assert "password" not in rendered(WANTED).replace(said["auth_query"], "")


def test_equal_wishes_give_equal_bytes_and_keys_are_sorted() -> None:
    other = copy.deepcopy(WANTED)
    other["databases"] = dict(reversed(other["databases"].items()))
    assert rendered(other) == rendered(WANTED)
    assert list(settings_of(WANTED)) == sorted(settings_of(WANTED))


def test_the_file_ends_in_its_last_section_so_that_each_process_adds_its_own() -> None:
    assert rendered(WANTED).rstrip().splitlines()[-1] == "stats_users ="
    assert rendered(WANTED).index("[pgbouncer]") > rendered(WANTED).index("[peers]")
    assert "[pgbouncer]" not in SUPERVISOR


def test_two_processes_have_the_same_databases_and_half_of_the_connections_each() -> None:
    ini = parsed(rendered_shared(WANTED))
    assert ini["databases"]["orders"] == (
        "host=postgres port=5432 dbname=orders pool_size=7 reserve_pool_size=0 max_db_connections=7"
    )
    assert "max_db_connections=1" in ini["databases"]["orders_ro"]
    assert "max_db_connections=1" in ini["databases"][AUTH_DATABASE]
    assert ini.sections() == ["databases"]


@pytest.mark.parametrize("name", ["a b", "a;b", "a\nb", "x=y", "", "-x", "a'b"])
def test_a_name_that_would_need_quoting_is_refused(name: str) -> None:
    wanted = copy.deepcopy(WANTED)
    wanted["databases"]["orders"]["database"] = name
    with pytest.raises(HostSideError, match="cannot be a name"):
        rendered(wanted)


def test_the_supervisor_is_a_shell_script() -> None:
    done = subprocess.run(["sh", "-n"], input=SUPERVISOR, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


STAND_IN = f"""\
#!{sys.executable}
# Notes at each reload which file it was given last, as PgBouncer reads it, and ends when it is told to.
import os, pathlib, signal, sys
ini = pathlib.Path(sys.argv[1])
def reload(*_):
    last = pathlib.Path(ini.read_text().split()[-1])
    pathlib.Path(str(ini) + ".read").write_text("read: " + last.read_text())
signal.signal(signal.SIGHUP, reload)
signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
pathlib.Path(str(ini) + ".runs").write_text(str(os.getpid()))
while True:
    signal.pause()
"""


class Supervised:
    """The supervisor with stand-ins for PgBouncer and for the lookup of names."""

    def __init__(self, folder: Path) -> None:
        self.run, self.addresses = folder / "run", folder / "addresses"
        config, programs = folder / "config", folder / "bin"
        for path in (self.run, config, programs):
            path.mkdir()
        (config / "pgbouncer.ini").write_text(rendered(WANTED))
        (config / "shared.ini").write_text(rendered_shared(WANTED))
        self.addresses.write_text("172.20.0.2 STREAM postgres")
        for name, text in (("pgbouncer", STAND_IN), ("getent", f"#!/bin/sh\ncat {self.addresses}\n")):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        script = SUPERVISOR.replace(RUN, str(self.run)).replace(CONFIG, str(config)).replace("waits=90", "waits=2")
        environment = {"PATH": f"{programs}:{os.environ['PATH']}"}
        # What was ignored before a shell began, as by nohup, it cannot hear.
        self.process = subprocess.Popen(["env", "--default-signal", "sh", "-c", script], env=environment)

    def told(self, number: int) -> str:
        """The databases that a process has read last."""
        seen = self.run / f"{number}.ini.read"
        return seen.read_text() if seen.exists() else ""

    def runs(self, number: int) -> int:
        """The PID of a process, 0 before it runs."""
        noted = self.run / f"{number}.ini.runs"
        return int(noted.read_text() or 0) if noted.exists() else 0


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Supervised]:
    supervised = Supervised(tmp_path)
    try:
        yield supervised
    finally:
        supervised.process.terminate()
        supervised.process.wait(timeout=20)


def test_two_processes_share_until_one_has_ended(supervised: Supervised) -> None:
    half, whole, told, runs = "pool_size=7 ", "pool_size=12 ", supervised.told, supervised.runs
    until(lambda: runs(1))
    supervised.process.send_signal(signal.SIGHUP)
    until(lambda: half in told(1))
    until(lambda: whole in told(1))  # no second one came
    supervised.process.send_signal(signal.SIGHUP)
    until(lambda: half in told(1))
    supervised.process.send_signal(signal.SIGUSR1)
    until(lambda: runs(2))
    assert half in (supervised.run / "databases.ini").read_text()
    os.kill(runs(1), signal.SIGINT)
    until(lambda: whole in told(2))
    supervised.process.terminate()
    assert supervised.process.wait(timeout=20) == 0
    assert not Path(f"/proc/{runs(2)}").exists()


def test_pgbouncer_is_given_the_address_that_a_server_has_now(supervised: Supervised) -> None:
    until(lambda: supervised.runs(1))
    assert "host=172.20.0.2 port=5432" in (supervised.run / "databases.ini").read_text()
    supervised.addresses.write_text("172.20.0.7 STREAM postgres")
    until(lambda: "host=172.20.0.7 port=5432" in supervised.told(1))
    assert "host=postgres" not in supervised.told(1)


def test_a_server_that_nobody_knows_just_now_and_one_of_several_addresses_change_nothing(
    supervised: Supervised,
) -> None:
    until(lambda: supervised.runs(1))
    looks = supervised.run.parent / "looks"
    script = f"#!/bin/sh\necho x >> {looks}\ncat {supervised.addresses}\n"
    (supervised.run.parent / "bin/getent").write_text(script)
    for answer in ("", "172.20.0.9 STREAM postgres\n172.20.0.2 STREAM postgres"):
        supervised.addresses.write_text(answer)
        looks.write_text("")
        until(lambda: len(looks.read_text()) > 2)
    assert supervised.told(1) == ""
    assert "host=172.20.0.2 port=5432" in (supervised.run / "databases.ini").read_text()


def test_the_container_may_do_nothing_but_what_it_needs(tmp_path: Path) -> None:
    place = Place(StateFolder(str(tmp_path)), "shop")
    content = json.loads(compose_text(place, WANTED, "shop_default"))
    service = content["services"]["pgbouncer"]
    assert content["networks"]["app"] == {"name": "shop_default", "external": True}
    assert "ports" not in service
    assert (service["read_only"], service["cap_drop"], service["user"]) == (True, ["ALL"], "6432:6432")
    assert service["networks"]["app"]["aliases"] == ["pgbouncer"]
    assert "environment" not in service


def test_what_is_in_force_is_noted_by_project(tmp_path: Path) -> None:
    folder = StateFolder(str(tmp_path))
    first, second = Place(folder, "shop"), Place(folder, "blog")
    assert first.record() is None
    first.note(WANTED)
    second.note({"port": 6432})
    assert known_projects(folder) == ["blog", "shop"]
    first.note(None)
    assert (first.record(), second.record()) == (None, {"port": 6432})
    second.note(None)
    assert not (tmp_path / "projects/shop/pgbouncer.json").exists()


def test_files_are_written_once_and_only_pgbouncer_reads_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "chown", lambda *_: None)
    monkeypatch.setattr(os, "fchown", lambda *_: None)
    place = Place(StateFolder(str(tmp_path)), "shop")
    assert not place.exists
    assert place.differs(WANTED)
    password = place.new_password()
    place.write(WANTED, "shop_default")
    assert place.password() == password
    assert len(password) >= 40
    assert not place.differs(WANTED)
    certificate = (tmp_path / "projects/shop/pgbouncer/config/tls.crt").read_text()
    place.write(WANTED, "shop_default")
    assert (tmp_path / "projects/shop/pgbouncer/config/tls.crt").read_text() == certificate
    assert certificate.startswith("-----BEGIN CERTIFICATE-----")
    config = tmp_path / "projects/shop/pgbouncer/config"
    modes = {path.name: path.stat().st_mode & 0o777 for path in config.iterdir()}
    assert (modes["userlist.txt"], modes["tls.key"], modes["pgbouncer.ini"]) == (0o600, 0o600, 0o640)
    assert password not in (tmp_path / "projects/shop/pgbouncer/compose.yml").read_text()
    place.remove()
    assert not (tmp_path / "projects/shop/pgbouncer").exists()


def test_the_login_file_has_one_user() -> None:
    assert login_file("abc-DEF_1") == '"selextract_pgbouncer" "abc-DEF_1"\n'
