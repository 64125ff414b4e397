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

from ..module_utils.docker.health_gate import HEALTH_GATE
from ..module_utils.module import run_act


def main() -> None:
    run_act(HEALTH_GATE)


if __name__ == "__main__":
    main()
