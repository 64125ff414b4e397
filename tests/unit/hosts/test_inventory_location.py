"""The inventory is looked for as people who use Ansible expect."""

from __future__ import annotations

from pathlib import Path

import pytest

from selextract_infra.errors import InventoryError
from selextract_infra.hosts.inventory import Inventory
from selextract_infra.hosts.inventory_location import locate_inventory, require_inventory

HOSTS = "all: {hosts: {app1: {ansible_host: 192.0.2.7}}}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("given", "own", "ansible", "configured"):
        (tmp_path / f"{name}.yml").write_text(HOSTS)
    (tmp_path / "ansible.cfg").write_text("[defaults]\ninventory = configured.yml\n")
    return tmp_path


def test_the_option_comes_first_then_our_variable_then_ansibles_then_its_configuration(folder: Path) -> None:
    caller = {"SELEXTRACT_INVENTORY": "own.yml", "ANSIBLE_INVENTORY": "ansible.yml"}
    taken = []
    for given in (Path("given.yml"), None):
        location = require_inventory(given, caller)
        taken.append((location.path.name, location.named_by))
    for name in ("SELEXTRACT_INVENTORY", "ANSIBLE_INVENTORY"):
        del caller[name]
        location = require_inventory(None, caller)
        taken.append((location.path.name, location.named_by))
    assert taken == [
        ("given.yml", "-i"),
        ("own.yml", "SELEXTRACT_INVENTORY"),
        ("ansible.yml", "ANSIBLE_INVENTORY"),
        ("configured.yml", str(folder / "ansible.cfg")),
    ]


def test_an_inventory_of_the_configuration_is_relative_to_its_file(folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / "ansible.cfg").write_text("[defaults]\ninventory = ../own.yml\n")
    location = require_inventory(None, {"ANSIBLE_CONFIG": str(folder / "elsewhere")})
    assert location.path.resolve() == folder / "own.yml"


def test_without_any_the_way_out_is_init_and_not_the_lab(folder: Path) -> None:
    (folder / "ansible.cfg").unlink()
    assert locate_inventory(None, {"HOME": str(folder)}) is None
    with pytest.raises(InventoryError, match="No inventory is named") as refused:
        require_inventory(None, {"HOME": str(folder)})
    assert "selextract-infra init USER@HOST" in str(refused.value.remedy)
    assert "lab" not in str(refused.value.remedy)


def test_one_that_only_the_configuration_names_and_that_is_not_there_counts_as_none(folder: Path) -> None:
    (folder / "configured.yml").unlink()
    assert locate_inventory(None, {}) is None


def test_one_that_a_person_names_and_that_is_not_there_is_an_error() -> None:
    with pytest.raises(InventoryError, match=r"There is no inventory at elsewhere\.yml"):
        require_inventory(None, {"ANSIBLE_INVENTORY": "elsewhere.yml"})


def test_several_inventories_are_refused_because_one_policy_holds_for_all_hosts() -> None:
    with pytest.raises(InventoryError, match="ANSIBLE_INVENTORY names 2 inventories"):
        require_inventory(None, {"ANSIBLE_INVENTORY": "own.yml,ansible.yml"})


@pytest.mark.parametrize("caller", [{}, {"ANSIBLE_INVENTORY": "192.0.2.7,"}], ids=["-i", "ANSIBLE_INVENTORY"])
def test_a_list_of_hosts_is_an_inventory_as_for_ansible(caller: dict[str, str]) -> None:
    location = require_inventory(None if caller else Path("192.0.2.7,"), caller)
    inventory = Inventory.load(location.path)
    assert [host.name for host in inventory.hosts] == ["192.0.2.7"]
    assert str(inventory.path) == "192.0.2.7,"
    assert not inventory.policy_overrides
