#!/usr/bin/python
"""Bring the balancer for reads to what is wanted."""

from __future__ import annotations

DOCUMENTATION = r"""
module: read_balancer
short_description: The load balancer before Postgres replicas
version_added: "0.1.0"
description:
  - C(files) writes its files, which HAProxy has to accept before they take their place. C(force) makes the same true in
    the running HAProxy over its admin socket, so that nothing is reloaded.
  - C(join) and C(leave) take one replica into it and out of it for good.
  - C(drained) and C(ready) take one replica out of rotation and back, for maintenance. C(absent) takes
    the balancer away.
author: ["selextract-infra contributors"]
options:
  project:
    description: The Compose project of the app.
    type: str
    required: true
  action:
    description: What to do.
    type: str
    choices: [files, force, join, leave, drained, ready, absent]
    default: files
  settings:
    description: What is wanted, as the Plan says. Required with O(action=files).
    type: dict
  replica:
    description: The replica that joins, with C(name), C(address), C(port) and whether it is for C(analytics).
    type: dict
  name:
    description: The replica to let go, to drain, or to take back.
    type: str
  part:
    description: Whether the step goes on after this.
    type: bool
    default: false
  bound_seconds:
    description: How long connections of a drained replica may go on, or its check may take to find it good.
    type: float
    default: 60
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says what would change., support: full}
"""

EXAMPLES = r"""
- name: Write the balancer's files
  selextract.infra.read_balancer:
    project: selextract
    settings: "{{ selextract_values.balancer }}"
    run_id: 20260301T020000-9f3ac1
    step_id: balancer
"""

RETURN = r"""
name: {description: The Compose project that it is., type: str, returned: success}
folder: {description: The folder of its files., type: str, returned: success}
servers: {description: The replicas as HAProxy sees them., type: list, elements: dict, returned: success}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.haproxy.read_rotation import ReadRotation, config_text, joined, left
from ..module_utils.module import run
from ..module_utils.state.lock import held_run
from ..module_utils.state.options import DOCKER, STATE, STEP
from ..module_utils.state.runs import RunRecord
from ..module_utils.state.state import StateFolder


def main() -> None:
    run(
        _work,
        {
            "project": {"type": "str", "required": True},
            "action": {
                "type": "str",
                "choices": ["files", "force", "join", "leave", "drained", "ready", "absent"],
                "default": "files",
            },
            "settings": {"type": "dict"},
            "replica": {"type": "dict"},
            "name": {"type": "str"},
            "part": {"type": "bool", "default": False},
            "bound_seconds": {"type": "float", "default": 60},
            **STEP,
            **DOCKER,
            **STATE,
        },
        required_if=[
            ("action", "files", ["settings"]),
            ("action", "join", ["replica"]),
            ("action", "leave", ["name"]),
            ("action", "drained", ["name"]),
            ("action", "ready", ["name"]),
        ],
    )


def _work(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    folder = StateFolder(given["state_folder"])
    rotation = ReadRotation(folder, given["docker_socket"], given["project"])
    if module.check_mode:
        return _told(rotation, changed=_would_change(rotation, given), diff=_difference(rotation, given))
    record = held_run(folder, given["run_id"])
    record.start_step_once(given["step_id"], time.time())
    difference = _difference(rotation, given)
    changed = _done(rotation, record, given)
    if given["action"] != "files" and not given["part"]:
        record.end_step(given["step_id"], "verified", time.time())
    return _told(rotation, changed=changed, diff=difference)


def _done(rotation: ReadRotation, record: RunRecord, given: dict[str, Any]) -> bool:
    action, before = given["action"], rotation.settings
    if action == "absent":
        return rotation.remove()
    if action == "files":
        if rotation.matches(given["settings"]):
            return False
        record.note_inverse(given["step_id"], "read_balancer", {"project": given["project"], "settings": before})
        rotation.place_files({**given["settings"], "replicas": (before or {}).get("replicas", [])})
        return True
    if before is None:
        return False
    if action == "force":
        rotation.wait()
        rotation.bring_into_force()
        return False
    if action in ("join", "leave"):
        return _moved(rotation, record, given)
    if action == "drained":
        record.note_inverse(given["step_id"], "read_rotation", {given["name"]: given["bound_seconds"]})
        rotation.drain(given["name"], given["bound_seconds"])
        return True
    rotation.ready(given["name"], given["bound_seconds"])
    return True


def _moved(rotation: ReadRotation, record: RunRecord, given: dict[str, Any]) -> bool:
    """One replica joins or leaves; the files first, then the running HAProxy."""
    before = dict(rotation.settings or {})
    after = joined(before, given["replica"]) if given["action"] == "join" else left(before, given["name"])
    if after != before:
        record.note_inverse(given["step_id"], "read_balancer", {"project": given["project"], "settings": before})
        rotation.place_files(after)
    rotation.bring_into_force()
    if given["action"] == "join":
        rotation.ready(given["replica"]["name"], given["bound_seconds"])
    return after != before


def _would_change(rotation: ReadRotation, given: dict[str, Any]) -> bool:
    if given["action"] == "files":
        return not rotation.matches(given["settings"])
    return given["action"] != "force" and rotation.settings is not None


def _difference(rotation: ReadRotation, given: dict[str, Any]) -> list[dict[str, str]]:
    if given["action"] != "files":
        return []
    before = config_text(rotation.settings) if rotation.settings else ""
    replicas = (rotation.settings or {}).get("replicas", [])
    after = config_text({**given["settings"], "replicas": replicas})
    header = {"before_header": "haproxy.cfg", "after_header": "haproxy.cfg"}
    return [] if before == after else [{**header, "before": before, "after": after}]


def _told(rotation: ReadRotation, *, changed: bool, diff: list[dict[str, str]]) -> dict[str, Any]:
    servers = rotation.status() if rotation.admin.answers else []
    own = {"name": rotation.own.name, "folder": rotation.place}
    return {"changed": changed, **own, "servers": servers, "diff": diff}


if __name__ == "__main__":
    main()
