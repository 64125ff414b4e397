"""The policy of the inventory, as roles and templates read it."""

from __future__ import annotations

DOCUMENTATION = r"""
name: policy
short_description: The policy in force
version_added: "0.1.0"
description:
  - The guide with the overrides of the group C(all), C(selextract_policy) or C(selextract_policy_file); the same
    values that the library uses, in base units (bytes, seconds, cores, ratios).
  - What the guide leaves open comes as the value in force, which is the team's or else the policy's reading.
author: ["selextract-infra contributors"]
options:
  _terms:
    description: Dotted paths; without any, the whole policy.
    required: false
"""

EXAMPLES = r"""
- name: Show how long a bucket is
  ansible.builtin.debug:
    msg: "{{ lookup('selextract.infra.policy', 'rightsizing.bucket') }}"
"""

RETURN = r"""
_raw:
  description: The value of each path, or one mapping of everything.
  type: list
  elements: raw
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from ..plugin_utils.policy import common_policy

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

_READING = {"stated", "reading"}


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **_options: Any) -> list[Any]:
        policy = common_policy(variables or {})
        everything = json.loads(policy.model_dump_json())
        return [_at(policy, everything, str(path)) for path in terms] if terms else [everything]


def _at(policy: Policy, values: Any, path: str) -> Any:
    from selextract_infra.errors import PolicyError

    try:
        policy.value(path)
    except PolicyError as problem:
        raise AnsibleError(str(problem)) from problem
    for part in path.split("."):
        values = values[part]
    if isinstance(values, dict) and set(values) == _READING:
        return values["reading"] if values["stated"] is None else values["stated"]
    return values
