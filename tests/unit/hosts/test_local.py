"""Which hosts are this very machine."""

from __future__ import annotations

import socket
from pathlib import Path

import paramiko
import pytest

from selextract_infra.hosts import local
from selextract_infra.hosts.look import LoginProbe
from tests.unit.hosts.servers import closed_port, ssh_server


@pytest.fixture(scope="module")
def key() -> paramiko.PKey:
    return paramiko.ECDSAKey.generate()


@pytest.fixture
def own(tmp_path: Path, key: paramiko.PKey) -> Path:
    """A folder like /etc/ssh with the public key of this machine."""
    (tmp_path / "ssh_host_ecdsa_key.pub").write_text(f"{key.get_name()} {key.get_base64()} root@here\n")
    return tmp_path


def test_an_own_address_that_shows_an_own_host_key_is_this_machine(own: Path, key: paramiko.PKey) -> None:
    with ssh_server(key) as port:
        places = {"app1": ("127.0.0.1", port), "named": ("localhost", port), "db2": ("192.0.2.1", port)}
        assert local.local_hosts(places, ssh_folder=own) == {"app1", "named"}


def test_a_port_of_this_machine_that_leads_elsewhere_is_not_this_machine(own: Path) -> None:
    with ssh_server(paramiko.ECDSAKey.generate()) as port:
        assert local.local_hosts({"container": ("127.0.0.1", port)}, ssh_folder=own) == frozenset()


def test_a_forwarded_port_that_is_closed_is_not_this_machine(own: Path) -> None:
    places = {socket.gethostname(): ("127.0.0.1", closed_port())}
    assert local.local_hosts(places, ssh_folder=own) == frozenset()


def test_without_an_ssh_server_this_machines_name_is_proof(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "offered_key", lambda *_: LoginProbe(refused=True))
    places = {socket.gethostname(): ("127.0.0.1", 22), "other": ("127.0.0.1", 22)}
    assert local.local_hosts(places, ssh_folder=own) == {socket.gethostname()}


def test_a_host_elsewhere_is_not_contacted_to_find_out(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contacted: list[str] = []

    def note(address: str, _port: int) -> LoginProbe:
        contacted.append(address)
        return LoginProbe()

    monkeypatch.setattr(local, "offered_key", note)
    assert local.local_hosts({"db2": ("192.0.2.1", 22), "db3": ("no-such.invalid", 22)}, ssh_folder=own) == frozenset()
    assert contacted == []


def test_a_name_that_dns_alone_leads_to_this_machine_is_not_this_machine(
    own: Path, key: paramiko.PKey, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whoever answers for DNS would have what is meant for db2 done to this machine, which shows its own key."""

    def here(_host: str, port: int | None, *_more: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port or 0))]

    monkeypatch.setattr(socket, "getaddrinfo", here)
    monkeypatch.setattr(socket, "getfqdn", lambda *_args: "db2.example.org")
    with ssh_server(key) as port:
        places = {"db2": ("db2.example.org", port), "app1": ("app1.example.org", port)}
        hosts_file = tmp_path / "hosts"
        hosts_file.write_text("127.0.0.1 localhost\n192.0.2.1 db2.example.org\n127.0.1.1 app1.example.org app1 # us\n")
        assert local.local_hosts(places, ssh_folder=own, hosts_file=hosts_file) == {"app1"}


@pytest.mark.parametrize(("address", "is_own"), [("127.0.0.1", True), ("192.0.2.1", False), ("app1", False)])
def test_only_an_own_address_can_be_bound_to(address: str, is_own: bool) -> None:
    assert local.is_own_address(address) is is_own
