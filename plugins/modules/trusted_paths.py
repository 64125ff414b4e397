#!/usr/bin/python
"""Refuse paths of a unit that others than root and the unit's user may change."""

from __future__ import annotations

DOCUMENTATION = r"""
module: trusted_paths
short_description: Refuse what others could change behind a unit's back
version_added: "0.2.0"
description:
  - A unit runs a program and reads an inventory and a policy as its user, often root. Whoever may write in any folder
    on the way there, or in what lies below, decides what that user does. Such a path is refused, and the part named.
  - A program in a Python environment stands for the whole environment, a folder for all in it, and the file of an
    inventory for C(group_vars) and C(host_vars) beside it. Links are looked at, and where they lead.
author: ["selextract-infra contributors"]
options:
  paths:
    description: What the unit runs and reads; what is missing is no matter of this module.
    type: list
    elements: path
    required: true
  user: {description: The unit's user., type: str, required: true}
attributes:
  check_mode: {description: Does the same; nothing is changed., support: full}
"""

EXAMPLES = r"""
- name: Refuse what others could change
  selextract.infra.trusted_paths:
    paths: [/usr/local/bin/selextract-infra, /etc/selextract-infra/inventory]
    user: root
"""

RETURN = r"""
paths: {description: What was looked at., type: list, elements: str, returned: success}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.module import run
from ..module_utils.system.trusted_path import refuse_foreign_writers

_OPTIONS = {
    "paths": {"type": "list", "elements": "path", "required": True},
    "user": {"type": "str", "required": True},
}


def main() -> None:
    run(_look, _OPTIONS)


def _look(module: AnsibleModule) -> dict[str, Any]:
    refuse_foreign_writers(module.params["paths"], module.params["user"])
    return {"changed": False, "paths": module.params["paths"]}


if __name__ == "__main__":
    main()
