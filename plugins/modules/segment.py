#!/usr/bin/python
"""Let the host carry the steps of a Run out, and follow it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: segment
short_description: Let the host carry the steps of a Run out, and follow them
version_added: "0.2.0"
description:
  - The steps go to the host once, as data. A program there carries them out, verifies each one and undoes one that
    fails, also when nobody follows it any more.
  - Where nobody has followed it for O(silence_seconds), an attended Run stops at the next safe point; an unattended one
    goes on to the end of its steps.
options:
  state:
    description:
      - V(carried) begins and waits for O(wait_seconds); V(followed) only waits.
      - V(undone) lets the host put the steps of the Run back instead, the newest first, and compare itself with what
        was noted before the first one. A rollback that has begun goes on to its end though nobody follows it.
    type: str
    choices: [carried, undone, followed]
    default: carried
  run_id:
    description: ID of the Run, which holds the lock.
    type: str
    required: true
  program:
    description: Digest of the program that carries them out. Not used with O(state=followed).
    type: str
  program_content:
    description: The program itself in Base64, for check mode on a host that does not have it yet.
    type: str
  steps:
    description:
      - The steps in their order, each with its C(acts). Required with O(state=carried).
      - With O(state=undone) only the C(id) of each counts, newest first; without it, all that began are put back.
    type: list
    elements: dict
  claim:
    description:
      - The lock is taken for the Run first, as M(selextract.infra.host_lock) does. Without it the Run has to have it.
    type: dict
    suboptions:
      owner:
        description: Who works, for people.
        type: str
        default: somebody unknown
      purpose:
        description: What for, for people.
        type: str
        default: no purpose given
      operation:
        description: Name of the operation.
        type: str
        default: by hand
      lease_seconds:
        description: How long the steps may take; after that the lock is anybody's.
        type: float
        default: 600
      identity:
        description: Which process works, by the machine-id, the boot and the process ID with its start time.
        type: dict
        default: {}
      run:
        description: What the Run sets out to do, kept in its record.
        type: dict
        suboptions:
          plan_digest: {description: Digest of its Plan., type: str}
          policy_digest: {description: Digest of the policy., type: str}
          plan: {description: The Plan., type: dict}
  unattended:
    description: Whether the Run was confirmed as one that nobody follows.
    type: bool
    default: false
  silence_seconds:
    description: After how many seconds without a question an attended Run stops.
    type: float
    default: 60
  wait_seconds:
    description: How long to wait for the next event at most.
    type: float
    default: 5
extends_documentation_fragment:
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says what each act would change., support: full}
  diff_mode: {description: Shows what each act would change., support: full}
author: ["selextract-infra contributors"]
"""

EXAMPLES = r"""
- name: Carry the steps out
  selextract.infra.segment:
    run_id: 20260301T020000-9f3ac1
    program: 0123456789ab
    steps:
      - id: rightsize
        title: Set 2 limits in place
        timeout_seconds: 120
        rollback_seconds: 60
        acts:
          - name: container_limits
            values: {project: selextract, services: {api: {memory: 1610612736}}, shrink_margin: 0.1}
  register: segment

- name: On the host
  selextract.infra.segment:
    state: followed
    run_id: 20260301T020000-9f3ac1
  register: segment
  until: segment.finished
  retries: 1000
  delay: 0
"""

RETURN = r"""
present:
  description: Whether the program is on the host; where it is not, nothing was done.
  type: bool
  returned: with O(state=carried)
acquired: {description: Whether the lock is ours., type: bool, returned: with O(claim)}
holder: {description: Who has the lock., type: dict, returned: with O(claim)}
finished: {description: Whether it has ended., type: bool, returned: always}
progress: {description: What it does now, for a person., type: str, returned: always}
events: {description: How many events there are., type: int, returned: always}
steps: {description: By step, what became of it., type: dict, returned: when it has ended}
restored: {description: Whether what failed was put back., type: bool, returned: when a step failed or O(state=undone)}
differences: {description: What is not as before., type: list, elements: str, returned: as RV(restored)}
sentence:
  description: What is not proved, why it stopped early, or what was put back.
  type: str
  returned: when it has ended
stopped: {description: Why it stopped before its last step., type: str, returned: when it did}
"""

import base64
import json
import os
import subprocess
import tempfile
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.module import run
from ..module_utils.state.act import by_state
from ..module_utils.state.fence import holder_of_this_work
from ..module_utils.state.host_program import KeptProgram
from ..module_utils.state.lock import claimed, held_run
from ..module_utils.state.migration import refuse_old_emergency
from ..module_utils.state.options import CLAIM, DOCKER, STATE
from ..module_utils.state.runs import RunRecord
from ..module_utils.state.segment import SegmentFiles, steps_to_undo
from ..module_utils.state.state import StateFolder
from ..module_utils.system.failure import HostSideError
from ..module_utils.system.leftover_processes import VARIABLE
from ..module_utils.system.transient_unit import start_alone

_LOOK = 0.1  # seconds
_CHECKED_WITHIN = 300.0  # seconds
_SAFE_POINT = 120.0  # seconds that a step may take to be undone
_NOT_OVER = "The rollback ended without its end being known."
_NOTHING = {"finished": True, "progress": "", "events": 0}


def main() -> None:
    run(
        by_state(carried=_carried, undone=_carried, followed=_followed),
        {
            "state": {"type": "str", "choices": ["carried", "undone", "followed"], "default": "carried"},
            "run_id": {"type": "str", "required": True},
            "program": {"type": "str"},
            "program_content": {"type": "str"},
            "steps": {"type": "list", "elements": "dict"},
            "claim": {"type": "dict", "options": CLAIM},
            "unattended": {"type": "bool", "default": False},
            "silence_seconds": {"type": "float", "default": 60},
            "wait_seconds": {"type": "float", "default": 5},
            **DOCKER,
            **STATE,
        },
        required_if=[("state", "carried", ["program", "steps"]), ("state", "undone", ["program"])],
    )


def _carried(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    folder = StateFolder(given["state_folder"])
    program = KeptProgram(folder, given["program"])
    if not program.present and given["program_content"] is None:
        return {"changed": False, "present": False, **_NOTHING, "finished": False}
    if given["claim"] is None:
        return {"present": True, **_begun(module, folder, program)}
    refuse_old_emergency(folder, given["run_id"])
    wanted = {**given["claim"], "run_id": given["run_id"]}
    verdict = claimed(folder, wanted, time.time(), check=module.check_mode)
    if not verdict.acquired:
        return {**_NOTHING, "present": True, **verdict.result()}
    try:
        return {**verdict.result(), "present": True, **_begun(module, folder, program)}
    except HostSideError as failure:
        module.fail_json(msg=failure.sentence, **{**verdict.result(), **failure.result()})
        raise


def _begun(module: AnsibleModule, folder: StateFolder, program: KeptProgram) -> dict[str, Any]:
    given = module.params
    undoes = given["state"] == "undone"
    segment = {
        "run_id": given["run_id"],
        "state_folder": given["state_folder"],
        "undoes": undoes,
        "steps": _to_undo(folder, given) if undoes else [_dated(step, time.time()) for step in given["steps"]],
        "unattended": given["unattended"],
        "silence_seconds": given["silence_seconds"],
        "docker_socket": given["docker_socket"],
        "program": given["program"],
        "holder": holder_of_this_work(),
    }
    if module.check_mode:
        return {**_NOTHING, **_checked(program, given["program_content"], segment)}
    files = SegmentFiles(folder, given["run_id"])
    if undoes:
        _end(files)
    elif files.under_way and files.runner_lives():
        raise HostSideError(f"Run {given['run_id']} is being carried out here already.", kind="locked")
    files.begin(segment)
    unit = f"selextract-infra-{given['run_id']}{'-undo' if undoes else ''}"
    command = program.command("carry", given["state_folder"], given["run_id"])
    start_alone(unit, f"Run {given['run_id']} (selextract-infra)", command, {VARIABLE: given["run_id"]})
    return _waited(module, files)


def _to_undo(folder: StateFolder, given: dict[str, Any]) -> list[dict[str, Any]]:
    wanted = None if given["steps"] is None else [str(step["id"]) for step in given["steps"]]
    return steps_to_undo(RunRecord(folder, given["run_id"]), wanted)


def _end(files: SegmentFiles) -> None:
    """What is put back as a whole is not gone on with, neither by a runner that still works nor at the next start."""
    safe, sentence = files.brought_to_rest(_SAFE_POINT, undo=True)
    if not safe or not files.runner_is_gone():
        raise HostSideError(sentence or "The runner of its steps does not end.", kind="gate")


def _dated(step: dict[str, Any], now: float) -> dict[str, Any]:
    """The step with the time by which it has to begin, where it is told how long that may take."""
    within = step.get("begins_within_seconds")
    return step if within is None else {**step, "begins_by": now + float(within)}


def _followed(module: AnsibleModule) -> dict[str, Any]:
    folder, run_id = StateFolder(module.params["state_folder"]), module.params["run_id"]
    held_run(folder, run_id)  # what another holder has sent is not ours to follow
    return _waited(module, SegmentFiles(folder, run_id))


def _waited(module: AnsibleModule, files: SegmentFiles) -> dict[str, Any]:
    """Wait for the next event, or the end, for as long as is allowed; then say how far it is."""
    given = module.params
    end = time.monotonic() + given["wait_seconds"]
    known = files.known_events()
    files.note_asked(known)
    while True:
        record, events = files.read(), files.events()
        ended = record.get("status") != "running"
        if ended:
            files.note_asked(len(events), end=True)
            return _ended(module, record, files.outcomes(), len(events))
        over = time.monotonic() > end
        if over and not files.runner_lives():
            module.fail_json(
                msg="The program that carries the steps out has ended on the host without saying why;"
                f" journalctl -u 'selextract-infra-{files.run_id}*' may tell.",
                kind="gate",
                steps=files.outcomes(),
            )
        if over or len(events) > known:
            files.note_asked(len(events))
            return _under_way(record, events)
        time.sleep(_LOOK)


def _under_way(record: dict[str, Any], events: list[dict[str, Any]]) -> dict[str, Any]:
    titles = [str(event["title"]) for event in events if event.get("title")]
    begun = [str(event["title"]) for event in events if event["event"] == "step begins"]
    shown = [*(begun[-1:] if len(record["steps"]) > 1 else []), *titles[-1:]]
    progress = ": ".join(dict.fromkeys(shown))
    return {"changed": False, "finished": False, "progress": progress, "events": len(events)}


def _undone(module: AnsibleModule, record: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """What came of a rollback; it fails only where nobody knows, because that was ended before its end."""
    undone = record.get("undone") or {}
    failed = next((result for result in answer["steps"].values() if result["status"] == "failed"), None)
    failure = failed or undone.get("failure") or ({} if undone else {"sentence": record.get("stopped") or _NOT_OVER})
    if failure:
        known = {key: failure[key] for key in ("kind", "rule") if key in failure}
        module.fail_json(msg=failure["sentence"], **{**answer, "kind": "gate", **known})
    return {**answer, **undone}


def _ended(module: AnsibleModule, record: dict[str, Any], results: dict[str, Any], events: int) -> dict[str, Any]:
    answer = {
        "changed": any(result.get("changed") for result in results.values()),
        "finished": True,
        "progress": "",
        "events": events,
        "steps": results,
        "sentence": next((result["message"] for result in reversed(list(results.values())) if result["message"]), ""),
        **({"stopped": record["stopped"]} if record.get("stopped") else {}),
    }
    if record.get("undoes"):
        return _undone(module, record, answer)
    failed = next((result for result in results.values() if result["status"] != "verified"), None)
    if failed is None:
        return answer
    known = ("restored", "differences", "kind", "rule")
    module.fail_json(msg=failed["message"], **{**answer, **{key: failed[key] for key in known if key in failed}})
    return answer


def _checked(program: KeptProgram, content: str | None, segment: dict[str, Any]) -> dict[str, Any]:
    """What the acts would change; a program that is not there yet is brought for this only."""
    with tempfile.TemporaryDirectory() as folder:
        path = program.path
        if content is not None:
            path = os.path.join(folder, "program.pyz")
            with open(path, "wb") as target:
                target.write(base64.b64decode(content))
        done = subprocess.run(
            [*program.command()[:-1], path, "check"],
            input=json.dumps(segment),
            capture_output=True,
            encoding="utf-8",
            timeout=_CHECKED_WITHIN,
            check=False,
        )
    if done.returncode:
        raise HostSideError(f"The program failed: {done.stderr.strip()[-300:]}", kind="state")
    answer: dict[str, Any] = json.loads(done.stdout)
    if "failure" in answer:
        failure = answer["failure"]
        raise HostSideError(failure["sentence"], kind=failure["kind"], rule=failure.get("rule"))
    return answer


if __name__ == "__main__":
    main()
