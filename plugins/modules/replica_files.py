#!/usr/bin/python
"""Write the files of a replica on its host, or take all of it away."""

from __future__ import annotations

DOCUMENTATION = r"""
module: replica_files
short_description: The files of a Postgres replica
version_added: "0.1.0"
description:
  - A Compose project of our own with configuration, start program, certificate, and the password for the primary,
    which is made here, is in no other place, and of which only the verifier is returned.
  - C(absent) takes container, volume, files and check away.
author: ["selextract-infra contributors"]
options:
  project:
    description: The Compose project of the app.
    type: str
    required: true
  wanted:
    description: What is wanted, as the Plan says. Required with O(state=present).
    type: dict
  again:
    description: Whether the data are to be cloned anew though they are there.
    type: bool
    default: false
  state:
    description: What is to be.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says what would change., support: full}
"""

EXAMPLES = r"""
- name: Write the files of the replica
  selextract.infra.replica_files:
    project: selextract
    wanted: "{{ selextract_values.replica }}"
    run_id: 20260301T020000-9f3ac1
    step_id: replica-db2
"""

RETURN = r"""
verifier: {description: The verifier of the replica's password., type: str, returned: with O(state=present)}
fresh: {description: Whether its data have to be cloned., type: bool, returned: with O(state=present)}
name: {description: The Compose project that it is., type: str, returned: always}
folder: {description: The folder of its files., type: str, returned: always}
files: {description: What changed., type: list, elements: str, returned: always}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.docker.program import docker
from ..module_utils.module import run
from ..module_utils.postgres.scram import scram_verifier
from ..module_utils.replica.clone import Clone
from ..module_utils.replica.project import ReplicaProject, image_tag
from ..module_utils.state.act import by_state
from ..module_utils.state.lock import held_run
from ..module_utils.state.options import DOCKER, STATE, STEP
from ..module_utils.state.runs import RunRecord
from ..module_utils.state.state import StateFolder
from ..module_utils.system.failure import HostSideError


def main() -> None:
    run(
        by_state(present=_present, absent=_absent),
        {
            "project": {"type": "str", "required": True},
            "wanted": {"type": "dict"},
            "again": {"type": "bool", "default": False},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            **STEP,
            **DOCKER,
            **STATE,
        },
        required_if=[("state", "present", ["wanted"])],
    )


def _record(module: AnsibleModule) -> RunRecord | None:
    if module.check_mode:
        return None
    given = module.params
    record = held_run(StateFolder(given["state_folder"]), given["run_id"])
    record.start_step_once(given["step_id"], time.time())
    return record


def _present(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    record, wanted = _record(module), given["wanted"]
    project = ReplicaProject(StateFolder(given["state_folder"]), given["docker_socket"], given["project"])
    clone = Clone(project, wanted)
    fresh = given["again"] or not clone.finished
    if record is not None:
        if fresh:
            record.note_inverse(given["step_id"], "replica", {"project": given["project"], "name": wanted["name"]})
        else:
            before = {"project": given["project"], "wanted": (project.finished or {}).get("wanted")}
            record.note_inverse(given["step_id"], "replica_files", before)
        if given["again"]:
            clone.forget()
        _tag(wanted["image"]["id"])
    written = project.write(wanted, check=record is None)
    password = project.password
    return {
        "changed": bool(written) or fresh,
        "name": project.own.name,
        "folder": project.path,
        "files": written,
        "fresh": fresh,
        "verifier": scram_verifier(password) if password else "",
    }


def _tag(image: str) -> None:
    """Give the primary's image the name that the project's file has for it."""
    if docker(["image", "inspect", "-f", "yes", image_tag(image)]).code == 0:
        return
    if docker(["tag", image, image_tag(image)]).code:
        raise HostSideError("The primary's image is not on this host.", kind="docker")


def _absent(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    record = _record(module)
    project = ReplicaProject(StateFolder(given["state_folder"]), given["docker_socket"], given["project"])
    own = {"name": project.own.name, "folder": project.path}
    if record is None:
        return {"changed": project.present, "files": [], **own}
    gone = project.remove()
    record.end_step(given["step_id"], "verified", time.time())
    return {"changed": bool(gone), "files": gone, **own}


if __name__ == "__main__":
    main()
