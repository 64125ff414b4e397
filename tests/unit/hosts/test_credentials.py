"""Secrets come by name, from the environment or from systemd, and Ansible sees those that are listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from selextract_infra.errors import UsageError
from selextract_infra.hosts.credentials import filled_in, with_credentials
from selextract_infra.hosts.environment import ansible_environment


def test_a_listed_variable_comes_from_systemd_where_it_is_not_set(tmp_path: Path) -> None:
    for name in ("LISTED", "SET", "UNLISTED"):
        (tmp_path / name).write_text("from systemd\n")
    handed_out = {"CREDENTIALS_DIRECTORY": str(tmp_path), "SET": "by hand"}
    filled = with_credentials(handed_out, ["LISTED", "SET", "MISSING"])
    assert (filled["LISTED"], filled["SET"]) == ("from systemd", "by hand")
    assert "UNLISTED" not in filled
    assert "MISSING" not in filled


def test_ansible_sees_only_the_secrets_that_are_listed(tmp_path: Path) -> None:
    (tmp_path / "DATABASE_PASSWORD").write_text("s3cret")
    caller = {"CREDENTIALS_DIRECTORY": str(tmp_path), "OTHER": "x", "PATH": "/usr/bin"}
    seen = ansible_environment(with_credentials(caller, ["DATABASE_PASSWORD"]))
    assert seen["DATABASE_PASSWORD"] == "s3cret"
    assert "OTHER" not in seen


def test_a_reference_stands_for_its_variable() -> None:
    assert filled_in("mailto://${USER}:${KEY}@host", {"USER": "me", "KEY": "$1"}) == "mailto://me:$1@host"
    with pytest.raises(UsageError, match="The environment variable KEY is not set"):
        filled_in("${KEY}", {"KEY": ""})
