"""What a playbook of this collection is asked to do."""

from __future__ import annotations

DOCUMENTATION = r"""
name: request
short_description: What a playbook is asked to do
version_added: "0.1.0"
description:
  - From the command line, the content of the file that C(selextract_run_file) names. It is waited for, at most
    C(selextract_wait_seconds); a playbook may be started before it is known what it is to do.
  - By hand there is no such file. Then the Run gets an ID, the person who started it owns it, and each host is to
    look at the
    project that the policy of the inventory maps.
  - The answer is data and never a template, whatever strings a host has put into it.
author: ["selextract-infra contributors"]
options:
  _terms:
    description: Name of the operation.
    required: true
"""

EXAMPLES = r"""
- name: Read what is asked for
  ansible.builtin.set_fact:
    selextract_request: "{{ lookup('selextract.infra.request', 'rightsize') }}"
  run_once: true
"""

RETURN = r"""
_raw:
  description: C(run) about the Run, C(hosts) with the values of each host, C(by_hand), and by hand the source of
    the C(policy).
  type: list
  elements: dict
"""

import json
import os
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from ..plugin_utils.policy import common_policy, policy_source

_PAUSE = 0.01  # seconds between two looks for a file that is not there yet
_LEASE_SECONDS = 900  # of a Run by hand; it is extended by every later step


class LookupModule(LookupBase):
    def run(
        self, terms: list[str], variables: Mapping[str, Any] | None = None, **_options: Any
    ) -> list[dict[str, Any]]:
        variables = variables or {}
        named = variables.get("selextract_run_file")
        if not named:
            return [_by_hand(str(terms[0]), variables)]
        content = _from_file(Path(named), float(variables.get("selextract_wait_seconds") or 0))
        return [_completed(content, str(terms[0]).replace(" ", "_"))]


def _from_file(path: Path, wait_seconds: float) -> dict[str, Any]:
    give_up = time.monotonic() + wait_seconds
    while not path.exists() and time.monotonic() < give_up:
        time.sleep(_PAUSE)
    try:
        return {"by_hand": False, **json.loads(path.read_text(encoding="utf-8"))}
    except (OSError, ValueError) as problem:
        raise AnsibleError(f"The request {path} cannot be read: {problem}.") from problem


def _completed(content: dict[str, Any], playbook: str) -> dict[str, Any]:
    """What a file that a person or version 0.1 wrote does not say: who holds the lock, and the acts of its values."""
    run = content.get("run")
    if not isinstance(run, dict):
        return content
    run = {"holder": "", "identity": {}, **run}
    hosts = content.get("hosts") or {}
    if run.get("step") and any(_has_values_alone(values) for values in hosts.values()):
        hosts = {host: {**values, **_carried(playbook, values, run)} for host, values in hosts.items()}
    return {**content, "run": run, "hosts": hosts}


def _has_values_alone(values: Any) -> bool:
    return isinstance(values, dict) and "steps" not in values and "project" in values


def _carried(playbook: str, values: dict[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    from selextract_infra.hosts.steps import acts_of, is_carried

    if not _has_values_alone(values) or not is_carried(playbook, values):
        return {}
    acts = [act.model_dump(mode="json") for act in acts_of(playbook, values)]
    lease = float(run.get("lease_seconds") or _LEASE_SECONDS)
    step = {"id": run["step"], "title": str(run.get("purpose") or playbook), "acts": acts}
    return {"steps": [{**step, "timeout_seconds": lease, "rollback_seconds": lease}]}


def _by_hand(operation: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    from selextract_infra.hosts.identity import identity_of, new_holder, new_run_id, owner
    from selextract_infra.hosts.observe.questions import wanted_of_hosts

    policy = common_policy(variables)
    hosts = [str(host) for host in variables.get("ansible_play_hosts_all", ())]
    return {
        "by_hand": True,
        "policy": policy_source(variables),
        "run": {
            "id": str(variables.get("selextract_run") or new_run_id(datetime.now(timezone.utc))),
            "owner": owner(process=os.getppid()),
            "holder": new_holder(),
            "identity": identity_of(os.getppid()),
            "purpose": f"{operation} by hand",
            "operation": operation,
            "plan_digest": "",
            "policy_digest": policy.digest,
            "lease_seconds": _LEASE_SECONDS,
            "last": True,
        },
        "hosts": {host: wanted_of_hosts(policy) for host in hosts},
    }
