#!/usr/bin/python
"""Wait until a replica streams, and note that it is what was wanted."""

from __future__ import annotations

DOCUMENTATION = r"""
module: replica_gate
short_description: Whether a Postgres replica does its work
version_added: "0.1.0"
description:
  - Waits until the server runs, receives from its primary and replays. What keeps it from that is named in one
    sentence as soon as the server says it.
author: ["selextract-infra contributors"]
options:
  project:
    description: The Compose project of the app.
    type: str
    required: true
  wanted:
    description: What is wanted, as the Plan says.
    type: dict
    required: true
  bound_seconds:
    description: How long to wait.
    type: float
    default: 300
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Checks nothing, since nothing was changed., support: full}
"""

EXAMPLES = r"""
- name: Wait until the replica streams
  selextract.infra.replica_gate:
    project: selextract
    wanted: "{{ selextract_values.replica }}"
    run_id: 20260301T020000-9f3ac1
    step_id: replica-db2
"""

RETURN = r"""
waited: {description: Seconds until it held., type: float, returned: success}
"""

from ..module_utils.module import run_act
from ..module_utils.replica.server import REPLICA_GATE


def main() -> None:
    run_act(REPLICA_GATE)


if __name__ == "__main__":
    main()
