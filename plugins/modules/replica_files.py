#!/usr/bin/python
"""Write the files of a replica on its host, or take all of it away."""

from __future__ import annotations

DOCUMENTATION = r"""
module: replica_files
short_description: The files of a Postgres replica
version_added: "0.1.0"
description:
  - A Compose project of our own with configuration, start program, certificate, and the password for the primary,
    which is made here, is in no other place, and of which only the verifier is returned.
  - C(absent) takes container, volume, files and check away.
author: ["selextract-infra contributors"]
options:
  project:
    description: The Compose project of the app.
    type: str
    required: true
  wanted:
    description: What is wanted, as the Plan says. Required with O(state=present).
    type: dict
  again:
    description: Whether the data are to be cloned anew though they are there.
    type: bool
    default: false
  state:
    description: What is to be.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says what would change., support: full}
"""

EXAMPLES = r"""
- name: Write the files of the replica
  selextract.infra.replica_files:
    project: selextract
    wanted: "{{ selextract_values.replica }}"
    run_id: 20260301T020000-9f3ac1
    step_id: replica-db2
"""

RETURN = r"""
handed_over:
  description: For the primary, the C(verifier) of the replica's password, and whether its data are C(fresh).
  type: dict
  returned: with O(state=present)
files: {description: What changed., type: list, elements: str, returned: always}
"""

from ..module_utils.module import run_act
from ..module_utils.replica.files import REPLICA_FILES


def main() -> None:
    run_act(REPLICA_FILES)


if __name__ == "__main__":
    main()
