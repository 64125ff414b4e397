#!/usr/bin/python
"""Start, change or remove the balancer before the API."""

from __future__ import annotations

DOCUMENTATION = r"""
module: balancer
short_description: Start, change or remove the balancer before the API
version_added: "0.1.0"
description:
  - HAProxy as a Compose project of our own on the app's network. It publishes no port.
  - HAProxy itself accepts the configuration before it is used.
  - What was there before is noted where a Run is named, so that it can be put back.
author: ["selextract-infra contributors"]
options:
  project:
    description: The Compose project of the app. Without it and with O(state=absent), every balancer here.
    type: str
  state:
    description: Whether there is to be one. It is removed when it holds no request any more.
    type: str
    choices: [present, absent]
    default: present
  compose:
    description: Its Compose file. Required with O(state=present).
    type: str
  settings:
    description:
      - C(project) and C(service) of the app, C(network), C(port) and C(path) of an instance, C(options) of a server,
        C(rise), C(image), and C(config), HAProxy's configuration up to its servers. Required with O(state=present).
    type: dict
  edge_folder:
    description: Nginx's include folder on the host. While the balancer is made anew, requests go past it.
    type: path
extends_documentation_fragment:
  - selextract.infra.options.step_if_present
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says whether something would change., support: full}
"""

EXAMPLES = r"""
- name: Remove the balancer
  selextract.infra.balancer:
    project: selextract
    state: absent
    run_id: 20260301T020000-9f3ac1
    step_id: balancer
"""

RETURN = r"""
made_anew: {description: Whether its container was created., type: bool, returned: success}
"""

from ..module_utils.haproxy.balancer import BALANCER_ACT
from ..module_utils.module import run_act


def main() -> None:
    run_act(BALANCER_ACT)


if __name__ == "__main__":
    main()
