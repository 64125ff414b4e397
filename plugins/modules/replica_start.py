#!/usr/bin/python
"""Start a replica from its files, with its check."""

from __future__ import annotations

DOCUMENTATION = r"""
module: replica_start
short_description: Start a Postgres replica and its check
version_added: "0.2.0"
description:
  - A container that was started before its files were written is made anew.
  - The check is a small service of systemd that answers HTTP on the replica's private address. C(/reads) and
    C(/analytics) are 200 where the replica may be used and 503 with the reason where it is stopped, paused or too far
    behind.
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
  check:
    description:
      - The C(port) of the check; the seconds that the replica may be behind for C(reads) and for C(analytics), and may
        take to answer, C(bound).
    type: dict
    required: true
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says what would change., support: full}
"""

EXAMPLES = r"""
- name: Start the replica
  selextract.infra.replica_start:
    project: selextract
    wanted: "{{ selextract_values.replica }}"
    check: {port: 8432, reads: 10, analytics: 1800, bound: 2}
    run_id: 20260301T020000-9f3ac1
    step_id: replica-db2
"""

RETURN = r"""
changed: {description: Whether anything was started., type: bool, returned: success}
"""

from ..module_utils.module import run_act
from ..module_utils.replica.server import REPLICA_START


def main() -> None:
    run_act(REPLICA_START)


if __name__ == "__main__":
    main()
