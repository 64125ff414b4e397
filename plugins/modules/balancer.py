#!/usr/bin/python
"""Start, change or remove the balancer before the API."""

from __future__ import annotations

DOCUMENTATION = r"""
module: balancer
short_description: Start, change or remove the balancer before the API
version_added: "0.1.0"
description:
  - HAProxy as a Compose project of our own on the app's network. It publishes no port.
  - HAProxy itself accepts the configuration before it is used.
  - What was there before is noted where a Run is named, so that it can be put back.
author: ["selextract-infra contributors"]
options:
  project:
    description: The Compose project of the app. Without it and with O(state=absent), every balancer here.
    type: str
  state:
    description: Whether there is to be one. It is removed when it holds no request any more.
    type: str
    choices: [present, absent]
    default: present
  compose:
    description: Its Compose file. Required with O(state=present).
    type: str
  settings:
    description:
      - C(project) and C(service) of the app, C(network), C(port) and C(path) of an instance, C(options) of a server,
        C(rise), C(image), and C(config), HAProxy's configuration up to its servers. Required with O(state=present).
    type: dict
extends_documentation_fragment:
  - selextract.infra.options.step_if_present
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says whether something would change., support: full}
"""

EXAMPLES = r"""
- name: Remove the balancer
  selextract.infra.balancer:
    project: selextract
    state: absent
    run_id: 20260301T020000-9f3ac1
    step_id: balancer
"""

RETURN = r"""
made_anew: {description: Whether its container was created., type: bool, returned: success}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.haproxy.balancer import Balancer
from ..module_utils.module import run
from ..module_utils.state.act import by_state
from ..module_utils.state.lock import held_run
from ..module_utils.state.options import DOCKER, STATE, STEP_IF_PRESENT
from ..module_utils.state.project_state import known_projects
from ..module_utils.state.state import StateFolder


def main() -> None:
    run(
        by_state(present=_present, absent=_absent),
        {
            "project": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "compose": {"type": "str"},
            "settings": {"type": "dict"},
            **STEP_IF_PRESENT,
            **DOCKER,
            **STATE,
        },
        required_if=[("state", "present", ["project", "compose", "settings", "run_id", "step_id"])],
        required_together=[("run_id", "step_id")],
    )


def _present(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    balancer = Balancer(StateFolder(given["state_folder"]), given["docker_socket"], given["project"])
    settings = {**given["settings"], "servers": balancer.rotation.servers}
    other_files = balancer.rotation.compose_text != given["compose"]
    anew = other_files or not balancer.running
    changed = anew or settings != balancer.rotation.settings
    if changed and not module.check_mode:
        _note(module, balancer)
        balancer.place_files(given["compose"], settings, str(settings["image"]))
        _note_left(module, balancer)
        if anew:
            balancer.start(anew=other_files)
        else:
            balancer.rotation.reload()
    return {"changed": changed, "made_anew": anew}


def _absent(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    folder = StateFolder(given["state_folder"])
    names = [given["project"]] if given["project"] else known_projects(folder)
    gone = [_taken_away(module, Balancer(folder, given["docker_socket"], name)) for name in names]
    return {"changed": any(gone), "made_anew": False}


def _taken_away(module: AnsibleModule, balancer: Balancer) -> bool:
    """Whether there was one."""
    there, noted = balancer.rotation.settings is not None or balancer.running, bool(module.params["run_id"])
    if there and not module.check_mode:
        if noted:
            _note(module, balancer)
        balancer.remove()
        if noted:
            _note_left(module, balancer)
    return there


def _note(module: AnsibleModule, balancer: Balancer) -> None:
    given = module.params
    record = held_run(StateFolder(given["state_folder"]), given["run_id"])
    record.start_step_once(given["step_id"], time.time())
    record.note_inverse(given["step_id"], "balancer", balancer.inverse())


def _note_left(module: AnsibleModule, balancer: Balancer) -> None:
    given = module.params
    record = held_run(StateFolder(given["state_folder"]), given["run_id"])
    record.note_left(given["step_id"], "balancer", {"digest": balancer.digest})


if __name__ == "__main__":
    main()
