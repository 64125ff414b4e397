#!/usr/bin/python
"""Replace one instance of a service by one that is made from the files in force."""

from __future__ import annotations

DOCUMENTATION = r"""
module: replace_instance
short_description: Replace one instance of a service by one that is made from the files in force
version_added: "0.2.0"
description:
  - Where the service can have two for a moment, the new one is made, started and proved before the old one is stopped.
    Where only one can exist, the old one goes first.
  - An instance that is as the files in force say is left alone, so it can be done again. Compose itself is asked for
    that, and creates the new one as the app's own team would; the engine starts it. So nothing else is recreated,
    nothing that the service depends on is started, and no one-shot service runs again.
  - Refuses before anything is touched where the new instance would have another image, environment or configuration
    than those that run, beside what O(variables) names, limits and, with O(command), its
    command.
  - Before the old one is stopped it is proved that the engine would create it with O(limits), and that it can be made
    again exactly as it is. Its definition and its image are kept on the host until the Run ends, so
    M(selextract.infra.undo) needs neither Compose nor the app's files to bring it back.
  - It gets its own stop signal and grace period. Where others serve with it behind a balancer of ours, it leaves
    rotation first, and the new one enters it. Its volumes stay; those without a name are handed on.
options:
  name:
    description: Name of the container.
    type: str
    required: true
  project:
    description: The Compose project it must belong to.
    type: str
    required: true
  service:
    description: The service it must belong to.
    type: str
    required: true
  directory:
    description: The folder the project's Compose files are in, where no container of it says so.
    type: path
    required: true
  variables:
    description: Variables of the service that a change of ours is about, so the new instance may have other values.
    type: list
    elements: str
    default: []
  command:
    description: Whether a change of ours is about the command of the service, so the new instance may have another.
    type: bool
    default: false
  limits:
    description: The limits that the new container gets, as for one service of M(selextract.infra.container_limits).
    type: dict
    default: {}
  replicable:
    description: Whether the service may have two instances for a moment, as far as its role tells.
    type: bool
    default: false
  stop_grace:
    description: Seconds it gets to end by itself; by default its own.
    type: float
  urls:
    description: Addresses that must answer 2xx on the host itself before the work goes on.
    type: list
    elements: str
    default: []
  bound_seconds:
    description: Within how many seconds the new one, or the old one where it is put back, has to be healthy.
    type: float
    default: 120
  settling_seconds:
    description: For how long the old one has to run where it is put back and has no health check.
    type: float
    default: 0
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Refuses what it would refuse and changes nothing., support: full}
  diff_mode: {description: Names the instance that would be replaced., support: full}
author: ["selextract-infra contributors"]
"""

EXAMPLES = r"""
- name: Replace an instance
  selextract.infra.replace_instance:
    name: selextract-api-1
    project: selextract
    service: api
    directory: /opt/selextract
    replicable: true
    run_id: 20260301T020000-9f3ac1
    step_id: settle-app1
"""

RETURN = r"""
instances: {description: Names of the instances that are new., type: list, elements: str, returned: always}
alone: {description: Why no other could run beside the old one; empty where one could., type: str, returned: always}
"""

from ..module_utils.compose.replace_instance import REPLACE_INSTANCE
from ..module_utils.module import run_act


def main() -> None:
    run_act(REPLACE_INSTANCE)


if __name__ == "__main__":
    main()
