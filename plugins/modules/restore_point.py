#!/usr/bin/python
"""Make a restore point."""

from __future__ import annotations

DOCUMENTATION = r"""
module: restore_point
short_description: Dump the databases and archive the files of an app
version_added: "0.1.0"
description:
  - Dumps every database, archives the folder of the app, and reads all of it again; only what could be read counts.
  - Everything is readable by root alone, because it holds secrets.
author: ["selextract-infra contributors"]
options:
  project:
    description: Name of the Compose project.
    type: str
    required: true
  directory:
    description: The folder of its Compose files.
    type: path
    required: true
  folder:
    description: Where restore points are kept.
    type: path
    required: true
  kept:
    description: How many are kept.
    type: int
    required: true
  largest_file:
    description: Larger files of the app's folder are left out; in bytes.
    type: int
    required: true
  bound_seconds:
    description: How long one dump may take.
    type: float
    default: 3600
  others:
    description: Other Projects of the host that belong to it, each with C(project), C(directory) and C(databases).
    type: list
    elements: dict
    default: []
extends_documentation_fragment:
  - selextract.infra.options.databases
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing., support: full}
  diff_mode: {description: There is nothing to show., support: none}
"""

EXAMPLES = r"""
- name: Make a restore point
  selextract.infra.restore_point:
    project: selextract
    directory: /opt/selextract
    databases: [{service: postgres}]
    folder: /var/backups/selextract-infra
    kept: 3
    largest_file: 16777216
    run_id: 20260301T020000-9f3ac1
    step_id: backup
"""

RETURN = r"""
path: {description: The folder of the restore point., type: str, returned: always}
files: {description: What it holds., type: list, elements: dict, returned: always}
"""

import os
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.module import run
from ..module_utils.postgres.psql import find_servers
from ..module_utils.postgres.restore_point import RestorePoint
from ..module_utils.state.lock import held_run
from ..module_utils.state.options import DATABASES, DOCKER, STATE, STEP
from ..module_utils.state.state import StateFolder


def main() -> None:
    run(
        _make,
        {
            "project": {"type": "str", "required": True},
            "directory": {"type": "path", "required": True},
            **DATABASES,
            "others": {"type": "list", "elements": "dict", "default": []},
            "folder": {"type": "path", "required": True},
            "kept": {"type": "int", "required": True},
            "largest_file": {"type": "int", "required": True},
            "bound_seconds": {"type": "float", "default": 3600},
            **STEP,
            **DOCKER,
            **STATE,
        },
    )


def _make(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    point = RestorePoint(given["folder"], given["run_id"], given["bound_seconds"])
    if module.check_mode:
        return {"changed": True, "path": point.path, "files": []}
    record = held_run(StateFolder(given["state_folder"]), given["run_id"])
    record.start_step(given["step_id"], time.time())
    socket_path = given["docker_socket"]
    with record.failure_noted(given["step_id"]):
        apps = [given, *given["others"]]
        servers = [server for app in apps for server in find_servers(socket_path, app["project"], app["databases"])]
        folders = {other["project"]: other["directory"] for other in given["others"]}
        os.makedirs(given["folder"], mode=0o700, exist_ok=True)
        files = point.make(servers, given["directory"], given["largest_file"], folders)
        point.forget_older(given["kept"])
    record.end_step(given["step_id"], "verified", time.time(), point.path)
    return {"changed": True, "path": point.path, "files": files}


if __name__ == "__main__":
    main()
