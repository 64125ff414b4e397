#!/usr/bin/python
"""Check that an upgrade can work on this host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: upgrade_ready
short_description: Check that an upgrade can work, and measure answers
version_added: "0.1.0"
description:
  - There must be room for the restore point, the volume must be one that can be grown, every address must answer.
  - How fast they answer is noted in the Run's record, for comparing it afterwards.
author: ["selextract-infra contributors"]
options:
  project:
    description: Name of the Compose project; without it there is nothing to dump.
    type: str
  folder:
    description: Where restore points are kept.
    type: path
    required: true
  room:
    description: How much room a restore point needs, as a multiple of the databases' size.
    type: float
    required: true
  urls:
    description: Addresses that must answer 2xx on the host itself.
    type: list
    elements: str
    default: []
  requests:
    description: How often each is asked.
    type: int
    required: true
  grows:
    description: Where the volume is mounted that is to be grown; without it none is.
    type: path
  others:
    description: Other Projects of the host that belong to it, each with C(project), C(directory) and C(databases).
    type: list
    elements: dict
    default: []
extends_documentation_fragment:
  - selextract.infra.options.databases
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing., support: full}
  diff_mode: {description: There is nothing to show., support: none}
"""

EXAMPLES = r"""
- name: Check that it can work
  selextract.infra.upgrade_ready:
    project: selextract
    databases: [{service: postgres}]
    folder: /var/backups/selextract-infra
    room: 1.2
    urls: ["http://127.0.0.1:8080/api/v1/health"]
    requests: 20
    run_id: 20260301T020000-9f3ac1
    step_id: preflight
"""

RETURN = r"""
answers: {description: "By address, the 95th percentile in seconds.", type: dict, returned: always}
needed: {description: Bytes that the restore point needs., type: int, returned: always}
"""

from ..module_utils.module import run_act
from ..module_utils.state.upgrade_ready import UPGRADE_READY


def main() -> None:
    run_act(UPGRADE_READY)


if __name__ == "__main__":
    main()
