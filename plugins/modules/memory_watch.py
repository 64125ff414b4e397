#!/usr/bin/python
"""Watch whether containers fill a lower memory limit."""

from __future__ import annotations

DOCUMENTATION = r"""
module: memory_watch
short_description: Watch the memory of services whose lower limit somebody insisted on
version_added: "0.2.0"
description:
  - Fails when a container has used at least O(share) of its memory limit for all of O(seconds) (X-06).
  - It ends once O(seconds) are over and no container is above the share, and after twice that time at the latest.
  - What is counted is the working set, without the file cache that the kernel may drop at once.
author: ["selextract-infra contributors"]
options:
  project:
    description: Name of the Compose project.
    type: str
    required: true
  services:
    description: The services to watch.
    type: list
    elements: str
    required: true
  share:
    description: The share of the limit, such as 0.8.
    type: float
    required: true
  seconds:
    description: For how long it may not be used.
    type: float
    required: true
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Watches nothing, since nothing was changed., support: full}
"""

EXAMPLES = r"""
- name: Watch the API for three minutes
  selextract.infra.memory_watch:
    project: selextract
    services: [api]
    share: 0.8
    seconds: 180
    run_id: 20260301T020000-9f3ac1
    step_id: rightsize-app1
"""

RETURN = r"""
watched: {description: The containers that were watched., type: list, elements: str, returned: success}
"""

from ..module_utils.docker.memory_watch import MEMORY_WATCH
from ..module_utils.module import run_act


def main() -> None:
    run_act(MEMORY_WATCH)


if __name__ == "__main__":
    main()
