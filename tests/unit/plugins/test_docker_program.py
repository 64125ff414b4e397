"""Containers are removed, or it is said that they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugins.module_utils.docker.program import remove_containers
from plugins.module_utils.system.failure import HostSideError


def docker_that(folder: Path, monkeypatch: pytest.MonkeyPatch, *, complains: str, code: int) -> None:
    """A ``docker`` that says so and ends so: what its versions answer differs."""
    program = folder / "docker"
    program.write_text(f"#!/bin/sh\necho '{complains}' >&2\nexit {code}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


@pytest.mark.parametrize("code", [0, 1])
def test_a_container_that_is_gone_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    docker_that(tmp_path, monkeypatch, complains="Error response from daemon: No such container: one", code=code)
    remove_containers("one")


def test_a_container_that_stays_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker_that(tmp_path, monkeypatch, complains="Error response from daemon: removal is in progress", code=1)
    with pytest.raises(HostSideError, match="cannot be removed: Error response from daemon: removal is in progress"):
        remove_containers("one", "two")
