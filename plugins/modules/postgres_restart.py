#!/usr/bin/python
"""Restart a Postgres server and see it at work again."""

from __future__ import annotations

DOCUMENTATION = r"""
module: postgres_restart
short_description: Restart a Postgres server in a container
version_added: "0.1.0"
description:
  - The container goes on with the configuration it has; nothing is created anew. Succeeds once the server answers, is
    what it was before, primary or standby, and nothing waits for a restart any more.
author: ["selextract-infra contributors"]
options:
  prepare:
    description: Only write changed pages, so that the restart itself is short. Nothing else happens then.
    type: bool
    default: false
  bound_seconds:
    description: How long it may take to answer again.
    type: float
    default: 180
extends_documentation_fragment:
  - selextract.infra.options.server
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says what would change., support: full}
"""

EXAMPLES = r"""
- name: Restart the server
  selextract.infra.postgres_restart:
    project: selextract
    service: postgres
    run_id: 20260301T020000-9f3ac1
    step_id: restart-app1
"""

RETURN = r"""
silent_seconds: {description: For how long the server did not answer., type: float, returned: success}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.docker.containers import find_containers
from ..module_utils.docker.engine import Engine
from ..module_utils.module import run
from ..module_utils.postgres.psql import server_in
from ..module_utils.postgres.restart import restart_server
from ..module_utils.state.lock import held_run
from ..module_utils.state.options import DOCKER, SERVER, STATE, STEP
from ..module_utils.state.state import StateFolder
from ..module_utils.system.failure import HostSideError

_IS = """
SELECT pg_is_in_recovery() AS standby, (SELECT count(*)::int FROM pg_settings WHERE pending_restart
  AND source <> ALL ('{command line,environment variable,override}')) AS waiting
"""


def main() -> None:
    run(
        _restart,
        {
            **SERVER,
            "prepare": {"type": "bool", "default": False},
            "bound_seconds": {"type": "float", "default": 180},
            **STEP,
            **DOCKER,
            **STATE,
        },
    )


def _restart(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    if module.check_mode:
        return {"changed": not given["prepare"], "silent_seconds": 0.0}
    record = held_run(StateFolder(given["state_folder"]), given["run_id"])
    record.start_step_once(given["step_id"], time.time())
    login = {"superuser": given["superuser"], "socket": given["socket"]}
    with Engine(given["docker_socket"]) as engine:
        found = find_containers(engine, given["docker_socket"], given["project"])
        own = [one for one in found if one.service == given["service"]]
        if len(own) != 1:
            raise HostSideError(f"{given['service']} of {given['project']} is no single server.", kind="postgres")
        if given["prepare"]:
            server_in(own[0], **login).execute("CHECKPOINT;", bound=given["bound_seconds"])
            return {"changed": False, "silent_seconds": 0.0}
        before = server_in(own[0], **login).row(_IS) if own[0].running else None
        server, seconds = restart_server(engine, own[0], **login, bound=given["bound_seconds"])
        after = server.row(_IS)
    if before is not None and before["standby"] != after["standby"]:
        raise HostSideError(f"{own[0].name} came back in another role than before.", kind="gate")
    if after["waiting"]:
        raise HostSideError(f"{own[0].name} still has settings that wait for a restart.", kind="gate")
    return {"changed": True, "silent_seconds": round(seconds, 2)}


if __name__ == "__main__":
    main()
