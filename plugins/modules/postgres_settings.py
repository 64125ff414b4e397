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
    description: Restart the server, which disconnects every client; those of PgBouncer wait meanwhile.
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

from ..module_utils.module import run_act
from ..module_utils.postgres.settings import POSTGRES_SETTINGS


def main() -> None:
    run_act(POSTGRES_SETTINGS)


if __name__ == "__main__":
    main()
