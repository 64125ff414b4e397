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
  - Fails at once when a container restarted after its limits were changed in place, or one that the step touched was
    killed for memory.
  - With O(settling_seconds) every container that the step touched has to run for that long since the last act on it,
    and through its start period where the step started it; all of them at the same time.
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
  settling_seconds:
    description: How long every touched container must have run. It comes on top of O(bound_seconds). By default the
      first good answer is enough.
    type: float
    default: 0
  answering:
    description: Services of which O(urls) tells that they serve.
    type: list
    elements: str
    default: []
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
not_proved:
  description: Services that run, and of which nothing tells whether they serve; they have neither a health check nor an
    address in O(answering).
  type: list
  elements: str
  returned: success
sentence: {description: The same for a person; empty where all is proved., type: str, returned: success}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.compose.compose import Compose
from ..module_utils.compose.outdated import outdated_among
from ..module_utils.compose.project import read_project
from ..module_utils.docker.containers import find_containers
from ..module_utils.docker.engine import Engine
from ..module_utils.docker.gate import Gate, not_proved_text
from ..module_utils.docker.settling import Settling
from ..module_utils.module import DOCKER, STATE, STEP, run
from ..module_utils.state.lock import held_run
from ..module_utils.state.state import StateFolder
from ..module_utils.system.failure import HostSideError

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
            "settling_seconds": {"type": "float", "default": 0},
            "answering": {"type": "list", "elements": "str", "default": []},
            **STEP,
            "part": {"type": "bool", "default": False},
            **DOCKER,
            **STATE,
        },
    )


def _check(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    if module.check_mode:
        return {"changed": False, "verified": False, "waited": 0.0, "not_proved": [], "sentence": ""}
    record = held_run(StateFolder(given["state_folder"]), given["run_id"])
    began = time.monotonic()
    with record.failure_noted(given["step_id"]):
        not_proved = _wait(given, record.step(given["step_id"]))
    if not given["part"]:
        record.end_step(given["step_id"], "verified", time.time(), not_proved_text(not_proved))
    return {
        "changed": False,
        "verified": True,
        "waited": round(time.monotonic() - began, 2),
        "not_proved": not_proved,
        "sentence": not_proved_text(not_proved),
    }


def _wait(given: dict[str, Any], step: dict[str, Any]) -> list[str]:
    """Wait until everything holds, and return the services of which it is not proved that they serve."""
    began = step.get("started", time.time())
    in_place = (step.get("inverse") or {}).get("containers") or {}
    gate = Gate(
        given["project"],
        given["services"],
        given["urls"],
        began,
        in_place,
        {service: int(count) for service, count in given["counts"].items()},
        (step.get("seen") or {}).get("limits_changed", 0.0),
    )
    settling = Settling(given["settling_seconds"], began, in_place)
    start = time.monotonic()
    with Engine(given["docker_socket"]) as engine:
        while True:
            complaint = gate.complaint(engine, given["docker_socket"], time.time())
            own = [
                one
                for one in find_containers(engine, given["docker_socket"], given["project"])
                if one.service in given["services"]
            ]
            unsettled = settling.complaint(own, time.time())
            complaint = complaint or unsettled
            if complaint is None:
                _refuse_outdated(engine, given)
                return sorted({str(one.service) for one in own if one.health is None} - set(given["answering"]))
            bound = given["bound_seconds"] + settling.longest(own)
            if time.monotonic() >= start + bound:
                raise HostSideError(f"After {bound:.0f} s {complaint}.", kind="gate")
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
