#!/usr/bin/python
"""Take and give back the lock of a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_lock
short_description: Take or give back the lock of a host
version_added: "0.1.0"
description:
  - Only one Run works on a host at a time. The lock says who works, for what, and until when.
  - Taking it again for the same Run extends the lease. An expired lease is taken over, unless an unfinished Run
    stands behind it.
  - The lock is bookkeeping of this collection, not of the host, so taking and giving it back is never reported as a
    change.
    Removing somebody else's lock is.
author: ["selextract-infra contributors"]
options:
  state:
    description:
      - Whether the lock is to be ours, or free.
      - V(gone) removes the whole state of this collection from the host, our lock with it. That is a change where there
        was more than the lock.
    type: str
    choices: [held, free, gone]
    default: held
  run_id:
    description: ID of the Run. Without it, O(state=free) frees anybody's lock that no unfinished Run stands behind.
    type: str
  owner:
    description: Who works, as others shall read it.
    type: str
    default: somebody unknown
  purpose:
    description: What for, in a few words.
    type: str
    default: no purpose given
  operation:
    description: Name of the operation.
    type: str
    default: by hand
  lease_seconds:
    description: How long the next step may take at most.
    type: float
    default: 600
  ended:
    description: With O(state=free), whether the Run ends on this host; one that has begun a step can go on later.
    type: bool
    default: true
  run:
    description:
      - With O(state=held), also begins the Run on this host; what it is about, for whoever has to resume it.
      - Ends with the lock given back.
    type: dict
    suboptions:
      plan_digest: {description: Digest of the Plan., type: str}
      policy_digest: {description: Digest of the policy., type: str}
      plan: {description: The whole Plan., type: dict}
extends_documentation_fragment:
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
taken_over: {description: Whether an expired lock of somebody else was replaced., type: bool, returned: always}
sentence: {description: Why it was not acquired., type: str, returned: always}
status: {description: How the Run ended on this host., type: str, returned: when a Run was ended}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.failure import HostSideError
from ..module_utils.lock import Claim, Verdict, free, hold, judge
from ..module_utils.module import STATE, by_state, run
from ..module_utils.runs import RunRecord
from ..module_utils.state import StateFolder


def main() -> None:
    run(
        by_state(held=_held, free=_free, gone=_gone),
        {
            "state": {"type": "str", "choices": ["held", "free", "gone"], "default": "held"},
            "run_id": {"type": "str"},
            "owner": {"type": "str", "default": "somebody unknown"},
            "purpose": {"type": "str", "default": "no purpose given"},
            "operation": {"type": "str", "default": "by hand"},
            "lease_seconds": {"type": "float", "default": 600},
            "ended": {"type": "bool", "default": True},
            "run": {
                "type": "dict",
                "options": {
                    "plan_digest": {"type": "str"},
                    "policy_digest": {"type": "str"},
                    "plan": {"type": "dict"},
                },
            },
            **STATE,
        },
        required_if=[("state", "held", ["run_id"]), ("state", "gone", ["run_id"])],
    )


def _held(module: AnsibleModule) -> dict[str, Any]:
    given, now = module.params, time.time()
    folder = StateFolder(given["state_folder"])
    claim = Claim(given["run_id"], given["owner"], given["purpose"], given["operation"], given["lease_seconds"])
    record = RunRecord(folder, claim.run_id)
    if module.check_mode:
        return _result(judge(folder, claim, now))
    folder.prepare()
    verdict = hold(folder, claim, now)
    if verdict.acquired and given["run"] is not None:
        about = {"owner": claim.owner, "purpose": claim.purpose, "operation": claim.operation}
        record.begin({**about, **given["run"], "took_over": verdict.took_over}, now)
    return _result(verdict)


def _free(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    folder = StateFolder(given["state_folder"])
    if module.check_mode and given["run_id"]:
        return _result(Verdict(True, None))
    if not module.check_mode:
        folder.prepare()
    status = _ended(folder, given["run_id"], given["ended"]) if given["run_id"] else None
    verdict = free(folder, given["run_id"], check=module.check_mode)
    if not verdict.acquired and given["run_id"] is None:
        module.fail_json(msg=verdict.sentence, kind="locked", **_result(verdict))
    removed = given["run_id"] is None and verdict.holder is not None
    return {**_result(verdict), "changed": removed, **({"status": status} if status else {})}


def _gone(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    folder = StateFolder(given["state_folder"])
    holder = folder.read("lock.json")
    if not module.check_mode and (holder or {}).get("run_id") != given["run_id"]:
        raise HostSideError("The lock is not ours, so nothing was removed.", kind="locked")
    more = folder.holds_more_than_the_lock()
    if not module.check_mode:
        folder.remove_all()
    return {**_result(Verdict(True, holder)), "changed": more}


def _ended(folder: StateFolder, run_id: str, ended: bool) -> str | None:
    record = RunRecord(folder, run_id)
    if not record.exists or (record.content["steps"] and not ended):
        return None
    return record.end(time.time())


def _result(verdict: Verdict) -> dict[str, Any]:
    return {
        "changed": False,
        "acquired": verdict.acquired,
        "holder": verdict.holder,
        "taken_over": verdict.took_over is not None,
        "sentence": verdict.sentence,
    }


if __name__ == "__main__":
    main()
