"""The rendered files start real servers: every supported major version, in sizes from the lab's to a large one.

``scripts/postgres-servers`` installs the servers; servers of the distribution are used beside them.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.postgres.look import look_query
from scripts.pgtune import pgtune_settings
from selextract_infra.assess.postgres.parameters import PARAMETERS, VERSIONS, context_of
from selextract_infra.assess.postgres.proposal import Subject
from selextract_infra.assess.postgres.settings_for import tune_postgres
from selextract_infra.model.postgres import Role, Storage, Unit, Workload
from selextract_infra.model.postgres_conf import conf_text
from selextract_infra.model.postgres_observation import PostgresObservation
from selextract_infra.model.tuning import PostgresFacts, PostgresTuning
from selextract_infra.operations.tune.decide_postgres import retune_postgres
from selextract_infra.policy import default_policy

MB, GB = 1 << 20, 1 << 30
AS_ROOT = os.geteuid() == 0
INSTALLED = Path(
    "/var/cache/selextract-infra/postgres" if AS_ROOT else "~/.cache/selextract-infra/postgres"
).expanduser()
SIZES = {
    "lab": PostgresFacts(memory=256 * MB, cpus=0.5, connections=30, version=16, disk=20 * 10**9),
    "guide": PostgresFacts(memory=2 * GB, cpus=2, connections=50, version=16),
    "analytics": PostgresFacts(
        memory=8 * GB, cpus=4, version=16, role=Role.ANALYTICS, workload=Workload.DW, storage=Storage.NVME,
        disk=10**12, primary={"max_connections": 200, "max_wal_senders": 20, "max_locks_per_transaction": 128},
    ),
}  # fmt: skip


def _programs() -> dict[str, Path]:
    """Folders of server programs by name: a major version, or the distribution's."""
    found = {str(version): INSTALLED / str(version) / "bin" for version in VERSIONS}
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin")):
        if folder.parent.name in found:
            found[f"{folder.parent.name} of the distribution"] = folder
    return found


@dataclass(frozen=True)
class Server:
    """A data folder of one version; ``lz4`` tells whether its programs were built with it."""

    version: int
    programs: Path
    folder: Path
    lz4: bool = False

    def run(self, program: str, *arguments: str, feed: str = "") -> subprocess.CompletedProcess[str]:
        """Run one of its programs as somebody who is not root, which Postgres insists on."""
        return subprocess.run(
            [str(self.programs / program), *arguments], capture_output=True, text=True, check=False, timeout=120,
            input=feed, user="nobody" if AS_ROOT else None, cwd=self.folder,
            env={"PATH": os.defpath, "LC_ALL": "C"},
        )  # fmt: skip

    def answer(self, query: str) -> Any:
        """The JSON that a query returns, asked without a client: the server's own single-user mode."""
        said = self.run("postgres", "--single", "-j", "-D", str(self.folder / "data"), "postgres", feed=query + ";\n\n")
        found = re.search(r'= "(.*)"\s+\(typeid', said.stdout, re.DOTALL)
        assert found, said.stdout + said.stderr
        return json.loads(found[1])

    def start(self, text: str) -> str:
        """Start with these settings and stop again; what it said, empty when all went well."""
        data, log = self.folder / "data", self.folder / "log"
        (data / "conf.d" / "selextract.conf").write_text(text)
        log.unlink(missing_ok=True)
        started = self.run("pg_ctl", "-D", str(data), "-w", "-t", "60", "-l", str(log), "start")
        said = log.read_text() if log.exists() else started.stderr
        if started.returncode:
            return said or "it did not start"
        stopped = self.run("pg_ctl", "-D", str(data), "-w", "-t", "60", "-m", "fast", "stop")
        assert stopped.returncode == 0, stopped.stderr
        return "\n".join(line for line in said.splitlines() if "FATAL" in line or "WARNING" in line or "ERROR" in line)

    def value(self, name: str) -> str:
        """A parameter's value as the server reads it from its files, in the parameter's own unit."""
        asked = self.run("postgres", "-D", str(self.folder / "data"), "-C", name)
        assert asked.returncode == 0, asked.stderr
        return asked.stdout.strip()


@pytest.fixture(scope="module", params=list(_programs()))
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    programs = _programs()[request.param]
    if not (programs / "postgres").exists():
        pytest.fail(f"PostgreSQL {request.param} is not installed; scripts/postgres-servers installs it")
    folder = Path(tempfile.mkdtemp(prefix="selextract-postgres-"))
    made = Server(int(request.param.split()[0]), programs, folder)
    try:
        if AS_ROOT:
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        done = made.run("initdb", "-D", str(folder / "data"), "-N", "-A", "trust")
        assert done.returncode == 0, done.stderr
        (folder / "data" / "conf.d").mkdir()
        with (folder / "data" / "postgresql.conf").open("a") as file:
            file.write(
                f"listen_addresses = ''\nunix_socket_directories = '{folder}'\nfsync = off\ninclude_dir = 'conf.d'\n"
            )
        lz4 = made.run("postgres", "-D", str(folder / "data"), "-C", "wal_compression", "-c", "wal_compression=lz4")
        yield Server(made.version, programs, folder, lz4=lz4.returncode == 0)
    finally:
        shutil.rmtree(folder)


def tuned(server: Server, size: str) -> PostgresTuning:
    facts = SIZES[size].model_copy(update={"version": server.version, "lz4": server.lz4})
    return tune_postgres(facts, default_policy())


@pytest.mark.parametrize("size", SIZES)
def test_the_file_starts_a_server_that_takes_every_value(server: Server, size: str) -> None:
    tuning = tuned(server, size)
    assert server.start(conf_text(tuning)) == ""
    units = _units(server)
    for setting in tuning.settings:
        read = server.value(setting.name)
        if setting.unit is Unit.BYTES:
            assert int(read) * units[setting.name] == setting.value, setting.name
        elif setting.unit is Unit.SECONDS:
            assert int(read) == int(setting.value) * 1000, setting.name
        elif isinstance(setting.value, bool):
            assert read == ("on" if setting.value else "off"), setting.name
        elif isinstance(setting.value, str):
            assert read == setting.value, setting.name
        else:
            assert float(read) == setting.value, setting.name


def test_pgtunes_answer_starts_too(server: Server) -> None:
    tuning = tuned(server, "guide")
    theirs = pgtune_settings(2 * GB, 2, 50, Workload.WEB, Storage.SSD, server.version)
    kept = tuple(setting for setting in theirs if server.lz4 or setting.name != "wal_compression")
    assert server.start(conf_text(tuning.model_copy(update={"settings": kept}))) == ""


def test_a_file_that_cannot_work_does_not_start(server: Server) -> None:
    assert "must be less than" in server.start("max_connections = 3\nsuperuser_reserved_connections = 3\n")


def test_every_parameter_takes_effect_when_we_say(server: Server) -> None:
    described = server.run("postgres", "--describe-config")
    contexts = {line.split("\t")[0]: line.split("\t")[1] for line in described.stdout.splitlines()}
    assert {name: contexts.get(name) for name in PARAMETERS} == {
        name: context_of(name, server.version).value for name in PARAMETERS
    }


def test_what_is_looked_at_is_what_the_server_has(server: Server) -> None:
    (server.folder / "data" / "conf.d" / "selextract.conf").write_text(conf_text(tuned(server, "lab")))
    seen = PostgresObservation.model_validate(
        {"project": "shop", "service": "db", "container": "shop-db-1", **server.answer(look_query(PARAMETERS))}
    )
    assert (seen.version, seen.in_recovery, seen.lz4) == (server.version, False, server.lz4)
    assert seen.data_directory == str(server.folder / "data")
    assert seen.config_file.endswith("/data/postgresql.conf")
    assert seen.database_bytes
    assert seen.settings.keys() == PARAMETERS.keys()
    tuning = tuned(server, "lab")
    done = retune_postgres(tuning.facts, seen, default_policy(), subject=Subject("app1", "shop", "db"))
    assert (done.reload, done.restart, done.pinned) == ((), (), {})


def _units(server: Server) -> dict[str, int]:
    """What the numbers of byte-sized parameters count; the block sizes are those of every usual build."""
    blocks = {"shared_buffers", "effective_cache_size", "wal_buffers"}
    megabytes = {"min_wal_size", "max_wal_size", "max_slot_wal_keep_size"}
    assert server.value("block_size") == "8192"
    return {
        name: 8192 if name in blocks else MB if name in megabytes else 1024
        for name, parameter in PARAMETERS.items()
        if parameter.unit is Unit.BYTES
    }
