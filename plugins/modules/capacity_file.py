#!/usr/bin/python
"""Write our capacity file beside an app's Compose files."""

from __future__ import annotations

DOCUMENTATION = r"""
module: capacity_file
short_description: Write limits, counts and addresses beside an app's Compose files
version_added: "0.1.0"
description:
  - The file lies beside the app's own Compose files and holds limits, counts and concurrency; nothing else of the app
    is touched.
  - Where Compose finds the app's files itself and the app has no override file, ours is C(compose.override.yml).
  - Else it is C(compose.capacity.yml), named last in the entry C(COMPOSE_FILE) of C(.env), whose every other byte,
    owner and mode stay; not where C(.env) is also the C(env_file) of a service, whose environment that would change.
  - Where neither can be, it is refused with what the app's own command has to name.
  - The engine accepts the limits that change, on a container that is created and removed again without being started.
  - Compose accepts the result before the file takes its place, and once more afterwards as the app's next C(up) will
    read it.
author: ["selextract-infra contributors"]
options:
  project:
    description: Name of the Compose project. Required with O(state=present).
    type: str
  directory:
    description: The folder its Compose files are in. Required with O(state=present).
    type: path
  services:
    description: The whole wanted content, by service, in Compose's own keys. Required with O(state=present).
    type: dict
  state:
    description:
      - V(absent) takes every file of ours on this host away, and brings each C(.env) back to what it was before the
        first change.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - selextract.infra.options.step_if_present
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says what would change., support: full}
  diff_mode: {description: Shows the file and the entry before and after., support: full}
"""

EXAMPLES = r"""
- name: Write the capacity file
  selextract.infra.capacity_file:
    project: selextract
    directory: /opt/selextract
    services:
      api: {mem_limit: 1610612736, memswap_limit: 1610612736, cpus: 1.5}
    run_id: 20260301T020000-9f3ac1
    step_id: rightsize-app1
"""

RETURN = r"""
files:
  description: The Compose files in force afterwards.
  type: list
  elements: str
  returned: with O(state=present)
notes:
  description: What a person should know of how the file takes effect.
  type: list
  elements: str
  returned: with O(state=present)
removed_from:
  description: The folders that the file was taken from.
  type: list
  elements: str
  returned: with O(state=absent)
"""

from ..module_utils.compose.capacity_file import CAPACITY_FILE_ACT
from ..module_utils.module import run_act


def main() -> None:
    run_act(CAPACITY_FILE_ACT)


if __name__ == "__main__":
    main()
