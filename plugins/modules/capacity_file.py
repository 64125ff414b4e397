#!/usr/bin/python
"""Write our capacity file beside an app's Compose files."""

from __future__ import annotations

DOCUMENTATION = r"""
module: capacity_file
short_description: Write limits, counts and addresses beside an app's Compose files
version_added: "0.1.0"
description:
  - The file lies beside the app's own Compose files and holds limits, counts and concurrency; nothing else of the app
    is touched.
  - Where Compose finds the app's files itself and the app has no override file, ours is C(compose.override.yml).
  - Else it is C(compose.capacity.yml), named last in the entry C(COMPOSE_FILE) of C(.env), whose every other byte,
    owner and mode stay; not where C(.env) is also the C(env_file) of a service, whose environment that would change.
  - Where neither can be, it is refused with what the app's own command has to name.
  - The engine accepts the limits that change, on a container that is created and removed again without being started.
  - Compose accepts the result before the file takes its place, and once more afterwards as the app's next C(up) will
    read it.
author: ["selextract-infra contributors"]
options:
  project:
    description: Name of the Compose project. Required with O(state=present).
    type: str
  directory:
    description: The folder its Compose files are in. Required with O(state=present).
    type: path
  services:
    description: The whole wanted content, by service, in Compose's own keys. Required with O(state=present).
    type: dict
  state:
    description:
      - V(absent) takes every file of ours on this host away, and brings each C(.env) back to what it was before the
        first change.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - selextract.infra.options.step_if_present
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says what would change., support: full}
  diff_mode: {description: Shows the file and the entry before and after., support: full}
"""

EXAMPLES = r"""
- name: Write the capacity file
  selextract.infra.capacity_file:
    project: selextract
    directory: /opt/selextract
    services:
      api: {mem_limit: 1610612736, memswap_limit: 1610612736, cpus: 1.5}
    run_id: 20260301T020000-9f3ac1
    step_id: rightsize-app1
"""

RETURN = r"""
files:
  description: The Compose files in force afterwards.
  type: list
  elements: str
  returned: with O(state=present)
notes:
  description: What a person should know of how the file takes effect.
  type: list
  elements: str
  returned: with O(state=present)
removed_from:
  description: The folders that the file was taken from.
  type: list
  elements: str
  returned: with O(state=absent)
"""

import os
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.compose import dotenv
from ..module_utils.compose.capacity import limits_written, parse, render
from ..module_utils.compose.capacity_records import known_places
from ..module_utils.compose.capacity_writer import CapacityWriter
from ..module_utils.compose.compose import CAPACITY_FILE
from ..module_utils.compose.entry import COMPOSE_FILE
from ..module_utils.compose.our_file import OVERRIDE_FILE
from ..module_utils.compose.project_files import Content
from ..module_utils.docker.containers import find_containers
from ..module_utils.docker.dry_creation import refuse_unaccepted_limits
from ..module_utils.docker.engine import Engine
from ..module_utils.docker.limits import Limits, wanted_for
from ..module_utils.module import DOCKER, STATE, STEP_IF_PRESENT, by_state, run
from ..module_utils.state.lock import held_run
from ..module_utils.state.runs import RunRecord
from ..module_utils.state.state import StateFolder


def main() -> None:
    run(
        by_state(present=_present, absent=_absent),
        {
            "project": {"type": "str"},
            "directory": {"type": "path"},
            "services": {"type": "dict"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            **STEP_IF_PRESENT,
            **DOCKER,
            **STATE,
        },
        required_if=[("state", "present", ["project", "directory", "services", "run_id", "step_id"])],
    )


def _present(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    folder = StateFolder(given["state_folder"])
    writer = _writer(folder, given)
    text = render(given["services"])
    attachment = writer.attachment()
    result = _result(writer, text)
    if result["changed"]:
        _refuse_unaccepted(given, writer.text)
    if result["changed"] and not module.check_mode:
        _write(writer, given, held_run(folder, given["run_id"]), text)
    return {
        **result,
        "files": [*writer.team, attachment.file],
        "notes": [attachment.note] if attachment.note else [],
    }


def _refuse_unaccepted(given: dict[str, Any], before: str | None) -> None:
    """Raise where Docker would not create a container with the limits that the file is to give it."""
    known = (parse(before).get("services") or {}) if before else {}
    changed = {name: keys for name, keys in given["services"].items() if keys != known.get(name)}
    with Engine(given["docker_socket"]) as engine:
        containers = find_containers(engine, given["docker_socket"], given["project"])
        first = {str(one.service): one for one in containers if one.service in changed}
        wanted = [(one, wanted_for(limits_written(changed[name]), one)) for name, one in sorted(first.items())]
        refuse_unaccepted_limits(engine, [(one, limits) for one, limits in wanted if limits != Limits.of(one)])


def _write(writer: CapacityWriter, given: dict[str, Any], record: RunRecord, text: str) -> None:
    step_id = given["step_id"]
    record.start_step_once(step_id, time.time())
    record.note_inverse(step_id, "capacity_file", writer.inverse())
    record.note_left(step_id, "capacity_file", writer.left(given["services"]))
    with record.failure_noted(step_id):
        writer.write(text)


def _absent(module: AnsibleModule) -> dict[str, Any]:
    folder = StateFolder(module.params["state_folder"])
    diffs, removed_from = [], []
    for project, directory in known_places(folder, module.params["project"]):
        writer = CapacityWriter(folder, project, directory, socket_path=module.params["docker_socket"])
        diffs += _result(writer, None)["diff"]
        removed_from.append(directory)
        if not module.check_mode:
            writer.remove()
    return {"changed": bool(removed_from), "removed_from": removed_from, "diff": diffs}


def _writer(folder: StateFolder, given: dict[str, Any]) -> CapacityWriter:
    with Engine(given["docker_socket"]) as engine:
        containers = find_containers(engine, given["docker_socket"], given["project"])
    return CapacityWriter(folder, given["project"], given["directory"], containers, socket_path=given["docker_socket"])


def _result(writer: CapacityWriter, text: str | None) -> dict[str, Any]:
    """The difference; of ``.env`` only the entry is shown, since the rest may be secret."""
    changes = writer.changes(text)
    return {"changed": bool(changes), "diff": [_shown(path, *change) for path, change in changes.items()]}


def _shown(path: str, *contents: Content) -> dict[str, str]:
    name = os.path.basename(path)
    texts = []
    for content in contents:
        if name in (CAPACITY_FILE, OVERRIDE_FILE):
            texts.append((content or b"").decode("utf-8", "replace"))
        else:
            entry = dotenv.find_entry(content or b"", COMPOSE_FILE)
            texts.append(f"{COMPOSE_FILE}={entry.raw.decode('utf-8', 'replace')}\n" if entry else "")
    return {"before_header": name, "after_header": name, "before": texts[0], "after": texts[1]}


if __name__ == "__main__":
    main()
