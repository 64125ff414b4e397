"""A machine without the means for a lab is told what is missing and how to get it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from selextract_infra.errors import LabUnavailableError
from selextract_infra.lab.machine import look


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with an ssh client and nothing else."""
    for name in ("ssh", "ssh-keygen"):
        found = shutil.which(name)
        assert found
        (tmp_path / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_without_an_ssh_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabUnavailableError, match="needs the program ssh"):
        look()


def test_without_docker(programs: Path) -> None:
    with pytest.raises(LabUnavailableError, match="Docker is not installed") as told:
        look()
    assert told.value.remedy
    assert "scripts/machine" in told.value.remedy


def _client(programs: Path, complaint: str) -> None:
    client = programs / "docker"
    client.write_text(f"#!/bin/sh\necho '{complaint}' >&2\nexit 1\n")
    client.chmod(0o755)


def test_with_an_engine_that_does_not_run(programs: Path) -> None:
    _client(programs, "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.")
    with pytest.raises(LabUnavailableError, match="engine does not answer") as told:
        look()
    assert told.value.exit_code == 2


def test_as_a_user_who_may_not_use_docker(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _client(programs, "permission denied while trying to connect to the Docker daemon socket")
    sudo = programs / "sudo"
    sudo.write_text("#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n")
    sudo.chmod(0o755)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(LabUnavailableError, match="You may not use Docker") as told:
        look()
    assert told.value.remedy
    assert "group" in told.value.remedy or "-aG docker" in told.value.remedy
