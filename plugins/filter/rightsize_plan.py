"""The Plan of right-sizing, made by the same code as the command line makes it."""

from __future__ import annotations

DOCUMENTATION = r"""
name: rightsize_plan
short_description: The Plan that right-sizes the hosts that were observed
version_added: "0.1.0"
description:
  - For right-sizing by hand. Decisions, steps and values come from C(selextract_infra), so they cannot differ from
    those of
    the command line.
positional: _input
options:
  _input:
    description: By host, the result of M(selextract.infra.observe_host).
    type: dict
    required: true
  policy:
    description: The policy as the lookup C(selextract.infra.request) hands it on.
    type: dict
    required: true
author: ["selextract-infra contributors"]
"""

EXAMPLES = r"""
plan: "{{ {inventory_hostname: seen} | selextract.infra.rightsize_plan(selextract_request.policy) }}"
"""

RETURN = r"""
_value:
  description: The Plan as plain data; C(steps) is empty where nothing is to be done.
  type: dict
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils.policy import plain


def rightsize_plan(results: Mapping[str, Any], policy: Mapping[str, Any]) -> dict[str, Any]:
    from selextract_infra import plan as plans
    from selextract_infra.errors import SelextractError
    from selextract_infra.hosts.identity import owner
    from selextract_infra.hosts.observe.sampler_history import host_with_history
    from selextract_infra.model.observation import Observation
    from selextract_infra.policy import load_policy

    now = datetime.now(timezone.utc)
    files = [Path(name) for name in plain(policy["files"])]
    try:
        loaded = load_policy(plain(policy["mapping"]), files=files)
        hosts = tuple(host_with_history(str(name), plain(result)) for name, result in results.items())
        plan = plans.rightsize(Observation(at=now, hosts=hosts), loaded, made_by=owner())
    except (SelextractError, ValueError) as problem:
        raise AnsibleFilterError(str(problem)) from problem
    return dict(plan.model_dump(mode="json"), digest=plan.digest)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"rightsize_plan": rightsize_plan}
