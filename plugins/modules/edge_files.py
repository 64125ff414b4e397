#!/usr/bin/python
"""Put files of ours into the include folder of Nginx."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_files
short_description: Put files of ours into the include folder of Nginx
version_added: "0.1.0"
description:
  - The running Nginx checks its whole configuration with them, and must include each of them, before it reads them.
    Where it does not accept them, what was there before is there again.
author: ["selextract-infra contributors"]
options:
  state:
    description:
      - V(absent) turns every switch off and takes away whatever Nginx has read from us; nothing else has to be said.
    type: str
    choices: [present, absent]
    default: present
  folder:
    description: The include folder on the host. Required with O(state=present).
    type: path
  files:
    description: The text of each file by its name; none takes ours away. Required with O(state=present).
    type: dict
  project:
    description: The Compose project of the app. Required with O(state=present); without it, every one here.
    type: str
  service:
    description: The service that Nginx is. Required with O(state=present).
    type: str
extends_documentation_fragment:
  - selextract.infra.options.step_if_present
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says whether something would change., support: full}
"""

EXAMPLES = r"""
- name: Take our files away
  selextract.infra.edge_files:
    folder: /opt/selextract/nginx.d
    files: {}
    project: selextract
    service: nginx
    run_id: 20260301T020000-9f3ac1
    step_id: balancer
"""

RETURN = r"""
files: {description: Names of our files there., type: list, elements: str, returned: success}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.module import run
from ..module_utils.nginx.include_files import Edge
from ..module_utils.state.act import by_state
from ..module_utils.state.lock import held_run
from ..module_utils.state.options import DOCKER, STATE, STEP_IF_PRESENT
from ..module_utils.state.project_state import known_projects
from ..module_utils.state.state import StateFolder


def main() -> None:
    run(
        by_state(present=_place, absent=_take_away),
        {
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "folder": {"type": "path"},
            "files": {"type": "dict"},
            "project": {"type": "str"},
            "service": {"type": "str"},
            **STEP_IF_PRESENT,
            **DOCKER,
            **STATE,
        },
        required_if=[("state", "present", ["folder", "files", "project", "service", "run_id", "step_id"])],
    )


def _place(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    folder = StateFolder(given["state_folder"])
    edge = Edge(folder, given["docker_socket"], given["project"])
    before = edge.files(given["folder"])
    changed = edge.differs(given["folder"], given["files"])
    if changed and not module.check_mode:
        record = held_run(folder, given["run_id"])
        record.start_step_once(given["step_id"], time.time())
        about = {name: given[name] for name in ("folder", "project", "service")}
        record.note_inverse(given["step_id"], "edge_files", {**about, "files": before})
        record.note_left(given["step_id"], "edge_files", {"files": given["files"]})
        edge.write(given["folder"], given["files"], given["project"], given["service"])
    names = sorted({*before, *given["files"]})
    return {
        "changed": changed,
        "files": sorted(given["files"]),
        "diff": [
            {"before_header": name, "after_header": name, "before": before.get(name, ""), "after": str(after)}
            for name in names
            if before.get(name, "") != (after := given["files"].get(name, ""))
        ],
    }


def _take_away(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    folder = StateFolder(given["state_folder"])
    names = [given["project"]] if given["project"] else known_projects(folder)
    edges = [edge for name in names if (edge := Edge(folder, given["docker_socket"], name)).read_by_nginx]
    for edge in edges if not module.check_mode else ():
        edge.take_away()
    return {"changed": bool(edges), "files": [], "diff": []}


if __name__ == "__main__":
    main()
