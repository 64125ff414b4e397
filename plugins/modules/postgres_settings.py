#!/usr/bin/python
"""Put settings of a Postgres server in a container into force."""

from __future__ import annotations

DOCUMENTATION = r"""
module: postgres_settings
short_description: Put settings of a Postgres server in a container into force
version_added: "0.1.0"
description:
  - Writes one file into C(conf.d) of the server's data directory, and once a line at the end of C(postgresql.conf) that
    includes it; nothing else of the server is touched.
  - Reloads, or restarts gracefully where O(restart) asks for it, and succeeds only when the server itself shows every
    value in force.
  - With O(state=absent) the files that were written on this host are taken away; servers run on with what they have in
    force until they are reloaded or restarted.
  - A server that does not come up again gets its files of before and is started with them before the module fails.
author: ["selextract-infra contributors"]
options:
  state:
    description: Whether settings are put into force, or everything of ours is taken away.
    type: str
    choices: [present, absent]
    default: present
  project:
    description: Name of the Compose project. Like all that follows without a default, required with O(state=present).
    type: str
  service:
    description: The service whose container runs the server.
    type: str
  superuser:
    description: A role that may log in over the local socket without a password.
    type: str
    default: postgres
  socket:
    description: The folder of the socket in the container; by default psql's own.
    type: path
  text:
    description: The whole content of the file.
    type: str
  settings:
    description: By name, the values that must be in force afterwards, as C(pg_settings) has them.
    type: dict
  memory:
    description: Bytes that the container must have at least; with less nothing is done.
    type: int
  restart:
    description: Restart the server, which disconnects every client.
    type: bool
    default: false
  prepare:
    description: Only let the server write its changed pages, so that a restart right afterwards takes no time.
    type: bool
    default: false
  bound_seconds:
    description: How long the server may take to answer again.
    type: float
    default: 60
extends_documentation_fragment:
  - selextract.infra.options.step_if_present
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says what would change., support: full}
  diff_mode: {description: Shows the file before and after., support: full}
"""

EXAMPLES = r"""
- name: Put the settings into force
  selextract.infra.postgres_settings:
    project: selextract
    service: postgres
    text: |
      work_mem = 4MB
    settings: {work_mem: "4096"}
    memory: 2147483648
    run_id: 20260301T020000-9f3ac1
    step_id: tune-app1-reload
"""

RETURN = r"""
different:
  description: Names of the settings that were not in force before.
  type: list
  elements: str
  returned: with O(state=present)
restarted: {description: Whether the server was restarted., type: bool, returned: with O(state=present)}
seconds: {description: How long it did not answer., type: float, returned: with O(state=present)}
pending_restart:
  description: All parameters that wait for a restart.
  type: list
  elements: str
  returned: with O(state=present)
removed_from: {description: The services it was taken from., type: list, elements: str, returned: with O(state=absent)}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.docker.containers import Container, find_containers
from ..module_utils.docker.engine import Engine
from ..module_utils.module import run
from ..module_utils.postgres.configuration import (
    FILE,
    Configuration,
    configuration_of,
    differing,
    reload,
    settings_in_force,
    wait_for_settings,
)
from ..module_utils.postgres.look import database_container
from ..module_utils.postgres.psql import Server, server_in
from ..module_utils.postgres.restart import restart_server
from ..module_utils.postgres.undo import put_settings_back, remember, remembered, take_away
from ..module_utils.state.act import by_state
from ..module_utils.state.lock import held_run
from ..module_utils.state.options import DOCKER, STATE, STEP_IF_PRESENT
from ..module_utils.state.state import StateFolder
from ..module_utils.system.amounts import memory
from ..module_utils.system.failure import HostSideError

_PENDING = """
SELECT name FROM pg_settings
WHERE pending_restart AND source <> ALL ('{command line,environment variable,override}') ORDER BY name
"""


def main() -> None:
    run(
        by_state(present=_settle, absent=_take_away),
        {
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "project": {"type": "str"},
            "service": {"type": "str"},
            "superuser": {"type": "str", "default": "postgres"},
            "socket": {"type": "path"},
            "text": {"type": "str"},
            "settings": {"type": "dict"},
            "memory": {"type": "int"},
            "restart": {"type": "bool", "default": False},
            "prepare": {"type": "bool", "default": False},
            "bound_seconds": {"type": "float", "default": 60},
            **STEP_IF_PRESENT,
            **DOCKER,
            **STATE,
        },
        required_if=[
            ("state", "present", ["project", "service", "text", "settings", "memory", "run_id", "step_id"]),
        ],
    )


def _settle(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    with Engine(given["docker_socket"]) as engine:
        container = _container(engine, given)
        server = server_in(container, superuser=given["superuser"], socket=given["socket"])
        files = configuration_of(engine, server)
        before = files.text
        seen = settings_in_force(server, list(given["settings"]))
        different = differing(seen, given["settings"])
        changed = bool(different) or before != given["text"] or (files.owned and not files.included)
        seconds = 0.0
        if given["prepare"]:
            server.execute("CHECKPOINT;", bound=given["bound_seconds"])
        elif changed and not module.check_mode:
            server, seconds = _carry_out(engine, container, server, files, given, seen)
        return {
            "changed": changed and not given["prepare"],
            "different": different,
            "restarted": seconds > 0,
            "seconds": round(seconds, 2),
            "pending_restart": [row["name"] for row in server.rows(_PENDING)],
            "diff": {"before_header": FILE, "after_header": FILE, "before": before or "", "after": given["text"]},
        }


def _carry_out(
    engine: Engine,
    container: Container,
    server: Server,
    files: Configuration,
    given: dict[str, Any],
    seen: dict[str, dict[str, Any]],
) -> tuple[Server, float]:
    """Note the way back, then write, reload or restart, and check; what fails is put back at once."""
    folder = StateFolder(given["state_folder"])
    record = held_run(folder, given["run_id"])
    record.start_step(given["step_id"], time.time())
    record.note_inverse(given["step_id"], "postgres_settings", _inverse(given, files, seen))
    record.note_left(given["step_id"], "postgres_settings", {"text": given["text"]})
    inverse = record.step(given["step_id"])["inverse"]["postgres_settings"]
    remember(folder, inverse)
    try:
        files.write(given["text"])
        if files.owned and not files.included:
            files.include()
        reload(server)
        seconds = 0.0
        if given["restart"]:
            wait_for_settings(server, given["settings"], before_restart=True)
            reached = {"superuser": given["superuser"], "socket": given["socket"], "bound": given["bound_seconds"]}
            server, seconds = restart_server(engine, container, **reached)
        wait_for_settings(server, given["settings"])
    except HostSideError as failure:
        record.end_step(given["step_id"], "failed", time.time(), failure.sentence)
        put_settings_back(engine, given["docker_socket"], inverse)
        raise HostSideError(f"{failure.sentence} Its settings of before are in force.", kind="gate") from failure
    return server, seconds


def _inverse(given: dict[str, Any], files: Configuration, seen: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """All that is needed to be as before, also where the server does not run then."""
    return {
        "project": given["project"],
        "service": given["service"],
        "superuser": given["superuser"],
        "socket": given["socket"],
        "bound": given["bound_seconds"],
        "data_directory": files.data_directory,
        "config_file": files.config_file,
        "text": files.text,
        "included_by_us": files.owned and not files.included,
        "settings": {name: str(one["value"]) for name, one in seen.items() if not one["pending_restart"]},
    }


def _container(engine: Engine, given: dict[str, Any]) -> Container:
    containers = find_containers(engine, given["docker_socket"], given["project"])
    container = database_container(containers, given["project"], given["service"])
    if container is None:
        raise HostSideError(
            f"Service {given['service']} of project {given['project']} does not run here.",
            kind="refused",
            rule="mapping",
        )
    if container.memory is not None and container.memory < given["memory"]:
        raise HostSideError(
            f"{container.name} has {memory(container.memory)}, and the settings were made for"
            f" {memory(given['memory'])}; nothing was touched.",
            kind="refused",
            rule="X-01",
        )
    return container


def _take_away(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    folder = StateFolder(given["state_folder"])
    with Engine(given["docker_socket"]) as engine:
        removed_from = [
            server["service"]
            for server in remembered(folder, given["project"])
            if take_away(engine, given["docker_socket"], server, check=module.check_mode)
        ]
    return {"changed": bool(removed_from), "removed_from": removed_from}


if __name__ == "__main__":
    main()
