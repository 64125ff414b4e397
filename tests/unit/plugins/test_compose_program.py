"""What Compose is asked: which services it starts itself, because it has something to do after their start."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plugins.module_utils import compose
from plugins.module_utils.compose import Compose
from plugins.module_utils.failure import HostSideError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a program stands in for Compose that prints a file, as ``config --format json`` does."""
    program = tmp_path / "docker-compose"
    program.write_text('#!/bin/sh\ncase "$*" in *"config --format json") cat answer.json ;; *) exit 1 ;; esac\n')
    program.chmod(0o755)
    monkeypatch.setattr(compose, "_PLUGIN_FOLDERS", (str(tmp_path),))
    return tmp_path


def test_only_services_with_something_to_do_after_their_start_are_named(folder: Path) -> None:
    services = {"api": {"post_start": [{"command": ["warm"]}]}, "worker": {}, "nginx": {"post_start": []}}
    (folder / "answer.json").write_text(json.dumps({"services": services}))
    assert Compose("shop", str(folder)).start_hooks() == {"api"}


def test_what_compose_rejects_is_a_sentence(folder: Path) -> None:
    with pytest.raises(HostSideError, match="Compose rejects the files"):
        Compose("shop", str(folder)).start_hooks()


def test_an_environment_is_read_in_either_form(folder: Path) -> None:
    written = {
        "web": {"environment": ["A=${X}", "B=", "FROM_OUTSIDE", "C=a=b"]},
        "jobs": {"environment": {"A": "1", "N": None}},
    }
    (folder / "answer.json").write_text(json.dumps({"services": {**written, "plain": {}}}))
    assert Compose("shop", str(folder)).environments(filled_in=True) == {
        "web": {"A": "${X}", "B": "", "C": "a=b"}, "jobs": {"A": "1"}, "plain": {},
    }  # fmt: skip
