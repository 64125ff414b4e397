#!/usr/bin/python
"""Start again what a Run has stopped."""

from __future__ import annotations

DOCUMENTATION = r"""
module: services_start
short_description: Start again what a Run has stopped
version_added: "0.1.0"
description:
  - Starts exactly the containers that earlier steps of the Run noted before they stopped them, the last one first, and
    waits until each service is healthy before the next.
author: ["selextract-infra contributors"]
options:
  steps:
    description: The steps that stopped them, in the order in which they are undone.
    type: list
    elements: str
    required: true
  bound_seconds:
    description: How long a service may take to be healthy.
    type: float
    default: 120
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing., support: full}
  diff_mode: {description: There is nothing to show., support: none}
"""

EXAMPLES = r"""
- name: Start everything again
  selextract.infra.services_start:
    steps: [stop, drain]
    run_id: 20260301T020000-9f3ac1
    step_id: start
"""

RETURN = r"""
started: {description: The containers that were started., type: list, elements: str, returned: always}
notes: {description: What is gone and could not be started., type: list, elements: str, returned: always}
"""

from ..module_utils.docker.start_stop import SERVICES_START
from ..module_utils.module import run_act


def main() -> None:
    run_act(SERVICES_START)


if __name__ == "__main__":
    main()
