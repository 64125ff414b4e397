"""Our file of settings and the line that includes it come and go, and nothing else changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.docker.containers import mount_of
from plugins.module_utils.postgres.configuration import FILE, Configuration, differing
from plugins.module_utils.system.failure import HostSideError

THEIRS = "# the app team's\nshared_buffers = 64MB"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "pgdata"
    folder.mkdir()
    (folder / "PG_VERSION").write_text("17\n")
    (folder / "postgresql.conf").write_text(THEIRS)
    return folder


def mounted(data: Path) -> dict[str, Any]:
    return {"Mounts": [{"Destination": "/var/lib/db", "Source": str(data.parent)}, {"Destination": "/", "Source": ""}]}


def configuration(data: Path, main: str = "/var/lib/db/pgdata/postgresql.conf") -> Configuration:
    return Configuration(mounted(data), "/var/lib/db/pgdata", main)


def test_the_file_is_included_last_and_taken_out_without_a_trace(data: Path) -> None:
    files = configuration(data)
    assert (files.text, files.included, files.owned) == (None, False, True)
    files.write("work_mem = 4MB\n")
    files.include()
    assert (data / FILE).read_text() == files.text == "work_mem = 4MB\n"
    assert (data / "postgresql.conf").read_text().startswith(THEIRS + "\n")
    assert (data / "postgresql.conf").read_text().splitlines()[-1] == f"include_if_exists = '{FILE}'"
    assert files.included
    files.exclude()
    files.write(None)
    assert (data / "postgresql.conf").read_text() == THEIRS + "\n"
    assert files.text is None


def test_a_main_file_elsewhere_is_the_app_teams(data: Path) -> None:
    assert not configuration(data, "/etc/postgresql/postgresql.conf").owned


def test_a_data_directory_on_no_volume_is_refused(data: Path) -> None:
    with pytest.raises(HostSideError, match="lies on no volume"):
        Configuration({"Mounts": []}, "/var/lib/db", "/var/lib/db/postgresql.conf")


def test_a_folder_that_holds_no_cluster_is_refused(data: Path) -> None:
    (data / "PG_VERSION").unlink()
    with pytest.raises(HostSideError, match="does not hold the data directory"):
        configuration(data)


def test_the_nearest_mount_counts() -> None:
    mounts = {"Mounts": [{"Destination": "/var"}, {"Destination": "/var/lib/db"}, {"Destination": "/var/lib/d"}]}
    assert mount_of(mounts, "/var/lib/db/pgdata") == {"Destination": "/var/lib/db"}
    assert mount_of(mounts, "/srv") is None


def test_values_are_compared_as_numbers_where_they_are_numbers() -> None:
    seen = {"a": {"value": "0.90"}, "b": {"value": "lz4"}, "c": {"value": "4096"}}
    assert differing(seen, {"a": "0.9", "b": "lz4", "c": "4096"}) == []
    assert differing(seen, {"a": "0.5", "b": "off", "c": "4096", "d": "1"}) == ["a", "b", "d"]
