"""The look from outside: how ssh would get there, and how the key shown stands to those known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paramiko
import pytest

from selextract_infra.hosts import preflight
from selextract_infra.hosts.inventory import Inventory, InventoryHost
from tests.unit.hosts.servers import closed_port, ssh_server

KEY = paramiko.ECDSAKey.generate()
OTHER = paramiko.ECDSAKey.generate()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with ssh_server(KEY) as listening_on:
        yield listening_on


def seen(port: int, known_hosts: Path | str, **variables: Any) -> preflight.OutsideLook:
    arguments = f"-F /dev/null -o UserKnownHostsFile={known_hosts} -o GlobalKnownHostsFile=/dev/null"
    variables = {"ansible_ssh_common_args": arguments, "ansible_port": port, **variables}
    host = InventoryHost("app1", "127.0.0.1", port, variables=variables)
    return preflight.look_from_outside(host, Inventory(Path("hosts.yml"), ()))


def line(port: int, key: paramiko.PKey, marker: str = "") -> str:
    return f"{marker}[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n"


@pytest.mark.parametrize(
    ("standing", "lines"),
    [
        ("known", lambda port: line(port, KEY)),
        ("known", lambda port: line(port, OTHER) + line(port, KEY)),
        ("unknown", lambda _port: line(22, KEY)),
        ("unknown", lambda _port: ""),
        ("changed", lambda port: line(port, OTHER)),
        ("revoked", lambda port: line(port, KEY) + line(port, KEY, "@revoked ")),
        ("not looked at", lambda port: line(port, OTHER, "@cert-authority ")),
    ],
)
def test_the_key_is_known_unknown_changed_or_revoked(port: int, tmp_path: Path, standing: str, lines: Any) -> None:
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(lines(port))
    found = seen(port, known_hosts)
    assert found.key == standing
    assert found.look.open
    assert found.fingerprint.startswith("SHA256:")


def test_a_hashed_entry_is_found(port: int, tmp_path: Path) -> None:
    name = paramiko.HostKeys.hash_host(f"[127.0.0.1]:{port}")
    (tmp_path / "known_hosts").write_text(f"{name} {KEY.get_name()} {KEY.get_base64()}\n")
    assert seen(port, tmp_path / "known_hosts").key == "known"


def test_a_closed_port_is_seen(tmp_path: Path) -> None:
    found = seen(closed_port(), tmp_path / "none")
    assert (found.look.refused, found.key, found.fingerprint) == (True, "not looked at", "")


@pytest.mark.parametrize(
    "variables",
    [
        {"ansible_ssh_common_args": "-F /dev/null -o StrictHostKeyChecking=no"},
        {"ansible_host_key_checking": False},
    ],
)
def test_an_inventory_that_switches_checking_off_is_noticed(port: int, variables: dict[str, Any]) -> None:
    assert seen(port, "/dev/null", **variables).key == "unchecked"


@pytest.mark.parametrize(
    "arguments", ["-o ProxyJump=bastion", "-o ProxyCommand='nc %h %p'", "-o 'unbalanced", "{{ x }}"]
)
def test_a_way_that_only_ssh_knows_is_left_to_ssh(arguments: str) -> None:
    found = seen(1, "/dev/null", ansible_ssh_common_args=arguments)
    assert found.jump is True
    assert not found.look.problem


def test_this_very_machine_is_not_looked_at_from_outside() -> None:
    host = InventoryHost("here", "192.0.2.1", variables={"ansible_connection": "local"})
    found = preflight.look_from_outside(host, Inventory(Path("hosts.yml"), ()))
    assert found.local is True
    assert not found.look.problem


def test_a_port_that_only_sshs_configuration_names_is_the_one_that_is_looked_at(port: int, tmp_path: Path) -> None:
    configuration = tmp_path / "config"
    configuration.write_text(f"Host shop\n  HostName 127.0.0.1\n  Port {port}\n  UserKnownHostsFile {tmp_path}/known\n")
    (tmp_path / "known").write_text(line(port, KEY))
    host = InventoryHost("shop", "shop", variables={"ansible_ssh_common_args": f"-F {configuration}"})
    found = preflight.look_from_outside(host, Inventory(Path("hosts.yml"), ()))
    assert (found.look.open, found.key) == (True, "known")
