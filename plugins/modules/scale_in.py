#!/usr/bin/python
"""Take instances of a service away without losing what they work on."""

from __future__ import annotations

DOCUMENTATION = r"""
module: scale_in
short_description: Take instances of a service away without losing what they work on
version_added: "0.1.0"
description:
  - An instance of the API leaves rotation, and is stopped when it holds no request any more. A worker gets its own
    stop signal, finishes what it has begun, and is stopped then.
  - How each is made again is kept on the host until the Run ends, before any of them is stopped.
  - Exactly these instances are removed; their volumes stay. Those that are gone already are no failure.
author: ["selextract-infra contributors"]
options:
  project:
    description: The Compose project of the app.
    type: str
    required: true
  service:
    description: The service they must belong to.
    type: str
    required: true
  names:
    description: Names of the containers.
    type: list
    elements: str
    required: true
  drain_seconds:
    description: How long an instance may hold requests after it has left rotation.
    type: float
    default: 70
  stop_grace:
    description: How long each gets to stop, where its own time is shorter; in seconds.
    type: float
    default: 0
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says whether something would change., support: full}
"""

EXAMPLES = r"""
- name: Take two workers away
  selextract.infra.scale_in:
    project: selextract
    service: worker
    names: [selextract-worker-3, selextract-worker-4]
    stop_grace: 60
    run_id: 20260301T020000-9f3ac1
    step_id: scale-app1-worker
"""

RETURN = r"""
removed: {description: The instances that were removed., type: list, elements: str, returned: success}
seconds: {description: How long it took., type: float, returned: success}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.docker.containers import find_containers
from ..module_utils.docker.engine import Engine
from ..module_utils.docker.instances import instances_of, retire
from ..module_utils.docker.kept_definitions import Leaving, note_definitions
from ..module_utils.haproxy.rotation import Rotation
from ..module_utils.module import run
from ..module_utils.state.lock import held_run
from ..module_utils.state.options import DOCKER, STATE, STEP
from ..module_utils.state.state import StateFolder
from ..module_utils.system.failure import HostSideError

_GATE = 120.0  # seconds, where nothing was noted


def main() -> None:
    run(
        _take_away,
        {
            "project": {"type": "str", "required": True},
            "service": {"type": "str", "required": True},
            "names": {"type": "list", "elements": "str", "required": True},
            "drain_seconds": {"type": "float", "default": 70},
            "stop_grace": {"type": "float", "default": 0},
            **STEP,
            **DOCKER,
            **STATE,
        },
    )


def _take_away(module: AnsibleModule) -> dict[str, Any]:
    given, began = module.params, time.monotonic()
    folder = StateFolder(given["state_folder"])
    with Engine(given["docker_socket"]) as engine:
        found = find_containers(engine, given["docker_socket"], given["project"])
    own = instances_of(found, given["project"], given["service"])
    leaving = [one for one in own if one.name in given["names"]]
    if not module.check_mode and leaving:
        record = held_run(folder, given["run_id"])
        if "instances" not in (record.step(given["step_id"]).get("inverse") or {}):
            raise HostSideError("What there was before was not noted, so nothing is taken away.", kind="usage")
        if len(leaving) == len(own):
            raise HostSideError(
                f"{given['service']} would have no instance left, so none was taken away.", kind="refused", rule="LB-03"
            )
        before = record.step(given["step_id"])["inverse"]["instances"].get(given["service"]) or {}
        with Engine(given["docker_socket"]) as engine:
            note_definitions(
                engine,
                folder,
                record,
                given["step_id"],
                Leaving(leaving, own, before.get("gate_seconds", _GATE), before.get("settling_seconds", 0.0)),
            )
        rotation = Rotation(folder, given["docker_socket"], given["project"])
        if rotation.serves(given["project"], given["service"]):
            rotation.leave([one.name for one in leaving], given["drain_seconds"])
        retire(leaving, given["docker_socket"], given["stop_grace"])
    return {
        "changed": bool(leaving),
        "removed": [one.name for one in leaving],
        "seconds": round(time.monotonic() - began, 1),
    }


if __name__ == "__main__":
    main()
