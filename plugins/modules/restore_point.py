#!/usr/bin/python
"""Make a restore point."""

from __future__ import annotations

DOCUMENTATION = r"""
module: restore_point
short_description: Dump the databases and archive the files of an app
version_added: "0.1.0"
description:
  - Dumps every database, archives the folder of the app, and reads all of it again; only what could be read counts.
  - Everything is readable by root alone, because it holds secrets.
author: ["selextract-infra contributors"]
options:
  project:
    description: Name of the Compose project.
    type: str
    required: true
  directory:
    description: The folder of its Compose files.
    type: path
    required: true
  folder:
    description: Where restore points are kept.
    type: path
    required: true
  kept:
    description: How many are kept.
    type: int
    required: true
  largest_file:
    description: Larger files of the app's folder are left out; in bytes.
    type: int
    required: true
  bound_seconds:
    description: How long one dump may take.
    type: float
    default: 3600
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
- name: Make a restore point
  selextract.infra.restore_point:
    project: selextract
    directory: /opt/selextract
    databases: [{service: postgres}]
    folder: /var/backups/selextract-infra
    kept: 3
    largest_file: 16777216
    run_id: 20260301T020000-9f3ac1
    step_id: backup
"""

RETURN = r"""
path: {description: The folder of the restore point., type: str, returned: always}
files: {description: What it holds., type: list, elements: dict, returned: always}
"""

from ..module_utils.module import run_act
from ..module_utils.postgres.restore_point import RESTORE_POINT


def main() -> None:
    run_act(RESTORE_POINT)


if __name__ == "__main__":
    main()
