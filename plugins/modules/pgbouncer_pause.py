#!/usr/bin/python
"""Hold every transaction back for a moment."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pgbouncer_pause
short_description: Pause PgBouncer, or let it go on
version_added: "0.1.0"
description:
  - While PgBouncer is paused its clients wait and nobody fails, so that Postgres behind it can be restarted.
  - A timer of the host ends every pause after O(longest_seconds), also where whoever asked for it was killed.
  - Where a transaction stays open for longer than O(bound_seconds), everything goes on at once and the module fails.
  - Nothing is done where there is no PgBouncer.
author: ["selextract-infra contributors"]
options:
  project:
    description: The Compose project of the app.
    type: str
    required: true
  state:
    description: Whether transactions are to wait.
    type: str
    choices: [paused, resumed]
    required: true
  bound_seconds:
    description: How long to wait for open transactions.
    type: float
    default: 5
  longest_seconds:
    description: After what time the host ends the pause by itself, counted from its beginning.
    type: float
    default: 25
extends_documentation_fragment:
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says what would change., support: full}
"""

EXAMPLES = r"""
- name: Restart Postgres behind a pause
  block:
    - name: Hold transactions back
      selextract.infra.pgbouncer_pause:
        project: selextract
        state: paused

    - name: Restart Postgres
      ansible.builtin.command:
        cmd: docker restart selextract-postgres-1
      changed_when: true
  always:
    - name: Let transactions go on
      selextract.infra.pgbouncer_pause:
        project: selextract
        state: resumed
"""

RETURN = r"""
pooled: {description: Whether there is a PgBouncer here that runs., type: bool, returned: always}
"""

from ..module_utils.module import run_act
from ..module_utils.pgbouncer.pausing import PGBOUNCER_PAUSE


def main() -> None:
    run_act(PGBOUNCER_PAUSE)


if __name__ == "__main__":
    main()
