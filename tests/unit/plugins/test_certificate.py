"""A certificate of our own serves TLS to who was given it."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest

from plugins.module_utils.system.certificate import self_made_certificate
from plugins.module_utils.system.failure import HostSideError


def test_who_has_the_certificate_knows_the_server_by_its_name(tmp_path: Path) -> None:
    certificate, key = self_made_certificate("pgbouncer")
    (tmp_path / "both.pem").write_text(certificate + key)
    ours, theirs = socket.socketpair()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "both.pem")
    serving = threading.Thread(target=lambda: server.wrap_socket(theirs, server_side=True).close())
    serving.start()
    client = ssl.create_default_context(cadata=certificate)
    with client.wrap_socket(ours, server_hostname="pgbouncer") as told:
        assert told.version()
    serving.join(10)
    assert "PRIVATE KEY" in key
    assert "PRIVATE KEY" not in certificate


def test_without_openssl_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HostSideError, match="openssl is not installed"):
        self_made_certificate("pgbouncer")
