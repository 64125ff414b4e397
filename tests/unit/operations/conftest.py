"""What several tests of operations need."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from selextract_infra.operations.fleet import Fleet


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """One host that nobody ever asks anything, and an empty journal."""
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("all: {hosts: {app1: {ansible_host: 192.0.2.7}}}\n")
    with Fleet(inventory, state=tmp_path / "state") as made:
        yield made
