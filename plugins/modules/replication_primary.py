#!/usr/bin/python
"""Let a replica in on its primary, or take away what one had there."""

from __future__ import annotations

DOCUMENTATION = r"""
module: replication_primary
short_description: What a replica needs on its primary
version_added: "0.1.0"
description:
  - TLS, a role of its own for replication, a line in C(pg_hba.conf) and a slot. A reload is enough for all of it. TLS
    is switched on with a certificate of the server's own making where it is off.
  - Of the replica's password only the verifier comes here, from which nobody can log in.
  - C(absent) ends a walsender whose replica is gone and drops its slot, so that no WAL is held back. C(checked) waits
    until the replica streams and has replayed what the primary had written when the wait began.
author: ["selextract-infra contributors"]
options:
  name:
    description: Name of the role and of the slot.
    type: str
    required: true
  state:
    description: What is to be.
    type: str
    choices: [present, absent, checked]
    default: present
  verifier:
    description: The verifier of the replica's password; by default the role keeps the one it has.
    type: str
  fresh:
    description: Whether the replica is cloned anew, and so gets a new slot.
    type: bool
    default: false
  settings:
    description: Parameters to set beside it, which a reload brings into force.
    type: dict
    default: {}
  bound_seconds:
    description: How long C(checked) waits.
    type: float
    default: 120
extends_documentation_fragment:
  - selextract.infra.options.server
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says what would change., support: full}
"""

EXAMPLES = r"""
- name: Let the replica in
  selextract.infra.replication_primary:
    project: selextract
    service: postgres
    name: selextract_db2
    fresh: true
    run_id: 20260301T020000-9f3ac1
    step_id: replica-db2
"""

RETURN = r"""
lsn: {description: Up to where the replica has replayed., type: str, returned: with O(state=checked)}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.docker.engine import Engine
from ..module_utils.module import run
from ..module_utils.postgres.psql import Server, find_server, literal
from ..module_utils.replica.primary import Primary
from ..module_utils.state.act import by_state
from ..module_utils.state.lock import held_run
from ..module_utils.state.options import DOCKER, SERVER, STATE, STEP
from ..module_utils.state.runs import RunRecord
from ..module_utils.state.state import StateFolder
from ..module_utils.system.failure import HostSideError

_TLS = ["ssl", "ssl_cert_file", "ssl_key_file"]
_CAUGHT_UP = """
SELECT s.active AND r.state = 'streaming' AND r.replay_lsn >= '{lsn}'::pg_lsn AS done, r.replay_lsn::text AS lsn
FROM pg_replication_slots s LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid WHERE s.slot_name = {name}
"""


def main() -> None:
    run(
        by_state(present=_present, absent=_absent, checked=_checked),
        {
            **SERVER,
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent", "checked"], "default": "present"},
            "verifier": {"type": "str", "no_log": True},
            "fresh": {"type": "bool", "default": False},
            "settings": {"type": "dict", "default": {}},
            "bound_seconds": {"type": "float", "default": 120},
            **STEP,
            **DOCKER,
            **STATE,
        },
    )


def _server(given: dict[str, Any]) -> Server:
    with Engine(given["docker_socket"]) as engine:
        return find_server(
            engine,
            given["docker_socket"],
            given["project"],
            given["service"],
            superuser=given["superuser"],
            socket=given["socket"],
        )


def _record(module: AnsibleModule) -> RunRecord | None:
    if module.check_mode:
        return None
    given = module.params
    record = held_run(StateFolder(given["state_folder"]), given["run_id"])
    record.start_step_once(given["step_id"], time.time())
    return record


def _present(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    record, primary = _record(module), Primary(_server(given), given["name"])
    wanted = {name: str(value) for name, value in given["settings"].items()}
    own = primary.own_settings([*wanted, *_TLS])
    settings = {name: value for name, value in wanted.items() if own[name] != value}
    changed = bool(settings or given["fresh"] or not primary.ready)
    if record is None or not changed:
        return {"changed": changed}
    touched = [*settings, *(() if primary.before["ssl"] else _TLS)]
    where = {name: given[name] for name in ("project", "service", "superuser", "socket")}
    before = {name: own[name] for name in touched}
    record.note_inverse(given["step_id"], "replication_settings", {**where, "before": before})
    if primary.absent or given["fresh"]:
        record.note_inverse(given["step_id"], "replication", {**where, "name": given["name"]})
    primary.offer_tls()
    primary.set(settings)
    primary.admit(given["verifier"] if given["fresh"] or not primary.before["role"] else None)
    primary.keep_wal(fresh=given["fresh"])
    return {"changed": True}


def _absent(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    record, primary = _record(module), Primary(_server(given), given["name"])
    if record is None or primary.absent:
        if record is not None:
            record.end_step(given["step_id"], "verified", time.time())
        return {"changed": not primary.absent}
    primary.dismiss()
    record.end_step(given["step_id"], "verified", time.time())
    return {"changed": True}


def _checked(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    record, server = _record(module), _server(given)
    if record is None:
        return {"changed": False, "lsn": ""}
    lsn = server.row("SELECT pg_current_wal_lsn()::text AS lsn")["lsn"]
    query = _CAUGHT_UP.format(lsn=lsn, name=literal(given["name"]))
    end = time.monotonic() + given["bound_seconds"]
    while True:
        rows = server.rows(query)
        if rows and rows[0]["done"]:
            record.end_step(given["step_id"], "verified", time.time())
            return {"changed": False, "lsn": rows[0]["lsn"]}
        if time.monotonic() > end:
            raise HostSideError(
                f"After {given['bound_seconds']:.0f} s the replica of slot {given['name']} has not replayed what the"
                " primary has written.",
                kind="gate",
            )
        time.sleep(0.3)


if __name__ == "__main__":
    main()
