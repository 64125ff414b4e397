"""From hosts that a person names to an inventory: look, draft, write, or say what differs."""

from __future__ import annotations

import getpass
import json
import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from selextract_infra.errors import HostUnpreparedError
from selextract_infra.hosts.inventory import Inventory
from selextract_infra.hosts.scratch import private_folder, write_private
from selextract_infra.operations.init.decide import drafted_services
from selextract_infra.operations.init.described import containers_by_project, signs_of_containers
from selextract_infra.operations.init.draft import InitialisedInventory, ProjectDraft
from selextract_infra.operations.init.inventory_files import differences, write_inventory
from selextract_infra.operations.init.observe import Look, look_at_targets
from selextract_infra.operations.init.policy_text import WrittenHost, hosts_text, policy_text
from selextract_infra.operations.init.target import Target

__all__ = ["initialise"]


def initialise(
    targets: Sequence[Target], folder: Path, *, cancel: threading.Event | None = None, attended: bool = True
) -> InitialisedInventory:
    """Look at the hosts and write their inventory into ``folder``; one that is there is compared and left as it is.

    ``attended``: a person may be asked for a password, once. Raises ``HostError``, ``UsageError``, ``CancelledError``;
    then nothing was written.
    """
    by_name = {target.name: target for target in targets}
    with private_folder() as scratch:
        path = write_private(scratch / "hosts.yml", _reached(by_name))
        inventory = Inventory.load(path)
        looks = look_at_targets(inventory, by_name, ask_password=_asker(attended), cancel=cancel)
    _refuse_empty(looks)
    projects, loose = _drafts(looks)
    hosts = hosts_text([WrittenHost(name, by_name[name], root, host.user) for name, (host, root) in looks.items()])
    policy = policy_text(projects, loose=loose)
    written = write_inventory(folder, hosts, policy)
    return InitialisedInventory(
        folder=folder,
        written=written,
        differs=() if written else tuple(differences(folder, hosts, policy)),
        projects=tuple(projects),
        loose=tuple(loose),
        rootless=tuple(name for name, (host, root) in looks.items() if not root and host.user != "root"),
    )


def _reached(targets: dict[str, Target]) -> str:
    """An inventory for this look alone; what a target leaves open is for ssh and its configuration."""
    hosts: dict[str, dict[str, Any]] = {}
    for name, target in targets.items():
        given = {"ansible_host": target.host, "ansible_user": target.user, "ansible_port": target.port}
        hosts[name] = {key: value for key, value in given.items() if value is not None}
    return json.dumps({"all": {"hosts": hosts}})


def _refuse_empty(looks: dict[str, Look]) -> None:
    """Raises HostUnpreparedError where there is no container on any of the hosts."""
    if not any(host.containers for host, _ in looks.values()):
        raise HostUnpreparedError(
            f"{', '.join(looks)} runs no container, so there is nothing to map.",
            remedy="start the app there and look again, or read its files: selextract-infra init --compose FOLDER",
        )


def _drafts(looks: dict[str, Look]) -> tuple[list[ProjectDraft], list[str]]:
    projects: list[ProjectDraft] = []
    loose: list[str] = []
    for name, (host, _) in looks.items():
        for project, containers in containers_by_project(host).items():
            if project is None:
                loose += [container.name for container in containers]
                continue
            directory = next((container.directory for container in containers if container.directory), "")
            services = drafted_services(signs_of_containers(host, containers))
            projects.append(
                ProjectDraft(place=name, name=project, directory=directory, read_by=name, services=services)
            )
    return projects, loose


def _asker(attended: bool) -> Callable[[str], str | None]:
    def ask(host: str) -> str | None:
        exported = os.environ.get("SELEXTRACT_BECOME_PASSWORD")
        if exported:
            return exported
        if not attended or not sys.stdin.isatty():
            return None
        return getpass.getpass(f"{host}: password for sudo (asked once, never written): ") or None

    return ask
