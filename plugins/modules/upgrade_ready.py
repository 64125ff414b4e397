#!/usr/bin/python
"""Check that an upgrade can work on this host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: upgrade_ready
short_description: Check that an upgrade can work, and measure answers
version_added: "0.1.0"
description:
  - There must be room for the restore point, the volume must be one that can be grown, every address must answer.
  - How fast they answer is noted in the Run's record, for comparing it afterwards.
author: ["selextract-infra contributors"]
options:
  project:
    description: Name of the Compose project; without it there is nothing to dump.
    type: str
  folder:
    description: Where restore points are kept.
    type: path
    required: true
  room:
    description: How much room a restore point needs, as a multiple of the databases' size.
    type: float
    required: true
  urls:
    description: Addresses that must answer 2xx on the host itself.
    type: list
    elements: str
    default: []
  requests:
    description: How often each is asked.
    type: int
    required: true
  grows:
    description: Where the volume is mounted that is to be grown; without it none is.
    type: path
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
- name: Check that it can work
  selextract.infra.upgrade_ready:
    project: selextract
    databases: [{service: postgres}]
    folder: /var/backups/selextract-infra
    room: 1.2
    urls: ["http://127.0.0.1:8080/api/v1/health"]
    requests: 20
    run_id: 20260301T020000-9f3ac1
    step_id: preflight
"""

RETURN = r"""
answers: {description: "By address, the 95th percentile in seconds.", type: dict, returned: always}
needed: {description: Bytes that the restore point needs., type: int, returned: always}
"""

import os
import shutil
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.module import run
from ..module_utils.postgres.psql import find_servers
from ..module_utils.postgres.restore_point import needed_bytes
from ..module_utils.state.lock import held_run
from ..module_utils.state.options import DATABASES, DOCKER, STATE, STEP
from ..module_utils.state.state import StateFolder
from ..module_utils.system.amounts import disk
from ..module_utils.system.failure import HostSideError
from ..module_utils.system.response_times import answer_times
from ..module_utils.system.volume import Volume


def main() -> None:
    run(
        _check,
        {
            "project": {"type": "str"},
            **DATABASES,
            "others": {"type": "list", "elements": "dict", "default": []},
            "folder": {"type": "path", "required": True},
            "room": {"type": "float", "required": True},
            "urls": {"type": "list", "elements": "str", "default": []},
            "requests": {"type": "int", "required": True},
            "grows": {"type": "path"},
            **STEP,
            **DOCKER,
            **STATE,
        },
    )


def _check(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    if module.check_mode:
        return {"changed": False, **_seen(given)}
    record = held_run(StateFolder(given["state_folder"]), given["run_id"])
    record.start_step(given["step_id"], time.time())
    with record.failure_noted(given["step_id"]):
        seen = _seen(given)
    record.note_seen(given["step_id"], {"answers": seen["answers"]})
    record.end_step(given["step_id"], "verified", time.time())
    return {"changed": False, **seen}


def _seen(given: dict[str, Any]) -> dict[str, Any]:
    if given["grows"]:
        Volume(given["grows"]).refuse_hopeless()
    needed = _room(given) if given["project"] else 0
    return {"answers": answer_times(given["urls"], given["requests"]), "needed": needed}


def _room(given: dict[str, Any]) -> int:
    """What the restore point needs; raises where there is less."""
    apps = [given, *given["others"]]
    servers = [
        server for app in apps for server in find_servers(given["docker_socket"], app["project"], app["databases"])
    ]
    needed = needed_bytes(servers, given["room"])
    nearest = given["folder"]
    while not os.path.isdir(nearest):
        nearest = os.path.dirname(nearest)
    free = shutil.disk_usage(nearest).free
    if free < needed:
        raise HostSideError(
            f"The restore point needs {disk(needed)} at {given['folder']}, and {disk(free)} are free.",
            kind="refused",
            rule="vertical.restore_point",
        )
    return needed


if __name__ == "__main__":
    main()
