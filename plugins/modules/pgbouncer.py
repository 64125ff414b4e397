#!/usr/bin/python
"""Put PgBouncer up beside an app, change it, take it down."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pgbouncer
short_description: PgBouncer in front of an app's Postgres
version_added: "0.1.0"
description:
  - One container of a Compose project of our own, on the network that the app and its database share.
  - It is refused before anything is touched where its version is too old, where its connections do not fit into
    Postgres, and where a user could not log in through it.
  - A change is reloaded where PgBouncer can do that. Else a second process takes over on the same port, and the older
    one ends with its last client.
  - The password of its own role is made on the host and stays there, in a file that only PgBouncer reads.
author: ["selextract-infra contributors"]
options:
  project:
    description: The Compose project of the app. With O(state=absent) and without it, every PgBouncer of ours here.
    type: str
  wanted:
    description: Everything that PgBouncer is given, as the plan says. Required with O(state=present).
    type: dict
  replace:
    description: Start a new process in any case.
    type: bool
    default: false
  state:
    description: V(absent) takes it down once it has no clients, and refuses while it has.
    type: str
    choices: [present, absent]
    default: present
  bound_seconds:
    description: How long to wait, for an answer or for the last client.
    type: float
    default: 60
extends_documentation_fragment:
  - selextract.infra.options.step_if_present
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says what would change., support: full}
  diff_mode: {description: Shows C(pgbouncer.ini) before and after; no secret is in it., support: full}
"""

EXAMPLES = r"""
- name: Put PgBouncer up
  selextract.infra.pgbouncer:
    project: selextract
    wanted: "{{ selextract_values.wanted }}"
    run_id: 20260301T020000-9f3ac1
    step_id: pgbouncer-app1
"""

RETURN = r"""
done: {description: What was done., type: str, returned: always}
differences: {description: What was not as wanted., type: list, elements: str, returned: with O(state=present)}
unproved:
  description: Services whose own login could not be tried, because no password stands in their address.
  type: list
  elements: str
  returned: with O(state=present)
"""

from ..module_utils.module import run_act
from ..module_utils.pgbouncer.pgbouncer import PGBOUNCER


def main() -> None:
    run_act(PGBOUNCER)


if __name__ == "__main__":
    main()
