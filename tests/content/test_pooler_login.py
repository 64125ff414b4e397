"""What PgBouncer needs in Postgres belongs to the superuser, whoever made something of that name before."""

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugins.module_utils.pgbouncer import login
from plugins.module_utils.pgbouncer.ini import AUTH_USER
from tests.content.test_postgres_settings import AS_ROOT, Server, _programs

CREATE = login._CREATE.replace("@DIGEST@", login._DIGEST)
LOOK = "SELECT row_to_json(looked) FROM (@LOOK@) looked".replace("@LOOK@", login._LOOK.strip())
FOREIGN = """
CREATE ROLE mallory LOGIN;
CREATE ROLE selextract_pooler LOGIN;
CREATE SCHEMA selextract_infra AUTHORIZATION mallory;
SET ROLE mallory;
CREATE FUNCTION selextract_infra.pooler_login(wanted text) RETURNS TABLE (username text, password text)
LANGUAGE sql AS $$ SELECT 'mallory', 'hers' $$;
RESET ROLE;
"""
OWNERS = """
SELECT json_build_array((SELECT nspowner::regrole FROM pg_namespace WHERE nspname = 'selextract_infra'),
  (SELECT proowner::regrole FROM pg_proc WHERE proname = 'pooler_login'))
"""


def _newest() -> tuple[str, Path]:
    there = {name: programs for name, programs in _programs().items() if (programs / "postgres").exists()}
    if not there:
        pytest.fail("No PostgreSQL is installed; scripts/postgres-servers installs it")
    return list(there.items())[-1]


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that is asked without a client, in its own single-user mode, as the superuser."""
    name, programs = _newest()
    folder = Path(tempfile.mkdtemp(prefix="selextract-postgres-"))
    made = Server(int(name.split()[0]), programs, folder)
    try:
        if AS_ROOT:
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        assert made.run("initdb", "-D", str(folder / "data"), "-N", "-A", "trust", "-U", "postgres").returncode == 0
        yield made
    finally:
        shutil.rmtree(folder)


def _execute(server: Server, *scripts: str) -> None:
    feed = "".join(script.strip() + "\n\n" for script in scripts)
    done = server.run("postgres", "--single", "-j", "-D", str(server.folder / "data"), "postgres", feed=feed)
    assert "ERROR" not in done.stderr, done.stderr


def test_a_schema_and_a_function_that_another_role_made_become_the_superusers(server: Server) -> None:
    _execute(server, FOREIGN.replace("selextract_pooler", AUTH_USER))
    _execute(server, CREATE)
    assert server.answer(OWNERS.strip()) == ["postgres", "postgres"]
    assert server.answer(LOOK) == {"role": True, "function": True}


def test_a_function_that_is_anothers_is_not_taken_for_ours(server: Server) -> None:
    _execute(server, FOREIGN.replace("selextract_pooler", AUTH_USER))
    _execute(server, f"COMMENT ON FUNCTION selextract_infra.pooler_login(text) IS '{login._DIGEST}';")
    assert server.answer(LOOK) == {"role": True, "function": False}
