"""The generated settings start a real server of every supported major version, in a container of just that size."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator

import pytest

from selextract_infra.assess.postgres.parameters import VERSIONS
from selextract_infra.assess.postgres.settings_for import tune_postgres
from selextract_infra.lab import Lab
from selextract_infra.model.postgres_conf import conf_text
from selextract_infra.operations.tune.decide_postgres import raw_value
from selextract_infra.policy import default_policy
from tests.content.test_postgres_settings import INSTALLED, SIZES

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

HOME = "/srv/postgres"
START = """\
set -e
initdb=$(/pg/bin/initdb -D /tmp/data -N -A trust 2>&1) || { echo "$initdb"; exit 1; }
mkdir /tmp/data/conf.d
cat > /tmp/data/conf.d/tuned.conf
echo "include_dir = 'conf.d'" >> /tmp/data/postgresql.conf
echo "unix_socket_directories = '/tmp'" >> /tmp/data/postgresql.conf
/pg/bin/pg_ctl -D /tmp/data -w -t 60 -l /tmp/log start > /tmp/said || { cat /tmp/said /tmp/log; exit 1; }
alias ask="psql -XAtq -h /tmp -d postgres"
ask -c "CREATE TABLE t AS SELECT n, repeat('x', 100) AS filler FROM generate_series(1, 100000) n" \\
    -c "SELECT count(*) FROM (SELECT * FROM t ORDER BY filler, n DESC) o" > /tmp/counted
ask -c "SELECT json_object_agg(name, ARRAY[setting, unit]) FROM pg_settings"
if grep -E "FATAL|WARNING|ERROR" /tmp/log; then exit 1; fi
/pg/bin/pg_ctl -D /tmp/data -w -m fast stop > /tmp/said
"""


@pytest.fixture(scope="module", params=VERSIONS)
def version(request: pytest.FixtureRequest, lab: Lab) -> Iterator[int]:
    """A major version whose programs lie on the lab's host."""
    if not (INSTALLED / str(request.param) / "bin" / "postgres").exists():
        pytest.fail(f"PostgreSQL {request.param} is not installed; scripts/postgres-servers installs it")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(INSTALLED / str(request.param), arcname=".")
    lab.host().execute("mkdir", "-p", HOME)
    lab.host().execute("tar", "-x", "-C", HOME, feed=packed.getvalue(), timeout=120)
    yield request.param
    lab.host().execute("rm", "-rf", HOME)


@pytest.mark.parametrize("size", SIZES)
def test_the_settings_start_a_server_in_a_container_of_that_size(lab: Lab, version: int, size: str) -> None:
    facts = SIZES[size].model_copy(update={"version": version, "lz4": False})
    tuning = tune_postgres(facts, default_policy())
    said = lab.host().execute(
        "docker", "run", "--rm", "-i", "--init", "--user", "postgres", f"--memory={facts.memory}",
        f"--memory-swap={facts.memory}", f"--cpus={min(facts.cpus, 2)}", f"--shm-size={tuning.shm_size}",
        f"--volume={HOME}:/pg:ro", "selextract/stack:lab", "sh", "-c", START,
        feed=conf_text(tuning).encode(), timeout=240,
    )  # fmt: skip
    shown = json.loads(said.strip().splitlines()[-1])
    for setting in tuning.settings:
        value, unit = shown[setting.name]
        assert value == raw_value(setting, unit), setting.name
