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

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.docker.engine import Engine
from ..module_utils.module import run
from ..module_utils.pgbouncer.folder import known_projects
from ..module_utils.pgbouncer.ini import rendered
from ..module_utils.pgbouncer.pooler import Pooler
from ..module_utils.state.lock import held_run
from ..module_utils.state.options import DOCKER, STATE, STEP_IF_PRESENT
from ..module_utils.state.runs import RunRecord
from ..module_utils.state.state import StateFolder


def main() -> None:
    run(
        _work,
        {
            "project": {"type": "str"},
            "wanted": {"type": "dict"},
            "replace": {"type": "bool", "default": False},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "bound_seconds": {"type": "float", "default": 60},
            **STEP_IF_PRESENT,
            **DOCKER,
            **STATE,
        },
        required_if=[("state", "present", ["project", "wanted", "run_id", "step_id"])],
    )


def _work(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    folder = StateFolder(given["state_folder"])
    with Engine(given["docker_socket"], timeout=given["bound_seconds"]) as engine:
        names = [given["project"]] if given["project"] else known_projects(folder)
        poolers = [Pooler(engine, given["docker_socket"], folder, one, given["bound_seconds"]) for one in names]
        if given["state"] == "present":
            return _present(module, poolers[0], folder)
        each = [_absent(module, pooler, folder) for pooler in poolers]
    return {
        "changed": any(one["changed"] for one in each),
        "done": ", ".join(one["done"] for one in each) or "nothing",
        "diff": [one["diff"] for one in each],
    }


def _present(module: AnsibleModule, pooler: Pooler, folder: StateFolder) -> dict[str, Any]:
    wanted, replace = module.params["wanted"], module.params["replace"]
    before = pooler.place.text() or ""
    pooler.refuse(wanted)
    differences = pooler.differences(wanted)
    changed, done = bool(differences) or replace, "nothing"
    if not module.check_mode:
        done = _recorded(
            module,
            folder,
            {"before": pooler.place.record(), "since": wanted},
            lambda: pooler.put_up(wanted, replace=replace) if changed else "nothing",
        )
    return {
        "unproved": pooler.unproved,
        "changed": changed,
        "done": done,
        "differences": differences,
        "diff": {
            "before_header": "pgbouncer.ini",
            "after_header": "pgbouncer.ini",
            "before": before,
            "after": rendered(wanted),
        },
    }


def _absent(module: AnsibleModule, pooler: Pooler, folder: StateFolder) -> dict[str, Any]:
    record, before = pooler.place.record(), pooler.place.text() or ""
    if record is not None and not module.check_mode:
        bound = module.params["bound_seconds"]
        if module.params["run_id"] is None:
            pooler.take_down(record, bound=bound)
        else:
            inverse = {"before": record, "since": record}
            _recorded(module, folder, inverse, lambda: pooler.take_down(record, bound=bound))
    diff = {"before_header": "pgbouncer.ini", "after_header": "pgbouncer.ini", "before": before, "after": ""}
    return {"changed": record is not None, "done": "taken down" if record else "nothing", "diff": diff}


def _recorded(module: AnsibleModule, folder: StateFolder, inverse: dict[str, Any], work: Any) -> Any:
    """Do the work as a step of the Run: its way back is on the disk before it begins."""
    record: RunRecord = held_run(folder, module.params["run_id"])
    step = module.params["step_id"]
    record.start_step(step, time.time())
    project, gone = module.params["project"], module.params["state"] == "absent"
    record.note_inverse(step, "pgbouncer", {project: inverse})
    record.note_left(step, "pgbouncer", {project: {"record": None if gone else inverse["since"]}})
    with record.failure_noted(step):
        done = work()
    record.end_step(step, "verified", time.time())
    return done


if __name__ == "__main__":
    main()
