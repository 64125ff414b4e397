"""The policy of the inventory, for plugins that run on the control machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleError

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["common_policy", "plain", "policy_source"]

_MAPPING, _FILE = "selextract_policy", "selextract_policy_file"


def policy_source(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Where the one policy of all hosts of the play comes from: ``mapping`` of overrides, and ``files``.

    Raises ``AnsibleError`` where hosts differ in it.
    """
    _refuse_differences(variables)
    named = variables.get(_FILE)
    folder = Path(str(variables.get("inventory_dir") or "."))
    return {"mapping": plain(variables.get(_MAPPING) or {}), "files": [str(folder / str(named))] if named else []}


def common_policy(variables: Mapping[str, Any]) -> Policy:
    """The one policy of all hosts of the play. Raises ``AnsibleError`` with one sentence where it cannot be read."""
    from selextract_infra.errors import SelextractError
    from selextract_infra.policy import load_policy

    source = policy_source(variables)
    try:
        return load_policy(source["mapping"], files=[Path(name) for name in source["files"]])
    except SelextractError as problem:
        raise AnsibleError(str(problem)) from problem


def plain(value: Any) -> Any:
    """A copy in Python's own types: what Ansible hands over carries tags and is made when it is looked at."""
    if isinstance(value, Mapping):
        return {str.__str__(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    kind = next((kind for kind in (bool, int, float, str) if isinstance(value, kind)), None)
    return value if value is None or kind is None or kind is bool else kind(value)


def _refuse_differences(variables: Mapping[str, Any]) -> None:
    hostvars = variables.get("hostvars") or {}
    hosts = [str(host) for host in variables.get("ansible_play_hosts_all", ()) if host in hostvars]
    for name in (_MAPPING, _FILE):
        values = [plain(hostvars[host].get(name)) for host in hosts]
        other = next((host for host, value in zip(hosts, values, strict=True) if value != values[0]), None)
        if other is not None:
            raise AnsibleError(f"{name} of {other} differs from that of {hosts[0]}; set it for the group all only.")
