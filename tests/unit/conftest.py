"""What tests of several folders need."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from selextract_infra.flow.context import Context


@pytest.fixture(scope="session")
def notifying() -> None:
    """Some of apprise's own plugins use what Python is about to drop; they are loaded with the first address."""
    import apprise

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        apprise.Apprise.instantiate("json://localhost")


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    """One host that nobody ever asks anything, and an empty journal."""
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("all: {hosts: {app1: {ansible_host: 192.0.2.7}}}\n")
    with Context(inventory, state=tmp_path / "state") as made:
        yield made
