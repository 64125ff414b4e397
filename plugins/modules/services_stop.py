#!/usr/bin/python
"""Stop services of an app in an order."""

from __future__ import annotations

DOCUMENTATION = r"""
module: services_stop
short_description: Stop services in an order, and note what ran
version_added: "0.1.0"
description:
  - Stops the containers of one service after the other, all of one at once, each with the time it needs to end what
    it has begun.
  - Notes in the Run's record what ran, so that exactly that is started again.
author: ["selextract-infra contributors"]
options:
  project:
    description: Name of the Compose project.
    type: str
    required: true
  order:
    description: The services, the first to be stopped first.
    type: list
    elements: str
    required: true
  graces:
    description: By service, how many seconds its containers get at least before they are killed.
    type: dict
    default: {}
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing., support: full}
  diff_mode: {description: There is nothing to show., support: none}
"""

EXAMPLES = r"""
- name: Let the workers finish
  selextract.infra.services_stop:
    project: selextract
    order: [worker, nginx]
    graces: {worker: 120}
    run_id: 20260301T020000-9f3ac1
    step_id: drain
"""

RETURN = r"""
stopped: {description: The containers that were stopped., type: list, elements: str, returned: always}
"""

from ..module_utils.docker.start_stop import SERVICES_STOP
from ..module_utils.module import run_act


def main() -> None:
    run_act(SERVICES_STOP)


if __name__ == "__main__":
    main()
