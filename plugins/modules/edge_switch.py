#!/usr/bin/python
"""Turn a switch of Nginx on or off, without a reload."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_switch
short_description: Turn a switch of Nginx on or off without a reload
version_added: "0.1.0"
description:
  - A switch is a file that Nginx looks for at each request, so no request and no connection is lost.
author: ["selextract-infra contributors"]
options:
  project:
    description: The Compose project of the app.
    type: str
    required: true
  folder:
    description: The include folder on the host.
    type: path
    required: true
  name:
    description: Which switch. C(balancer) sends the API's requests through the balancer.
    type: str
    choices: [balancer, caching, throttling]
    required: true
  enabled:
    description: Whether it is to be on.
    type: bool
    required: true
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says whether something would change., support: full}
"""

EXAMPLES = r"""
- name: Throttle what is not critical
  selextract.infra.edge_switch:
    project: selextract
    folder: /opt/selextract/nginx.d
    name: throttling
    enabled: true
    run_id: 20260301T020000-9f3ac1
    step_id: emergency
"""

RETURN = r"""
was: {description: Whether it was on before., type: bool, returned: success}
"""

from ..module_utils.module import run_act
from ..module_utils.nginx.include_files import EDGE_SWITCH


def main() -> None:
    run_act(EDGE_SWITCH)


if __name__ == "__main__":
    main()
