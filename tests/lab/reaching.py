"""Inventories that lead to a lab host in good ways and in bad ones."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selextract_infra.lab import Lab

BLACK_HOLE = 2222


def new_key(path: Path, passphrase: str = "") -> Path:
    """A fresh SSH key."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(path)], check=True, timeout=30)
    return path


def ssh_arguments(known_hosts: Path | str) -> str:
    """Options of ssh for a host whose key is in ``known_hosts``."""
    return (
        f"-F /dev/null -o UserKnownHostsFile={known_hosts} -o GlobalKnownHostsFile=/dev/null"
        " -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes"
    )


def written(lab: Lab, path: Path, hosts: Mapping[str, Mapping[str, Any]], *, shared: bool = False) -> Path:
    """An inventory in which each host is the lab's ``app1`` with some variables of its own.

    ``shared`` lets tasks share a connection; without it each logs in anew, so that one host is no other's way in.
    """
    state = lab.state()
    common = {
        "ansible_host": state.host("app1").address,
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(state.key),
        "ansible_ssh_common_args": ssh_arguments(state.known_hosts) + ("" if shared else " -o ControlPath=none"),
    }
    path.write_text(json.dumps({"all": {"vars": common, "hosts": {name: dict(own) for name, own in hosts.items()}}}))
    return path


@contextmanager
def dropping(lab: Lab, port: int) -> Iterator[None]:
    """While inside, ``app1`` drops without a word whatever comes in on ``port``, as if it were switched off."""
    rule = ("INPUT", "-p", "tcp", "--dport", str(port), "-j", "DROP")
    console = lab.host("app1")
    console.execute("iptables", "-I", *rule)
    try:
        yield
    finally:
        console.execute("iptables", "-D", *rule)
