#!/usr/bin/python
"""Let a new instance have the unnamed volumes of the one that it replaces."""

from __future__ import annotations

DOCUMENTATION = r"""
module: volumes_hand_on
short_description: Let a new instance have the unnamed volumes of the one that it replaces
version_added: "0.1.0"
description:
  - Compose hands on volumes without a name where it recreates a container itself. An instance that was retired first
    would be followed by one with empty volumes.
  - The newest instance of the service is made again from its own definition with the volumes of the replaced one. The
    empty volumes that it began with are removed. Where there are none, nothing is done.
author: ["selextract-infra contributors"]
options:
  project:
    description: The Compose project of the app.
    type: str
    required: true
  service:
    description: The service.
    type: str
    required: true
  replaced:
    description: ID of the container that M(selextract.infra.container_retire) removed.
    type: str
    required: true
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing., support: full}
"""

EXAMPLES = r"""
- name: Hand its volumes on
  selextract.infra.volumes_hand_on:
    project: selextract
    service: api
    replaced: "{{ retired.container }}"
    run_id: 20260301T020000-9f3ac1
    step_id: settle-app1
"""

RETURN = r"""
container:
  description: ID of the instance that has the volumes now, none where nothing had to be done.
  type: str
  returned: always
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.docker.carried_volumes import hand_on
from ..module_utils.docker.containers import find_containers
from ..module_utils.docker.engine import Engine
from ..module_utils.docker.instances import instances_of
from ..module_utils.docker.kept_definitions import KeptDefinitions
from ..module_utils.module import run
from ..module_utils.state.lock import held_run
from ..module_utils.state.options import DOCKER, STATE, STEP
from ..module_utils.state.state import StateFolder


def main() -> None:
    run(
        _hand_on,
        {
            "project": {"type": "str", "required": True},
            "service": {"type": "str", "required": True},
            "replaced": {"type": "str", "required": True},
            **STEP,
            **DOCKER,
            **STATE,
        },
    )


def _hand_on(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    if module.check_mode:
        return {"changed": False, "container": None}
    folder = StateFolder(given["state_folder"])
    held_run(folder, given["run_id"])
    removed = KeptDefinitions(folder, given["run_id"]).definition(given["replaced"])
    with Engine(given["docker_socket"]) as engine:
        found = find_containers(engine, given["docker_socket"], given["project"])
        own = {one.id: one for one in instances_of(found, given["project"], given["service"])}
        details = [details for name in own if (details := engine.inspect(name))]
        if removed is None or not details:
            return {"changed": False, "container": None}
        newest = max(details, key=lambda one: str(one.get("Created")))
        made = hand_on(engine, removed, newest, own[newest["Id"]].stop_grace)
    return {"changed": made is not None, "container": made}


if __name__ == "__main__":
    main()
