#!/usr/bin/python
"""Copy a container image from one host straight to another."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_copy
short_description: Copy a container image from host to host, without a registry
version_added: "0.1.0"
description:
  - C(offered) gives the image to one receiver, once, over TLS, by a process of its own that ends by itself. C(fetched)
    takes it in, and proves by its ID that it is the same.
author: ["selextract-infra contributors"]
options:
  image:
    description: ID of the image.
    type: str
    required: true
  action:
    description: Which side this is.
    type: str
    choices: [offered, fetched]
    required: true
  address:
    description: Private address of the giver.
    type: str
    required: true
  port:
    description: Port that it listens on.
    type: int
    required: true
  receiver:
    description: Private address of the receiver. Required with O(action=offered).
    type: str
  certificate:
    description: What the giver returned. Required with O(action=fetched).
    type: str
  token:
    description: What the giver returned. Required with O(action=fetched).
    type: str
  bound_seconds:
    description: How long it may take.
    type: float
    default: 900
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says what would change., support: full}
"""

EXAMPLES = r"""
- name: Offer the image
  selextract.infra.image_copy:
    action: offered
    image: "sha256:0f3c"
    address: 10.0.0.11
    port: 8433
    receiver: 10.0.0.12
    run_id: 20260301T020000-9f3ac1
    step_id: replica-db2
"""

RETURN = r"""
certificate: {description: The giver's certificate., type: str, returned: with O(action=offered)}
token: {description: What the receiver has to say., type: str, returned: with O(action=offered)}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.docker.image_stream import fetch_image, has_image, offer_image
from ..module_utils.module import run
from ..module_utils.state.lock import held_run
from ..module_utils.state.options import DOCKER, STATE, STEP
from ..module_utils.state.state import StateFolder


def main() -> None:
    run(
        _copy,
        {
            "image": {"type": "str", "required": True},
            "action": {"type": "str", "choices": ["offered", "fetched"], "required": True},
            "address": {"type": "str", "required": True},
            "port": {"type": "int", "required": True},
            "receiver": {"type": "str"},
            "certificate": {"type": "str"},
            "token": {"type": "str", "no_log": True},
            "bound_seconds": {"type": "float", "default": 900},
            **STEP,
            **DOCKER,
            **STATE,
        },
        required_if=[("action", "offered", ["receiver"]), ("action", "fetched", ["certificate", "token"])],
    )


def _copy(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    if module.check_mode:
        return {"changed": given["action"] == "fetched" and not has_image(given["image"])}
    held_run(StateFolder(given["state_folder"]), given["run_id"])
    where = (given["image"], given["address"], given["port"])
    if given["action"] == "offered":
        certificate, token = offer_image(*where, given["receiver"], given["bound_seconds"])
        return {"changed": False, "certificate": certificate, "token": token}
    if has_image(given["image"]):
        return {"changed": False}
    fetch_image(*where, given["certificate"], given["token"], given["bound_seconds"])
    return {"changed": True}


if __name__ == "__main__":
    main()
