"""Which hosts refused the lock, in words."""

from __future__ import annotations

DOCUMENTATION = r"""
name: refusals
short_description: Why hosts could not be locked
version_added: "0.1.0"
description:
  - One sentence for each host whose lock somebody else has. Hosts that did not answer are left out.
positional: _input, hostvars
options:
  _input:
    description: Names of hosts.
    type: list
    elements: str
    required: true
  hostvars:
    description: Ansible's C(hostvars), where C(selextract_lock) holds the result of M(selextract.infra.host_lock).
    type: dict
    required: true
author: ["selextract-infra contributors"]
"""

EXAMPLES = r"""
refusals: "{{ ansible_play_hosts_all | selextract.infra.refusals(hostvars) }}"
"""

RETURN = r"""
_value:
  description: The sentences, empty when every host that answered is locked for us.
  type: list
  elements: str
"""

from collections.abc import Callable, Mapping
from typing import Any


def refusals(hosts: list[str], hostvars: Mapping[str, Any]) -> list[str]:
    locks = {host: hostvars[host].get("selextract_lock") or {} for host in hosts}
    return [f"{host}: {lock['sentence']}" for host, lock in locks.items() if lock.get("acquired") is False]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"refusals": refusals}
