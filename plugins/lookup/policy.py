"""The policy of the inventory, as roles and templates read it."""

from __future__ import annotations

DOCUMENTATION = r"""
name: policy
short_description: The policy in force
version_added: "0.1.0"
description:
  - The guide with the overrides of the group C(all), C(selextract_policy) or C(selextract_policy_file); the same
    values that
    the library uses, in base units (bytes, seconds, cores, ratios).
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
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from ..plugin_utils.policy import common_policy


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **_options: Any) -> list[Any]:
        policy = common_policy(variables or {})
        everything = json.loads(policy.model_dump_json())
        return [_at(everything, str(path)) for path in terms] if terms else [everything]


def _at(values: Any, path: str) -> Any:
    for part in path.split("."):
        if not isinstance(values, dict) or part not in values:
            raise AnsibleError(f"The policy has no value {path}.")
        values = values[part]
    return values
