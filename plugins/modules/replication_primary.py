#!/usr/bin/python
"""Let a replica in on its primary, or take away what one had there."""

from __future__ import annotations

DOCUMENTATION = r"""
module: replication_primary
short_description: What a replica needs on its primary
version_added: "0.1.0"
description:
  - TLS, a role of its own for replication, a line in C(pg_hba.conf) and a slot. A reload is enough for all of it. TLS
    is switched on with a certificate of the server's own making where it is off.
  - Of the replica's password only the verifier comes here, from which nobody can log in.
  - C(absent) ends a walsender whose replica is gone and drops its slot, so that no WAL is held back. C(checked) waits
    until the replica streams and has replayed what the primary had written when the wait began.
author: ["selextract-infra contributors"]
options:
  name:
    description: Name of the role and of the slot.
    type: str
    required: true
  state:
    description: What is to be.
    type: str
    choices: [present, absent, checked]
    default: present
  verifier:
    description: The verifier of the replica's password; by default the role keeps the one it has.
    type: str
  fresh:
    description: Whether the replica is cloned anew, and so gets a new slot.
    type: bool
    default: false
  settings:
    description: Parameters to set beside it, which a reload brings into force.
    type: dict
    default: {}
  bound_seconds:
    description: How long C(checked) waits.
    type: float
    default: 120
extends_documentation_fragment:
  - selextract.infra.options.server
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says what would change., support: full}
"""

EXAMPLES = r"""
- name: Let the replica in
  selextract.infra.replication_primary:
    project: selextract
    service: postgres
    name: selextract_db2
    fresh: true
    run_id: 20260301T020000-9f3ac1
    step_id: replica-db2
"""

RETURN = r"""
lsn: {description: Up to where the replica has replayed., type: str, returned: with O(state=checked)}
"""

from ..module_utils.module import run_act
from ..module_utils.replica.primary import REPLICATION_PRIMARY


def main() -> None:
    run_act(REPLICATION_PRIMARY)


if __name__ == "__main__":
    main()
