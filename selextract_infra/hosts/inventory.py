"""The inventory as Ansible itself reads it: hosts, how they are reached, and the policy of the group ``all``."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from selextract_infra.errors import InventoryError
from selextract_infra.hosts.bounded_process import bounded
from selextract_infra.hosts.environment import ansible_environment, ansible_program
from selextract_infra.hosts.inventory_complaint import complaint
from selextract_infra.hosts.inventory_location import is_host_list, refuse_missing
from selextract_infra.hosts.local import local_hosts
from selextract_infra.model.text import displayable

__all__ = ["Inventory", "InventoryHost"]

_POLICY, _POLICY_FILE = "selextract_policy", "selextract_policy_file"
_READ_SECONDS = 120.0  # a dynamic inventory may ask a cloud
_SSH_PORT = 22


@dataclass(frozen=True)
class InventoryHost:
    """One host. ``address`` is what is connected to; ``user`` None leaves it to ssh.

    ``variables`` are those in force, not templated; they may hold secrets, so they are never shown.
    """

    name: str
    address: str
    port: int = _SSH_PORT
    user: str | None = None
    groups: tuple[str, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def connection(self) -> str:
        """How Ansible reaches it: ``ssh`` unless the inventory says otherwise."""
        return str(self.variables.get("ansible_connection", "ssh")).removeprefix("ansible.builtin.")


@dataclass(frozen=True)
class Inventory:
    """Hosts in the inventory's order, and the policy overrides of its group ``all`` (``policy_files`` are absolute)."""

    path: Path
    hosts: tuple[InventoryHost, ...]
    policy_overrides: Mapping[str, Any] = field(default_factory=dict)
    policy_files: tuple[Path, ...] = ()

    @classmethod
    def load(cls, path: Path, *, limit: str | None = None) -> Inventory:
        """Read the inventory at ``path``: a file, a folder, or hosts with a comma; ``limit`` is an Ansible pattern.

        Raises ``InventoryError`` when there is none, it cannot be parsed, no host matches, or a policy override is
        anywhere but in the group ``all``.
        """
        refuse_missing(path)
        path = path if is_host_list(path) else path.resolve()
        listed = _listed(path, limit)
        _refuse_misplaced_policy(listed)
        hosts = tuple(_hosts(listed))
        if not hosts:
            matching = f" matches {limit!r}" if limit else ""
            raise InventoryError(f"No host in {path}{matching}, so there is nothing to work on.")
        common = listed.get("all", {}).get("vars", {})
        return cls(path, hosts, _overrides(common, path), tuple(_files(common, path)))

    def host(self, name: str) -> InventoryHost:
        """The host of that name. Raises ``InventoryError`` when there is none."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise InventoryError(f"The inventory {self.path} has no host {name}.")

    @cached_property
    def local(self) -> frozenset[str]:
        """Names of the hosts that are this very machine, which are reached without ssh."""
        plain = [host for host in self.hosts if host.connection == "ssh" and "{{" not in host.address]
        return local_hosts({host.name: (host.address, host.port) for host in plain})


def _listed(path: Path, limit: str | None) -> dict[str, Any]:
    command = [ansible_program("ansible-inventory"), "--inventory", str(path), "--list", "--export"]
    try:
        done = subprocess.run(
            bounded([*command, *(["--limit", limit] if limit else [])]),
            env=ansible_environment(os.environ), stdin=subprocess.DEVNULL, capture_output=True,
            timeout=_READ_SECONDS, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise InventoryError("ansible-inventory is not installed.", remedy="install ansible-core") from None
    except subprocess.TimeoutExpired:
        raise InventoryError(f"The inventory {path} did not answer within {_READ_SECONDS:.0f} s.") from None
    if done.returncode:
        raise InventoryError(complaint(path, limit, done.stderr.decode(errors="replace")))
    return dict(json.loads(done.stdout))


def _hosts(listed: Mapping[str, Any]) -> Iterator[InventoryHost]:
    own = listed.get("_meta", {}).get("hostvars", {})
    members = {name: group for name, group in listed.items() if name != "_meta"}
    depths = _depths(members)
    names = list(dict.fromkeys([host for group in members.values() for host in group.get("hosts", ())]))
    for name in names:
        groups = [group for group in members if _holds(members, group, name)]
        groups.sort(key=lambda group: (depths[group], _priority(members[group]), group))
        variables: dict[str, Any] = {}
        for group in groups:
            variables |= members[group].get("vars", {})
        variables |= own.get(name, {})
        user = variables.get("ansible_user")
        yield InventoryHost(
            name=name,
            address=str(variables.get("ansible_host") or name),
            port=_port(name, variables.get("ansible_port")),
            user=str(user) if user else None,
            groups=tuple(group for group in groups if group not in ("all", "ungrouped")),
            variables=variables,
        )


def _port(host: str, given: Any) -> int:
    try:
        return int(given) if given else _SSH_PORT
    except (TypeError, ValueError):
        raise InventoryError(f"ansible_port of {host} is no number: {displayable(str(given), limit=80)}.") from None


def _priority(group: Mapping[str, Any]) -> int:
    return int(group.get("vars", {}).get("ansible_group_priority", 1))


def _holds(members: Mapping[str, Any], group: str, host: str) -> bool:
    content = members.get(group, {})
    return host in content.get("hosts", ()) or any(
        _holds(members, child, host) for child in content.get("children", ())
    )


def _depths(members: Mapping[str, Any]) -> dict[str, int]:
    """How deep each group is, ``all`` being 0: variables of deeper groups win, as in Ansible."""
    depths = dict.fromkeys(members, 0)
    for _ in members:
        for parent, content in members.items():
            for child in content.get("children", ()):
                depths[child] = max(depths.get(child, 0), depths[parent] + 1)
    return depths


def _refuse_misplaced_policy(listed: Mapping[str, Any]) -> None:
    places = {f"host {name}": variables for name, variables in listed.get("_meta", {}).get("hostvars", {}).items()}
    places |= {f"group {name}": group.get("vars", {}) for name, group in listed.items() if name not in ("_meta", "all")}
    for place, variables in places.items():
        for name in (_POLICY, _POLICY_FILE):
            if name in variables:
                raise InventoryError(
                    f"{name} is set for the {place}, but one policy holds for all hosts.",
                    remedy=f"move {name} to the group all",
                )


def _overrides(common: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    from selextract_infra.hosts.inventory_policy import written_policy

    overrides = common.get(_POLICY) or {}
    if not isinstance(overrides, dict):
        raise InventoryError(f"{_POLICY} in {path} is not a mapping of policy values.")
    return written_policy(path, overrides) if overrides else overrides


def _files(common: Mapping[str, Any], path: Path) -> Iterator[Path]:
    named = common.get(_POLICY_FILE)
    if not named:
        return
    if not isinstance(named, str):
        raise InventoryError(f"{_POLICY_FILE} in {path} is not the path of a file.")
    folder = path if path.is_dir() else path.parent
    yield folder / Path(named).expanduser()
