"""A look from outside."""

from __future__ import annotations

import time

import paramiko
import pytest

from selextract_infra.hosts.look import offered_key
from tests.unit.hosts.servers import closed_port, listening, nonsense, silent, ssh_server


@pytest.fixture(scope="module")
def key() -> paramiko.PKey:
    return paramiko.ECDSAKey.generate()


def test_the_key_that_is_shown_is_seen_without_logging_in(key: paramiko.PKey) -> None:
    with ssh_server(key) as port:
        look = offered_key("127.0.0.1", port, prefer=("no-such-type", "ecdsa-sha2-nistp256"))
    assert look.open
    assert look.key == key.get_base64()


def test_nothing_listens() -> None:
    look = offered_key("127.0.0.1", closed_port())
    assert (look.open, look.refused, look.problem) == (False, True, "nothing listens on its SSH port")


def test_a_host_that_hangs_is_given_up_in_time(capfd: pytest.CaptureFixture[str]) -> None:
    started = time.monotonic()
    with listening(silent) as port:
        look = offered_key("127.0.0.1", port, within=0.5)
    assert time.monotonic() - started < 20  # the host says nothing for 30
    assert (look.open, look.key) == (True, "")
    assert "no SSH server answers" in look.problem
    assert capfd.readouterr() == ("", "")


def test_another_service_on_that_port_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    with listening(nonsense) as port:
        assert "no SSH server answers" in offered_key("127.0.0.1", port, within=2).problem
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["no-such-host.invalid", "a" * 70])
def test_a_name_that_leads_nowhere(name: str) -> None:
    look = offered_key(name, 22, within=2)
    assert not look.open
    assert look.problem
