#!/usr/bin/python
"""Put files of ours into the include folder of Nginx."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_files
short_description: Put files of ours into the include folder of Nginx
version_added: "0.1.0"
description:
  - The running Nginx checks its whole configuration with them, and must include each of them, before it reads them.
    Where it does not accept them, what was there before is there again.
author: ["selextract-infra contributors"]
options:
  state:
    description:
      - V(absent) turns every switch off and takes away whatever Nginx has read from us; nothing else has to be said.
    type: str
    choices: [present, absent]
    default: present
  folder:
    description: The include folder on the host. Required with O(state=present).
    type: path
  files:
    description: The text of each file by its name; none takes ours away. Required with O(state=present).
    type: dict
  project:
    description: The Compose project of the app. Required with O(state=present); without it, every one here.
    type: str
  service:
    description: The service that Nginx is. Required with O(state=present).
    type: str
extends_documentation_fragment:
  - selextract.infra.options.step_if_present
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says whether something would change., support: full}
"""

EXAMPLES = r"""
- name: Take our files away
  selextract.infra.edge_files:
    folder: /opt/selextract/nginx.d
    files: {}
    project: selextract
    service: nginx
    run_id: 20260301T020000-9f3ac1
    step_id: balancer
"""

RETURN = r"""
files: {description: Names of our files there., type: list, elements: str, returned: success}
"""

from ..module_utils.module import run_act
from ..module_utils.nginx.include_files import EDGE_FILES


def main() -> None:
    run_act(EDGE_FILES)


if __name__ == "__main__":
    main()
