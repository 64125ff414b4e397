"""What is wrong in the policy of an inventory is said with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from selextract_infra.errors import PolicyError
from selextract_infra.hosts.inventory_policy import written_policy
from selextract_infra.policy import load_policy

WRONG = {"windows": {"night": {"start": "02:00", "duration": "3h"}}, "sizing": {"headroom": "30%"}}
POLICY = """\
selextract_policy:
  sizing: {headroom: 30%}
  windows:
    night:
      start: "02:00"
      duration: 3h
"""


@pytest.mark.parametrize("place", ["group_vars/all/policy.yml", "group_vars/all.yml"])
def test_the_place_in_a_folder_of_variables_is_named(tmp_path: Path, place: str) -> None:
    file = tmp_path / place
    file.parent.mkdir(parents=True)
    file.write_text(f"# the policy\n{POLICY}")
    (tmp_path / "hosts.yml").write_text("all: {hosts: {app1: {}}}\n")
    for inventory in (tmp_path, tmp_path / "hosts.yml"):
        with pytest.raises(PolicyError) as refused:
            load_policy(written_policy(inventory, WRONG))
        assert str(refused.value) == f"{file}:5: windows.night.time_zone is missing"


def test_the_place_in_the_inventory_itself_is_named(tmp_path: Path) -> None:
    file = tmp_path / "hosts.yml"
    indented = "".join(f"    {line}\n" for line in POLICY.splitlines())
    file.write_text(f"all:\n  hosts: {{app1: {{secret: !vault x}}}}\n  vars:\n{indented}")
    with pytest.raises(PolicyError, match=r"hosts.yml:7: windows\.night\.time_zone"):
        load_policy(written_policy(file, WRONG))


def test_a_policy_of_two_files_has_no_one_place(tmp_path: Path) -> None:
    for name in ("a.yml", "b.yml"):
        (tmp_path / "group_vars/all").mkdir(parents=True, exist_ok=True)
        (tmp_path / "group_vars/all" / name).write_text(POLICY)
    with pytest.raises(PolicyError, match=r"^inventory: windows"):
        load_policy(written_policy(tmp_path, WRONG))


def test_where_a_value_comes_from_is_told(tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text("all:\n  vars:\n    selextract_policy:\n      sizing: {headroom: 30%}\n")
    policy = load_policy(written_policy(tmp_path / "hosts.yml", {"sizing": {"headroom": "30%"}}))
    assert policy.origin("sizing.headroom").where == f"{tmp_path}/hosts.yml:4"
