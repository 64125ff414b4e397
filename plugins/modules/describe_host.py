#!/usr/bin/python
"""Look at a host that is not ours: its containers with what tells what each of them is."""

from __future__ import annotations

DOCUMENTATION = r"""
module: describe_host
short_description: Say what the containers of a host are, without changing anything
version_added: "0.2.0"
description:
  - Facts of the host, and of every container what tells what it is, such as its image, command, processes, ports,
    mounts, networks, and the names of its environment variables.
  - Of the value of a variable only its shape is returned, in which the names of other containers and ports stand where
    they stood and everything else is an C(x). Words of a command that may be a secret are hidden.
  - It needs no more than a user who may open Docker's socket.
author: ["selextract-infra contributors"]
options:
  health:
    description: Ask the ports that containers publish by HTTP which path answers.
    type: bool
    default: true
extends_documentation_fragment:
  - selextract.infra.options.docker
attributes:
  check_mode: {description: Does the same; nothing is changed., support: full}
"""

EXAMPLES = r"""
- name: Describe the host
  selextract.infra.describe_host:
  register: described
"""

RETURN = r"""
facts: {description: Facts of the host., type: dict, returned: always}
user: {description: The user that the task ran as., type: str, returned: always}
docker: {description: The version of Docker; none where it cannot be asked., type: str, returned: always}
compose: {description: The version of Compose; none where there is none., type: str, returned: always}
problem: {description: Why the containers cannot be seen; none where they can., type: str, returned: always}
containers: {description: The containers, in the order of their names., type: list, returned: always}
names: {description: By name and address in a network the service that it leads to., type: dict, returned: always}
answers:
  description: By published port, the path that answered, its status, and the paths that were tried.
  type: dict
  returned: always
"""

import getpass
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.compose.compose import compose_version
from ..module_utils.docker.described import described_container, names_in_networks
from ..module_utils.docker.engine import Engine
from ..module_utils.module import run
from ..module_utils.state.options import DOCKER
from ..module_utils.system.answering_path import answering_paths
from ..module_utils.system.facts import host_facts
from ..module_utils.system.failure import HostSideError


def main() -> None:
    run(_describe, {"health": {"type": "bool", "default": True}, **DOCKER})


def _describe(module: AnsibleModule) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "changed": False,
        "facts": host_facts(),
        "user": getpass.getuser(),
        "docker": None,
        "compose": compose_version(),
        "problem": None,
        "containers": [],
        "names": {},
        "answers": {},
    }
    try:
        with Engine(module.params["docker_socket"]) as engine:
            answer["docker"] = engine.info().get("ServerVersion")
            listed = [engine.inspect(str(entry["Id"])) for entry in engine.containers()]
    except HostSideError as failure:
        if failure.kind != "docker":
            raise
        return {**answer, "problem": failure.sentence}
    present = [details for details in listed if details]
    names: dict[str, str] = {}
    for details in present:
        names.update(names_in_networks(details))
    containers = [described_container(details, names) for details in present]
    answer["containers"] = sorted(containers, key=lambda container: str(container["name"]))
    answer["names"] = names
    if module.params["health"]:
        answer["answers"] = answering_paths(containers)
    return answer


if __name__ == "__main__":
    main()
