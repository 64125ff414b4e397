"""The lab's keys and its inventory, as a team would write them for its own servers."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from selextract_infra.errors import LabUnavailableError
from selextract_infra.lab import ssh
from selextract_infra.lab.folders import DEFAULT_NAME, LabFolder
from selextract_infra.lab.state import LabHost

__all__ = ["ensure_key", "inventory_folder", "remove_inventory", "write_inventory", "write_known_hosts"]

_HEADER = "---\n# Written by “selextract-infra lab up”; the next one writes it again.\n"


def ensure_key(folder: LabFolder) -> str:
    """The lab's public key; the pair is made when missing."""
    folder.make()
    if not folder.key.exists():
        made = subprocess.run(
            [
                "ssh-keygen",
                "-q",
                "-t",
                "ed25519",
                "-N",
                "",
                "-C",
                f"selextract-infra lab {folder.name}",
                "-f",
                folder.key,
            ],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if made.returncode:
            raise LabUnavailableError(f"ssh-keygen could not make the lab's key: {made.stderr.strip()}")
    return folder.key.with_suffix(".pub").read_text()


def write_known_hosts(folder: LabFolder, keys: Mapping[str, str]) -> None:
    """Write the host keys by address."""
    folder.known_hosts.write_text("".join(f"{address} {key}\n" for address, key in sorted(keys.items())))


def inventory_folder(folder: LabFolder) -> Path:
    """``inventories/lab`` in a checkout for the lab of the default name, else a folder in the lab's state."""
    checkout = Path(__file__).resolve().parents[2]
    if folder.name == DEFAULT_NAME and (checkout / "pyproject.toml").exists() and (checkout / "inventories").is_dir():
        return checkout / "inventories" / "lab"
    return folder.inventory


def write_inventory(folder: LabFolder, hosts: Iterable[LabHost]) -> Path:
    """Write the inventory and the lab's policy beside it; returns the folder."""
    target = inventory_folder(folder)
    (target / "group_vars" / "all").mkdir(parents=True, exist_ok=True)
    document: dict[str, Any] = {
        "all": {
            "vars": {
                "ansible_user": "root",
                "ansible_ssh_private_key_file": str(folder.key),
                "ansible_ssh_common_args": shlex.join(ssh.options(folder)),
                "ansible_ssh_args": "-o ControlMaster=auto -o ControlPersist=60s",
                "ansible_pipelining": True,
                "ansible_python_interpreter": "/usr/bin/python3",
                "selextract_provider": "docker",
                "selextract_lab": folder.name,
            },
            "hosts": {host.name: {"ansible_host": host.address} for host in hosts},
        }
    }
    (target / "hosts.yml").write_text(_HEADER + yaml.safe_dump(document, sort_keys=False, width=200))
    policy = resources.files("selextract_infra.lab").joinpath("policy.yml").read_text()
    addresses = ", ".join(f"{name}: {given['ansible_host']}" for name, given in document["all"]["hosts"].items())
    policy = policy.replace("private_addresses: {}", f"private_addresses: {{{addresses}}}")
    (target / "group_vars" / "all" / "policy.yml").write_text(_HEADER + policy.removeprefix("---\n"))
    return target


def remove_inventory(folder: LabFolder) -> None:
    """Remove what ``write_inventory`` wrote, and the folders it made where nothing else is in them."""
    target = inventory_folder(folder)
    for file in (target / "hosts.yml", target / "group_vars" / "all" / "policy.yml"):
        file.unlink(missing_ok=True)
    for made in (target / "group_vars" / "all", target / "group_vars", target):
        if made.is_dir() and not any(made.iterdir()):
            made.rmdir()
