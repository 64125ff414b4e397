#!/usr/bin/python
"""Add instances to a service, or take some away."""

from __future__ import annotations

DOCUMENTATION = r"""
module: instances
short_description: Add instances to a service of the app, or take some away without losing what they work on
version_added: "0.2.0"
description:
  - Which instances there were is on the host's disk before anything changes, so M(selextract.infra.undo) can put
    that back.
  - Compose is called as the app's own team calls it, which the labels of its containers tell. It only creates the
    missing instances; the engine starts them. So nothing that is there is recreated, nothing that the service depends
    on is started, and no one-shot service (C(service_completed_successfully)) runs again.
  - Refuses before anything is made where a new instance would have another image, environment or configuration than
    those that run, beside what O(variables) names and limits, and where Compose would do more than make instances.
  - Where a balancer of ours stands before the service, each instance gets requests as soon as its own health has
    answered, and one that leaves is stopped when it holds no request any more. A worker gets its own stop signal and
    finishes what it has begun.
options:
  state:
    description:
      - V(present) makes what is missing to O(count). Never is one taken away then.
      - V(absent) removes exactly the instances in O(names); their volumes stay. Those that are gone already are no
        failure. The last one is never taken away.
    type: str
    choices: [present, absent]
    default: present
  project:
    description: Name of the Compose project.
    type: str
    required: true
  directory:
    description: The folder the project's Compose files are in, where no container of it says so.
    type: path
  service:
    description: Whose instances.
    type: str
    required: true
  count:
    description: How many there must be at least; by default as many as the files in force say.
    type: int
  names:
    description: Names of the containers. Required with O(state=absent).
    type: list
    elements: str
  variables:
    description: Variables of the service that a change of ours is about, so new instances may have other values.
    type: list
    elements: str
    default: []
  settle:
    description:
      - Let the balancer read its file afterwards, where it knows a server by its address only; from then on it follows
        each server by its name.
    type: bool
    default: false
  drain_seconds:
    description: How long an instance may hold requests after it has left rotation.
    type: float
    default: 70
  stop_grace:
    description: How long one that is taken away gets to stop, where its own time is shorter; in seconds.
    type: float
    default: 0
  bound_seconds:
    description: Within how many seconds one that was added, or is brought back, has to be healthy.
    type: float
    default: 120
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Refuses what it would refuse and changes nothing., support: full}
  diff_mode: {description: Shows the count before and after., support: full}
author: ["selextract-infra contributors"]
"""

EXAMPLES = r"""
- name: Let the API have three instances
  selextract.infra.instances:
    project: selextract
    directory: /opt/selextract
    service: api
    count: 3
    run_id: 20260301T020000-9f3ac1
    step_id: scale-app1-api

- name: Take two workers away
  selextract.infra.instances:
    state: absent
    project: selextract
    service: worker
    names: [selextract-worker-3, selextract-worker-4]
    stop_grace: 60
    run_id: 20260301T020000-9f3ac1
    step_id: scale-app1-worker
"""

RETURN = r"""
instances:
  description: Names of the instances that are new, or were removed.
  type: list
  elements: str
  returned: always
"""

from ..module_utils.compose.instances import INSTANCES
from ..module_utils.module import run_act


def main() -> None:
    run_act(INSTANCES)


if __name__ == "__main__":
    main()
