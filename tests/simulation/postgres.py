"""A Postgres server in memory: the role, function and settings of ours, asked as ``psql`` would ask it."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from base64 import b64decode
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from plugins.module_utils.postgres.scram import scram_keys
from tests.simulation.engine import SimulatedEngine

__all__ = ["SimulatedPostgres"]

_KEPT = "postgres"
_DEFAULTS = {"shared_buffers": "16384", "max_connections": "100", "work_mem": "4096", "random_page_cost": "4"}
_AT_START = ("shared_buffers", "max_connections")
_DIGEST = re.compile(r"selextract-infra [0-9a-f]{16}")
_PASSWORD = re.compile(r"(CREATE|ALTER) ROLE (\w+) .*PASSWORD '([^']+)'", re.DOTALL)
_NAMES = re.compile(r"'(\w+)'")
_ROWS = re.compile(r"SELECT coalesce\(json_agg\(q\), '\[\]'\) FROM \((.*)\) q;", re.DOTALL)
_LINE = re.compile(r"^(\w+)\s*=\s*'?([^'\n]*)'?\s*$", re.MULTILINE)
OUR_FILE, MAIN_FILE = "conf.d/selextract-infra.conf", "postgresql.conf"
DATA = "/var/lib/postgresql/data"


@dataclass
class SimulatedPostgres:
    """The server of the service ``db``. What it keeps goes back with the engine's state, see ``SimulatedEngine``."""

    engine: SimulatedEngine

    @property
    def kept(self) -> dict[str, Any]:
        """Its roles and functions, and the settings that are in force."""
        return dict(self.engine.programs.setdefault(_KEPT, {"roles": {}, "function": "", "settings": dict(_DEFAULTS)}))

    def changes(self, statements: str) -> bool:
        """Whether that is more than a question."""
        return not statements.lstrip().startswith("SELECT") or "pg_reload_conf" in statements

    def answer(self, container: dict[str, Any], statements: str) -> tuple[int, str, str]:
        """Exit code, output and complaints of ``psql``."""
        if not self.engine.healthy(container):
            return 2, "", "psql: error: FATAL:  the database system is starting up\n"
        asked = _ROWS.fullmatch(statements.strip())
        if asked:
            return 0, json.dumps(self._rows(asked[1])), ""
        return self._done(statements)

    def knows(self, role: str, password: str) -> bool:
        """Whether that login is one."""
        return _proves(self.kept["roles"].get(role, ""), password)

    def begin(self, container: dict[str, Any]) -> None:
        """Make the data directory where there is none, and read the files in it."""
        folder = self._folder(container)
        if not folder.exists():
            folder.mkdir(parents=True)
            (folder / "PG_VERSION").write_text("16\n", encoding="utf-8")
            (folder / MAIN_FILE).write_text("# the team's own\n", encoding="utf-8")
        self._put(settings={**_DEFAULTS, **self._files(container)})

    def _rows(self, query: str) -> list[dict[str, Any]]:
        kept = self.kept
        waiting = [name for name, value in self._wanted().items() if kept["settings"].get(name) != value]
        answers = {
            "superuser_reserved_connections": [
                {
                    "version": 16,
                    "in_recovery": False,
                    "maximum": int(kept["settings"]["max_connections"]),
                    "reserved": 3,
                }
            ],
            "obj_description": [
                {"role": self._role in kept["roles"], "function": _digest(query) == kept["function"] != ""}
            ],
            "rolpassword IS NULL": [{"why": ""}],
            "AS found": [{"found": self._role in kept["roles"]}],
            "AS standby": [{"standby": False, "waiting": len(waiting)}],
            "data_directory": [{"data": DATA, "main": f"{DATA}/{MAIN_FILE}"}],
            "pg_file_settings": [],
            "pending_restart": [{"name": name} for name in waiting],
        }
        return next(rows for words, rows in answers.items() if words in query)

    def _done(self, statements: str) -> tuple[int, str, str]:
        role = _PASSWORD.search(statements)
        roles = dict(self.kept["roles"])
        if role:
            if (role[1] == "CREATE") == (role[2] in roles):
                return 3, "", f'psql:<stdin>:1: ERROR:  role "{role[2]}" is not to be made so\n'
            self._put(roles={**roles, role[2]: role[3]})
        elif "CREATE OR REPLACE FUNCTION" in statements:
            self._put(function=_digest(statements))
        elif "DROP ROLE IF EXISTS" in statements:
            roles.pop(self._role, None)
            self._put(roles=roles, function="")
        elif "pg_reload_conf" in statements:
            now = self.kept["settings"]
            self._put(settings={**self._wanted(), **{name: now[name] for name in _AT_START}})
        elif "json_object_agg" in statements:
            return 0, json.dumps(self._in_force(statements)), ""
        elif statements.strip() not in ("CHECKPOINT;", "SELECT 1;"):
            raise AssertionError(statements)
        return 0, "", ""

    def _in_force(self, statements: str) -> dict[str, Any]:
        settings, wanted = self.kept["settings"], self._wanted()
        return {
            name: {
                "value": settings[name], "unit": None, "source": "configuration file", "file": f"{DATA}/{MAIN_FILE}",
                "pending_restart": settings[name] != wanted.get(name),
            }
            for name in _NAMES.findall(statements) if name in settings
        }  # fmt: skip

    @property
    def _role(self) -> str:
        return "selextract_pgbouncer"

    def _put(self, **values: Any) -> None:
        self.engine.programs[_KEPT] = {**self.kept, **values}

    def _wanted(self) -> dict[str, str]:
        container = next(one for one in self.engine.containers.values() if self.engine.service_of(one) == "db")
        return {**_DEFAULTS, **self._files(container)}

    def _files(self, container: dict[str, Any]) -> dict[str, str]:
        """What the main file and what it includes say; later lines win."""
        folder = self._folder(container)
        said: dict[str, str] = {}
        main = folder / MAIN_FILE
        for line in main.read_text(encoding="utf-8").splitlines() if main.exists() else []:
            included = folder / OUR_FILE
            text = included.read_text("utf-8") if line.startswith("include_if_exists") and included.exists() else line
            said.update({name: value for name, value in _LINE.findall(text) if name in _DEFAULTS})
        return said

    def _folder(self, container: dict[str, Any]) -> Path:
        return Path(next(str(mount["Source"]) for mount in container["Mounts"] if mount["Destination"] == DATA))


def _digest(text: str) -> str:
    found = _DIGEST.search(text)
    return found[0] if found else ""


@lru_cache(maxsize=256)
def _proves(verifier: str, password: str) -> bool:
    if not verifier.startswith("SCRAM-SHA-256$"):
        return False
    _, parameters, keys = verifier.split("$")
    iterations, salt = parameters.split(":")
    client_key, _ = scram_keys(password, b64decode(salt), int(iterations))
    return hmac.compare_digest(hashlib.sha256(client_key).digest(), b64decode(keys.split(":")[0]))
