#!/usr/bin/python
"""Change limits of running containers in place."""

from __future__ import annotations

DOCUMENTATION = r"""
module: container_limits
short_description: Change memory, swap and CPU limits of a service's containers in place
version_added: "0.1.0"
description:
  - Nothing is restarted. Memory and swap change together; a container that has the limits already is left alone.
  - How it is undone is on the host's disk before the first container is touched.
  - A memory limit below what a container uses now plus O(shrink_margin) is refused, before any container is touched.
    So is a limit that the engine would not create the container with, such as one below its reservation. This is proved
    by a container that is created and removed again without being started.
  - The containers stay changed until they are recreated, so M(selextract.infra.capacity_file) writes the same limits
    down.
author: ["selextract-infra contributors"]
options:
  project:
    description: Name of the Compose project.
    type: str
    required: true
  services:
    description:
      - By service, the limits of each of its containers. A value that is missing or null stays as it is.
      - C(memory) in bytes; C(swap) in bytes is memory and swap together, by default equal to memory; C(cpus) in cores.
    type: dict
    required: true
  recreated:
    description: Limits as in O(services) of services whose containers are recreated later. Nothing of them is changed
      here; it is only proved that the engine would create them so.
    type: dict
    default: {}
  shrink_margin:
    description: How much room above present use a lowered memory limit must leave, as a ratio.
    type: float
    required: true
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says what would change., support: full}
  diff_mode: {description: Shows the limits before and after., support: full}
"""

EXAMPLES = r"""
- name: Set limits in place
  selextract.infra.container_limits:
    project: selextract
    services:
      api: {memory: 1610612736, cpus: 1.5}
    shrink_margin: 0.1
    run_id: 20260301T020000-9f3ac1
    step_id: rightsize-app1
"""

RETURN = r"""
containers:
  description: Every container with its limits before and after.
  type: list
  elements: dict
  returned: always
notes: {description: Sentences about what cannot be undone exactly., type: list, elements: str, returned: always}
"""

from ..module_utils.docker.container_limits import CONTAINER_LIMITS
from ..module_utils.module import run_act


def main() -> None:
    run_act(CONTAINER_LIMITS)


if __name__ == "__main__":
    main()
