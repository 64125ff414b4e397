#!/usr/bin/python
"""Fill a replica's volume with a base backup of its primary."""

from __future__ import annotations

DOCUMENTATION = r"""
module: replica_clone
short_description: The base backup of a Postgres replica
version_added: "0.1.0"
description:
  - Begins it, in a container of its own, after it has removed what an earlier attempt left and looked whether there is
    room, and waits for its end. A volume that is filled is left alone. When it fails, one sentence says why.
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
  needed_bytes:
    description: What must be free on the disk.
    type: int
    default: 0
  rate:
    description: Bytes per second that are taken from the primary at most.
    type: int
    required: true
  bound_seconds:
    description: How long it may take.
    type: float
    required: true
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says what would change., support: full}
"""

EXAMPLES = r"""
- name: Clone
  selextract.infra.replica_clone:
    project: selextract
    wanted: "{{ selextract_values.replica }}"
    rate: 40000000
    bound_seconds: 900
    run_id: 20260301T020000-9f3ac1
    step_id: replica-db2
"""

RETURN = r"""
changed: {description: Whether the volume was filled., type: bool, returned: success}
"""

from ..module_utils.module import run_act
from ..module_utils.replica.clone import REPLICA_CLONE


def main() -> None:
    run_act(REPLICA_CLONE)


if __name__ == "__main__":
    main()
