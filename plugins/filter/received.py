"""What a host's part of a step receives of the parts of other hosts before it."""

from __future__ import annotations

DOCUMENTATION = r"""
name: received
short_description: A part of a step with what other hosts hand over
version_added: "0.2.0"
description:
  - Puts values that other hosts of the step have handed over, such as the verifier of a password, into the acts that
    wait for them. Each is taken by its name, and refused where it has another form than it must have.
positional: _input, hosts, hostvars
options:
  _input:
    description: The steps of this host's part.
    type: list
    elements: dict
    required: true
  hosts:
    description: Names of the step's hosts.
    type: list
    elements: str
    required: true
  hostvars:
    description: Ansible's C(hostvars), where the results of M(selextract.infra.segment) are registered.
    type: dict
    required: true
author: ["selextract-infra contributors"]
"""

EXAMPLES = r"""
steps: "{{ selextract_values.parts[2] | selextract.infra.received(ansible_play_hosts_all, hostvars) }}"
"""

RETURN = r"""
_value:
  description: For M(selextract.infra.segment).
  type: list
  elements: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils.policy import plain

_ANSWERS = ("selextract_segment", "selextract_segment_with_it", "selextract_followed")


def received(steps: list[Any], hosts: list[str], hostvars: Mapping[str, Any]) -> list[dict[str, Any]]:
    from selextract_infra.errors import SelextractError
    from selextract_infra.hosts.handed_over import with_received

    answers = [plain(hostvars[host].get(name) or {}) for host in hosts for name in _ANSWERS]
    try:
        return with_received(plain(steps), answers)
    except SelextractError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"received": received}
