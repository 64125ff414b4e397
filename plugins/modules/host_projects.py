#!/usr/bin/python
"""Which Projects something of ours is kept of on a host, and forgetting one of them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_projects
short_description: The Projects that a host has something of ours for
version_added: "0.2.0"
description:
  - C(agreed) stops where a host has something for a Project that was not named; what is host-wide is for all of them.
  - C(forgotten) takes away what is kept of one Project, the records of its Runs with it. Everything else stays.
author: ["selextract-infra contributors"]
options:
  state:
    description: What to do.
    type: str
    choices: [agreed, forgotten]
    default: agreed
  named:
    description: The Projects that were named to whoever agreed. None are needed where the host has one Project only.
    type: list
    elements: str
    default: []
  project:
    description: The Project to forget. Required with O(state=forgotten).
    type: str
  run_id:
    description: ID of the Run that holds the lock. Required with O(state=forgotten).
    type: str
extends_documentation_fragment:
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says what would change., support: full}
"""

EXAMPLES = r"""
- name: Stop where somebody else's Project is on the host
  selextract.infra.host_projects:
    named: [shop]
"""

RETURN = r"""
projects: {description: The Projects that something is kept of., type: list, elements: str, returned: success}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.docker.forget_project import forget_project
from ..module_utils.module import run
from ..module_utils.state.act import by_state
from ..module_utils.state.options import DOCKER, STATE
from ..module_utils.state.project_state import known_projects
from ..module_utils.state.state import StateFolder
from ..module_utils.system.failure import HostSideError


def main() -> None:
    run(
        by_state(agreed=_agreed, forgotten=_forgotten),
        {
            "state": {"type": "str", "choices": ["agreed", "forgotten"], "default": "agreed"},
            "named": {"type": "list", "elements": "str", "default": []},
            "project": {"type": "str"},
            "run_id": {"type": "str"},
            **DOCKER,
            **STATE,
        },
        required_if=[("state", "forgotten", ["project", "run_id"])],
    )


def _agreed(module: AnsibleModule) -> dict[str, Any]:
    known, named = known_projects(StateFolder(module.params["state_folder"])), module.params["named"]
    unnamed = [name for name in known if name not in named] if len(known) > 1 else []
    if unnamed:
        raise HostSideError(
            f"This host has something of ours for {', '.join(known)}, and {', '.join(unnamed)} was not named; nothing"
            " was touched. Name one with --project, or agree to all of them.",
            kind="refused",
            rule="projects",
        )
    return {"changed": False, "projects": known}


def _forgotten(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    folder = StateFolder(given["state_folder"])
    holder = folder.read("lock.json") or {}
    if not module.check_mode and holder.get("run_id") != given["run_id"]:
        raise HostSideError("The lock is not ours, so nothing was removed.", kind="locked")
    known = known_projects(folder)
    if not module.check_mode:
        forget_project(folder, given["docker_socket"], given["project"], keep=given["run_id"])
    return {"changed": given["project"] in known, "projects": [name for name in known if name != given["project"]]}


if __name__ == "__main__":
    main()
