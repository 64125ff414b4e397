"""The example inventories are what the program accepts."""

from __future__ import annotations

from pathlib import Path

import pytest

from selextract_infra.hosts.inventory import Inventory
from selextract_infra.policy import load_policy

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("name", "hosts"), [("single-server", ["app1"]), ("multi-server", ["app1", "db2", "db3"])])
def test_an_example_inventory_has_hosts_and_a_policy_with_a_mapping(name: str, hosts: list[str]) -> None:
    inventory = Inventory.load(ROOT / "inventories" / name)
    assert [host.name for host in inventory.hosts] == hosts
    policy = load_policy(inventory.policy_overrides, inventory.policy_files)
    assert set(policy.application.services) == {"nginx", "frontend", "api", "worker", "postgres", "redis"}
