"""Which hosts of an inventory are this very machine.

Two looks, so that no host is contacted in vain: an address that is not one of this machine's own cannot be this
machine; for one that is, whoever answers there must show an SSH host key of this machine. The second look is needed
because a port of this machine may lead into a container or another host.

A name counts only where this machine itself says that it is its own: its host name, ``localhost``, and what
``/etc/hosts`` gives an address of its own. A name that DNS alone leads here is reached over ssh, which checks whose key
answers: whoever answers for DNS could otherwise have what is meant for another host done to this one, as root.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Mapping
from pathlib import Path

from selextract_infra.hosts.look import offered_key

__all__ = ["is_own_address", "local_hosts", "own_host_keys"]

_SSH_FOLDER = Path("/etc/ssh")
_HOSTS_FILE = Path("/etc/hosts")
_SSH_PORT = 22
_RESOLVE_SECONDS = 3.0


def local_hosts(
    addresses: Mapping[str, tuple[str, int]], *, ssh_folder: Path = _SSH_FOLDER, hosts_file: Path = _HOSTS_FILE
) -> frozenset[str]:
    """Of hosts by name, each with its address and SSH port, those that are this machine.

    Where nothing listens on the standard SSH port of an own address, nobody else can be there: then the host is this
    machine if it also carries this machine's name.
    """
    own = _own({address for address, _ in addresses.values()}, _own_names() | _names_in(hosts_file))
    candidates = {name: place for name, place in addresses.items() if place[0] in own}
    own_keys = own_host_keys(ssh_folder) if candidates else frozenset()
    return frozenset(name for name, (address, port) in candidates.items() if _proved(name, address, port, own_keys))


def own_host_keys(folder: Path = _SSH_FOLDER) -> frozenset[str]:
    """The public SSH host keys of this machine, in the base64 form of a ``.pub`` file."""
    files = sorted(folder.glob("ssh_host_*_key.pub"))
    words = [file.read_text(encoding="utf-8", errors="replace").split() for file in files]
    return frozenset(word[1] for word in words if len(word) > 1)


def is_own_address(address: str) -> bool:
    """Whether an IP address is one of this machine's: only such an address can be bound to."""
    try:
        family = socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except (OSError, ValueError):
        return False
    return True


def _proved(name: str, address: str, port: int, own_keys: frozenset[str]) -> bool:
    shown = offered_key(address, port)
    if shown.refused:
        return port == _SSH_PORT and not {name, address}.isdisjoint(_own_names())
    return shown.key in own_keys


def _own_names() -> set[str]:
    name = socket.gethostname()
    return {name, name.partition(".")[0], "localhost"}


def _names_in(hosts_file: Path) -> set[str]:
    """The names that the file of this machine gives to addresses of its own."""
    try:
        text = hosts_file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return set()
    lines = [line.partition("#")[0].split() for line in text.splitlines()]
    return {name for address, *names in filter(None, lines) if is_own_address(address) for name in names}


def _own(addresses: set[str], own_names: set[str]) -> frozenset[str]:
    """Those addresses and own names that lead to this machine; a name that cannot be resolved in time does not."""
    wanted = {address for address in addresses if address in own_names or is_own_address(address)}
    resolved: dict[str, list[str]] = {}

    def resolve(name: str) -> None:
        try:
            resolved[name] = [str(resolution[4][0]) for resolution in socket.getaddrinfo(name, None)]
        except (OSError, UnicodeError):
            resolved[name] = []

    threads = [threading.Thread(target=resolve, args=(name,), daemon=True) for name in sorted(wanted)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_RESOLVE_SECONDS)
    return frozenset(name for name, resolution in dict(resolved).items() if any(map(is_own_address, resolution)))
