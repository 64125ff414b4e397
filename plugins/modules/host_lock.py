#!/usr/bin/python
"""Take and give back the lock of a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_lock
short_description: Take or give back the lock of a host
version_added: "0.1.0"
description:
  - Only one Run works on a host at a time. The lock says who works, for what, and until when.
  - Taking it again for the same Run by the same holder extends the lease. An expired lease is taken over, unless an
    unfinished Run stands behind it.
  - The same Run by another holder is taken up, which is refused while the lease holds. Each holder has an epoch, which
    only grows; what an earlier one still wants to change is refused. A Run that has ended is only put back.
  - The lock is bookkeeping of this collection, not of the host, so taking and giving it back is never reported as a
    change.
    Removing somebody else's lock is.
  - With the end of a Run the host lets go of what it kept to make removed instances again.
  - With the first lock of a Run the host is noted as it is before, so that it can be compared after a rollback.
author: ["selextract-infra contributors"]
options:
  state:
    description:
      - Whether the lock is to be ours, or free.
      - V(gone) removes the whole state of this collection from the host, our lock with it. That is a change where there
        was more than the lock.
      - V(closed) comes before a Run is taken up. Nobody else begins anything for it from then on, so that what is under
        way can come to its end; V(held) follows.
    type: str
    choices: [held, closed, free, gone]
    default: held
  run_id:
    description: ID of the Run. Without it, O(state=free) frees anybody's lock that no unfinished Run stands behind.
    type: str
  ended:
    description: With O(state=free), whether the Run ends on this host; one that has begun a step can go on later.
    type: bool
    default: true
  dead_epoch:
    description: The epoch of a holder whose process is known to be gone, so that its lease need not be waited for.
    type: int
  take_over:
    description: Why the Run is taken from a holder whose lease holds; without a reason it is not.
    type: str
extends_documentation_fragment:
  - selextract.infra.options.claim
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Says whether the lock could be taken and takes nothing., support: full}
"""

EXAMPLES = r"""
- name: Take the lock
  selextract.infra.host_lock:
    run_id: 20260301T020000-9f3ac1
    owner: ops@control
    purpose: right-size app1
  register: lock

- name: Give the lock back
  selextract.infra.host_lock:
    state: free
    run_id: 20260301T020000-9f3ac1
"""

RETURN = r"""
acquired: {description: Whether the lock is ours (or free now)., type: bool, returned: always}
holder:
  description: Who has the lock or had it; C(unfinished) names a Run that must be resumed or rolled back.
  type: dict
  returned: always
taken_over: {description: Whether the lock of somebody else was replaced., type: bool, returned: always}
epoch: {description: The number of the holder on this host., type: int, returned: always}
sentence: {description: Why it was not acquired., type: str, returned: always}
status: {description: How the Run ended on this host., type: str, returned: when a Run was ended}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.docker.engine import EngineGoneError
from ..module_utils.docker.kept_definitions import forget_definitions
from ..module_utils.module import run
from ..module_utils.state.act import by_state
from ..module_utils.state.fence import LOCK
from ..module_utils.state.host_note import note_after, note_before
from ..module_utils.state.host_program import remove_units
from ..module_utils.state.lock import ClaimVerdict, claim_of, claimed, close_to_others, free, held_run
from ..module_utils.state.migration import migrate, refuse_old_emergency
from ..module_utils.state.options import CLAIM, DOCKER, STATE
from ..module_utils.state.runs import RunRecord
from ..module_utils.state.segment import SegmentFiles, forget_segments
from ..module_utils.state.state import StateFolder
from ..module_utils.system.failure import HostSideError


def main() -> None:
    run(
        by_state(held=_held, closed=_closed, free=_free, gone=_gone),
        {
            "state": {"type": "str", "choices": ["held", "closed", "free", "gone"], "default": "held"},
            "run_id": {"type": "str"},
            "ended": {"type": "bool", "default": True},
            "dead_epoch": {"type": "int"},
            "take_over": {"type": "str"},
            **CLAIM,
            **DOCKER,
            **STATE,
        },
        required_if=[("state", state, ["run_id"]) for state in ("held", "closed", "gone")],
    )


def _held(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    folder = StateFolder(given["state_folder"])
    refuse_old_emergency(folder, given["run_id"])  # and a folder that a newer version wrote, before anything is written
    verdict = claimed(folder, given, time.time(), check=module.check_mode)
    if verdict.acquired and not module.check_mode:
        migrate(folder)
    if verdict.acquired and given["run"] is not None and not module.check_mode:
        note_before(folder, given["run_id"], given["docker_socket"])
    return verdict.result()


def _closed(module: AnsibleModule) -> dict[str, Any]:
    folder = StateFolder(module.params["state_folder"])
    if not module.check_mode:
        folder.prepare()
    return close_to_others(folder, claim_of(module.params), time.time(), check=module.check_mode).result()


def _free(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    folder = StateFolder(given["state_folder"])
    if module.check_mode and given["run_id"]:
        return ClaimVerdict(True, None).result()
    if not module.check_mode:
        folder.prepare()
    if given["run_id"] and not free(folder, given["run_id"], check=True).acquired:
        return free(folder, given["run_id"], check=True).result()
    if given["run_id"] and given["ended"] and SegmentFiles(folder, given["run_id"]).left:
        return ClaimVerdict(
            True, folder.read(LOCK)
        ).result()  # its steps are not all done, so it goes on, or is put back
    status = _ended(folder, given["run_id"], given["ended"]) if given["run_id"] else None
    if status is not None and not module.check_mode:
        note_after(folder, given["run_id"], status, given["docker_socket"])
        if status != "running":
            SegmentFiles(folder, given["run_id"]).remove()
        _forget(folder, given["docker_socket"])
        forget_segments(folder)
        folder.clear_unfinished()
    verdict = free(folder, given["run_id"], check=module.check_mode)
    if not verdict.acquired and given["run_id"] is None:
        module.fail_json(msg=verdict.sentence, kind="locked", **verdict.result())
    removed = given["run_id"] is None and verdict.holder is not None
    return {**verdict.result(), "changed": removed, **({"status": status} if status else {})}


def _gone(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    folder = StateFolder(given["state_folder"])
    holder = folder.read("lock.json")
    if not module.check_mode and (holder is None or not free(folder, given["run_id"], check=True).acquired):
        raise HostSideError("The lock is not ours, so nothing was removed.", kind="locked")
    more = folder.holds_more_than_the_lock()
    if not module.check_mode:
        forget_definitions(folder, given["docker_socket"], everything=True)
        remove_units()
        folder.remove_all()
    return {**ClaimVerdict(True, holder).result(), "changed": more}


def _forget(folder: StateFolder, socket_path: str) -> None:
    """Let go of what ended Runs kept. Where Docker is away, the end of the next Run does it: nothing waits for this."""
    try:
        forget_definitions(folder, socket_path)
    except EngineGoneError:
        return


def _ended(folder: StateFolder, run_id: str, ended: bool) -> str | None:
    """End the Run, where it has begun and its lock is ours.

    Not where the host carried steps out and nobody heard how that ended: whoever leads the Run takes it for failed and
    puts it back, for which all that was kept for it is needed. Nor where that is about to come because a later step
    failed: until then the Run is unfinished, also when nobody comes any more.
    """
    record, segment = RunRecord(folder, run_id), SegmentFiles(folder, run_id)
    if not segment.end_is_known or segment.to_be_put_back:
        return None
    if not record.exists or folder.read("lock.json") is None or (record.content["steps"] and not ended):
        return None
    return held_run(folder, run_id).end(time.time())


if __name__ == "__main__":
    main()
