#!/usr/bin/python
"""Look at PgBouncer, and at where an app's services find their database."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pgbouncer_look
short_description: Look at PgBouncer and at where an app finds its database
version_added: "0.1.0"
description:
  - What PgBouncer was asked for, its processes with pools, clients that wait and transactions that hold them up.
  - For each service the user, host, port and database of the app's own Compose files, and the text that leads it to
    PgBouncer instead, in which secrets are references as in the app's files. Nothing secret is returned.
author: ["selextract-infra contributors"]
options:
  project:
    description: The Compose project of the app.
    type: str
    required: true
  directory:
    description: The folder of its Compose files; by default the one its containers remember.
    type: path
  variables:
    description: By service, the name of the variable that leads it to its database.
    type: dict
    default: {}
  database:
    description: The database service.
    type: dict
    required: true
    suboptions:
      service: {description: Name of the service., type: str}
      superuser: {description: A role that may log in over the local socket., type: str, default: postgres}
      socket: {description: The folder of the socket in the container; by default psql's own., type: path}
  host:
    description: The name by which the app finds PgBouncer.
    type: str
    required: true
  port:
    description: The port of PgBouncer.
    type: int
    required: true
  image:
    description: An image whose PgBouncer is asked for its version; that takes a second.
    type: str
extends_documentation_fragment:
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Does the same; nothing is changed., support: full}
"""

EXAMPLES = r"""
- name: Look at PgBouncer
  selextract.infra.pgbouncer_look:
    project: selextract
    variables: {api: DATABASE_URL}
    database: {service: postgres}
    host: pgbouncer
    port: 6432
"""

RETURN = r"""
look:
  description: What was seen, as the type PoolerLook of selextract_infra.
  type: dict
  returned: always
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.compose.project import read_project
from ..module_utils.docker.containers import find_containers
from ..module_utils.docker.engine import Engine
from ..module_utils.module import run
from ..module_utils.pgbouncer.folder import Place
from ..module_utils.pgbouncer.image import version_in
from ..module_utils.pgbouncer.look import (
    addresses_of,
    led_containers,
    look_at_logins,
    look_at_pgbouncer,
    look_at_server,
)
from ..module_utils.state.options import DOCKER, STATE
from ..module_utils.state.state import StateFolder
from ..module_utils.system.failure import HostSideError

_BOUND = 60.0  # seconds for the version of an image


def main() -> None:
    run(
        _look,
        {
            "project": {"type": "str", "required": True},
            "directory": {"type": "path"},
            "variables": {"type": "dict", "default": {}},
            "database": {
                "type": "dict",
                "required": True,
                "options": {
                    "service": {"type": "str"},
                    "superuser": {"type": "str", "default": "postgres"},
                    "socket": {"type": "path"},
                },
            },
            "host": {"type": "str", "required": True},
            "port": {"type": "int", "required": True},
            "image": {"type": "str"},
            **DOCKER,
            **STATE,
        },
    )


def _look(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    place = Place(StateFolder(given["state_folder"]), given["project"])
    with Engine(given["docker_socket"]) as engine:
        containers = find_containers(engine, given["docker_socket"])
        mine = [container for container in containers if container.project == given["project"]]
        look = {
            **look_at_pgbouncer(place, containers, given["port"]),
            "led": led_containers(engine, mine, given["variables"], given["host"], given["port"]),
            "server": look_at_server(containers, {**given["database"], "project": given["project"]}),
        }
    offered: dict[str, Any] = {"image_version": None, "image_problem": None}
    if given["image"]:
        try:
            offered["image_version"] = version_in(given["image"], _BOUND)
        except HostSideError as failure:
            offered["image_problem"] = failure.sentence
    addresses: dict[str, Any] = {}
    problem = None
    try:
        project = read_project(mine, given["project"], given["directory"])
        if given["variables"]:
            addresses = addresses_of(project, given["variables"], given["host"], given["port"])
            addresses = look_at_logins(containers, {**given["database"], "project": given["project"]}, addresses)
    except HostSideError as failure:
        problem = failure.sentence
    return {"changed": False, "look": {**look, **offered, "addresses": addresses, "problem": problem}}


if __name__ == "__main__":
    main()
