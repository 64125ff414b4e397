"""The inventory that the lab writes."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import yaml

from selextract_infra.lab.folders import LabFolder
from selextract_infra.lab.inventory import (
    ensure_key,
    inventory_folder,
    remove_inventory,
    write_inventory,
    write_known_hosts,
)
from selextract_infra.lab.state import LabHost
from selextract_infra.policy import default_policy, load_policy

HOSTS = (
    LabHost(name="app1", address="10.0.0.11", container="c1"),
    LabHost(name="db2", address="10.0.0.12", container="c2"),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LabFolder:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "my state"))
    return LabFolder("one")


def test_host_keys_are_checked_and_only_the_labs_key_is_offered(folder: LabFolder) -> None:
    written = yaml.safe_load((write_inventory(folder, HOSTS) / "hosts.yml").read_text())["all"]
    options = shlex.split(written["vars"]["ansible_ssh_common_args"])
    assert "StrictHostKeyChecking=yes" in options
    assert "IdentitiesOnly=yes" in options
    assert any(option.startswith("UserKnownHostsFile=") and str(folder.known_hosts) in option for option in options)
    assert written["vars"]["ansible_ssh_private_key_file"] == str(folder.key)
    assert written["hosts"] == {"app1": {"ansible_host": "10.0.0.11"}, "db2": {"ansible_host": "10.0.0.12"}}


def test_known_hosts_holds_one_line_for_each_address(folder: LabFolder) -> None:
    folder.make()
    write_known_hosts(folder, {"10.0.0.12": "ssh-ed25519 BBB", "10.0.0.11": "ssh-ed25519 AAA"})
    assert folder.known_hosts.read_text() == "10.0.0.11 ssh-ed25519 AAA\n10.0.0.12 ssh-ed25519 BBB\n"


def test_the_key_is_made_once_and_is_the_users_own(folder: LabFolder) -> None:
    public = ensure_key(folder)
    assert public.startswith("ssh-ed25519 ")
    assert ensure_key(folder) == public
    assert folder.key.stat().st_mode & 0o777 == 0o600


def test_the_policy_beside_it_is_valid_and_is_the_guide_at_a_scale(folder: LabFolder) -> None:
    written = yaml.safe_load((write_inventory(folder, HOSTS) / "group_vars" / "all" / "policy.yml").read_text())
    lab, guide = load_policy(written["selextract_policy"]), default_policy()
    assert (lab.host.cpus * 4, lab.host.memory * 8) == (guide.host.cpus, guide.host.memory)
    for role, container in guide.containers.items():
        assert lab.containers[role].cpus * 4 == container.cpus, role
        assert lab.containers[role].memory * 8 == container.memory, role
    assert lab.memory_parts.api.total * 8 == guide.memory_parts.api.total
    assert {service.role for service in lab.application.services.values()} == set(guide.containers)


def test_removing_it_leaves_what_somebody_else_put_there(folder: LabFolder) -> None:
    target = write_inventory(folder, HOSTS)
    mine = target / "group_vars" / "all" / "mine.yml"
    mine.write_text("mine: true\n")
    remove_inventory(folder)
    assert [path for path in target.rglob("*") if path.is_file()] == [mine]
    mine.unlink()
    remove_inventory(folder)
    assert not target.exists()


def test_only_the_default_lab_writes_into_the_checkout(folder: LabFolder) -> None:
    assert inventory_folder(folder) == folder.inventory
    assert inventory_folder(LabFolder("lab")).parts[-2:] == ("inventories", "lab")
