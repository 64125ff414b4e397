#!/usr/bin/python
"""Check after a change that the services answer."""

from __future__ import annotations

DOCUMENTATION = r"""
module: health_gate
short_description: Wait until services are healthy with the limits they should have
version_added: "0.1.0"
description:
  - Holds when every expected container runs, is healthy, and has the limits that were asked for, and every URL
    answers 2xx on the host.
  - Fails at once when a container restarted after its limits were changed in place, or was killed for memory after a
    limit was lowered.
  - Records the step as verified or failed in the Run's record on the host.
author: ["selextract-infra contributors"]
options:
  project:
    description: Name of the Compose project.
    type: str
    required: true
  services:
    description: By service, the limits its containers must have, as for M(selextract.infra.container_limits); empty
      where any will do.
    type: dict
    default: {}
  settled_in:
    description:
      - The folder of the project's Compose files, where no container of it says so. When it is given, every container
        must also be made from what these files say now, so that the app's next C(up) recreates none of them.
    type: path
  counts:
    description: By service, how many containers it must have, no more and no fewer.
    type: dict
    default: {}
  urls:
    description: Addresses that must answer 2xx on the host itself.
    type: list
    elements: str
    default: []
  bound_seconds:
    description: How long to wait at most.
    type: float
    default: 60
  part:
    description: The step goes on after this check, so it is not recorded as verified yet.
    type: bool
    default: false
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Checks nothing, since nothing was changed., support: full}
"""

EXAMPLES = r"""
- name: Check that the services answer
  selextract.infra.health_gate:
    project: selextract
    services:
      api: {memory: 1610612736, cpus: 1.5}
    urls: [http://127.0.0.1:8080/api/v1/health]
    run_id: 20260301T020000-9f3ac1
    step_id: rightsize-app1
"""

RETURN = r"""
verified: {description: Whether everything holds; false in check mode., type: bool, returned: success}
waited: {description: Seconds until it held., type: float, returned: success}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.compose import Compose
from ..module_utils.containers import find_containers
from ..module_utils.engine import Engine
from ..module_utils.failure import HostSideError
from ..module_utils.gate import Gate
from ..module_utils.module import DOCKER, STATE, STEP, run
from ..module_utils.outdated import outdated_among
from ..module_utils.project import read_project
from ..module_utils.runs import RunRecord
from ..module_utils.state import StateFolder

_PAUSE = 0.5  # seconds between two looks


def main() -> None:
    run(
        _check,
        {
            "project": {"type": "str", "required": True},
            "services": {"type": "dict", "default": {}},
            "settled_in": {"type": "path"},
            "counts": {"type": "dict", "default": {}},
            "urls": {"type": "list", "elements": "str", "default": []},
            "bound_seconds": {"type": "float", "default": 60},
            **STEP,
            "part": {"type": "bool", "default": False},
            **DOCKER,
            **STATE,
        },
    )


def _check(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    if module.check_mode:
        return {"changed": False, "verified": False, "waited": 0.0}
    record = RunRecord(StateFolder(given["state_folder"]), given["run_id"])
    began = time.monotonic()
    with record.failure_noted(given["step_id"]):
        _wait(given, record.step(given["step_id"]))
    if not given["part"]:
        record.end_step(given["step_id"], "verified", time.time())
    return {"changed": False, "verified": True, "waited": round(time.monotonic() - began, 2)}


def _wait(given: dict[str, Any], step: dict[str, Any]) -> None:
    gate = Gate(
        given["project"],
        given["services"],
        given["urls"],
        step.get("started", time.time()),
        (step.get("inverse") or {}).get("containers") or {},
        {service: int(count) for service, count in given["counts"].items()},
    )
    give_up = time.monotonic() + given["bound_seconds"]
    with Engine(given["docker_socket"]) as engine:
        while True:
            complaint = gate.complaint(engine, given["docker_socket"], time.time())
            if complaint is None:
                _refuse_outdated(engine, given)
                return
            if time.monotonic() >= give_up:
                raise HostSideError(f"After {given['bound_seconds']:.0f} s {complaint}.", kind="gate")
            time.sleep(_PAUSE)


def _refuse_outdated(engine: Engine, given: dict[str, Any]) -> None:
    """Waiting does not make a container another one, so it is asked once, after all else holds."""
    if given["settled_in"] is None:
        return
    containers = find_containers(engine, given["docker_socket"], given["project"])
    compose = Compose(read_project(containers, given["project"], given["settled_in"]))
    outdated = outdated_among(compose, given["services"], containers)
    if outdated:
        names = ", ".join(one.name for one in outdated)
        raise HostSideError(f"{names} was not made from the Compose files in force.", kind="gate")


if __name__ == "__main__":
    main()
