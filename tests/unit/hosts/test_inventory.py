"""The inventory as Ansible reads it, and each way in which it cannot be one."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from selextract_infra.errors import InventoryError
from selextract_infra.hosts.inventory import Inventory

FLEET = """
    all:
      vars:
        selextract_policy: {sizing: {headroom: 30%}}
        selextract_policy_file: rules/policy.yml
        ansible_user: ops
      children:
        servers:
          vars: {ansible_port: 2222, ansible_user: deploy}
          children:
            databases:
              hosts:
                db2: {ansible_host: 192.0.2.2, ansible_user: root}
          hosts:
            app1: {ansible_host: 192.0.2.1}
        here:
          hosts:
            control: {ansible_connection: ansible.builtin.local}
"""


def written(folder: Path, text: str, name: str = "hosts.yml") -> Path:
    path = folder / name
    path.write_text(textwrap.dedent(text))
    return path


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Inventory:
    return Inventory.load(written(tmp_path_factory.mktemp("fleet"), FLEET))


def test_hosts_have_what_their_groups_and_they_themselves_say(fleet: Inventory) -> None:
    app1, db2 = fleet.host("app1"), fleet.host("db2")
    assert (app1.address, app1.port, app1.user) == ("192.0.2.1", 2222, "deploy")
    assert (db2.address, db2.port, db2.user) == ("192.0.2.2", 2222, "root")
    assert db2.groups == ("servers", "databases")
    assert fleet.host("control").connection == "local"
    assert fleet.host("control").address == "control"


def test_the_policy_is_the_one_of_the_group_all(fleet: Inventory) -> None:
    assert fleet.policy_overrides == {"sizing": {"headroom": "30%"}}
    assert fleet.policy_files == (fleet.path.parent / "rules" / "policy.yml",)


def test_an_unknown_host_is_named(fleet: Inventory) -> None:
    with pytest.raises(InventoryError, match="has no host db9"):
        fleet.host("db9")


def test_variables_are_never_shown(fleet: Inventory) -> None:
    assert "variables" not in repr(fleet)


def test_a_limit_narrows_the_hosts(fleet: Inventory) -> None:
    narrowed = Inventory.load(fleet.path, limit="databases:&servers")
    assert [host.name for host in narrowed.hosts] == ["db2"]
    assert narrowed.policy_overrides == fleet.policy_overrides


def test_a_limit_that_matches_nothing_is_an_error(fleet: Inventory) -> None:
    with pytest.raises(InventoryError, match=r"No host in .* matches 'nobody'"):
        Inventory.load(fleet.path, limit="nobody")


def test_a_missing_inventory_is_an_error_and_not_text_in_ini_form(tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match=r"There is no inventory at .*/hosts\.yml") as caught:
        Inventory.load(tmp_path / "hosts.yml")
    assert caught.value.remedy
    assert caught.value.exit_code == 2


def test_an_inventory_without_hosts_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match=r"No host in .*, so there is nothing"):
        Inventory.load(written(tmp_path, "all: {vars: {a: 1}}"))


def test_broken_yaml_is_one_sentence_with_file_and_line(tmp_path: Path) -> None:
    path = written(tmp_path, "all:\n  hosts:\n    app1: {ansible_host: 1\n  b: [")
    with pytest.raises(InventoryError) as caught:
        Inventory.load(path)
    assert f"{path}, line 4: YAML parsing failed" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_broken_yaml_beside_the_inventory_is_found_too(tmp_path: Path) -> None:
    path = written(tmp_path, "all: {hosts: {app1: {}}}")
    (tmp_path / "group_vars" / "all").mkdir(parents=True)
    broken = written(tmp_path / "group_vars" / "all", "selextract_policy:\n  sizing: [1\n  other: 2\n", "policy.yml")
    with pytest.raises(InventoryError) as caught:
        Inventory.load(path)
    assert f"{broken}, line 3: " in str(caught.value)


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("host app1", "all: {hosts: {app1: {selextract_policy: {a: 1}}}}"),
        ("group web", "all: {children: {web: {vars: {selextract_policy_file: x.yml}, hosts: {app1: {}}}}}"),
    ],
)
def test_a_policy_for_some_hosts_only_is_an_error(tmp_path: Path, place: str, text: str) -> None:
    with pytest.raises(InventoryError, match=f"is set for the {place}"):
        Inventory.load(written(tmp_path, text))


def test_a_folder_is_an_inventory_and_its_policy_file_is_in_it(tmp_path: Path) -> None:
    written(tmp_path, "all: {hosts: {app1: {}}}")
    (tmp_path / "group_vars").mkdir()
    written(tmp_path / "group_vars", "selextract_policy_file: /etc/policy.yml", "all.yml")
    assert Inventory.load(tmp_path).policy_files == (Path("/etc/policy.yml"),)


def test_hosts_reached_by_ssh_elsewhere_are_not_this_machine(fleet: Inventory) -> None:
    assert fleet.local == frozenset()
