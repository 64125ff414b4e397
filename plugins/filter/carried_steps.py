"""The steps of a Plan as a host carries them out."""

from __future__ import annotations

DOCUMENTATION = r"""
name: carried_steps
short_description: The steps of a Plan as a host carries them out
version_added: "0.2.0"
description:
  - For plays by hand. The acts of each step come from C(selextract_infra), so they are those of the command line.
positional: _input, host
options:
  _input:
    description: A Plan as plain data, as the filter C(selextract.infra.rightsize_plan) returns it.
    type: dict
    required: true
  host:
    description: Name of the host.
    type: str
    required: true
author: ["selextract-infra contributors"]
"""

EXAMPLES = r"""
steps: "{{ plan | selextract.infra.carried_steps(inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description: For M(selextract.infra.segment); empty where nothing is to be done on that host.
  type: list
  elements: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ..plugin_utils.policy import plain


def carried_steps(plan: Mapping[str, Any], host: str) -> list[dict[str, Any]]:
    from selextract_infra.hosts.steps import carried_steps as carried
    from selextract_infra.model.plan import Plan

    made = Plan.model_validate({key: value for key, value in plain(plan).items() if key != "digest"})
    return carried(tuple(step for step in made.steps if host in step.hosts), str(host))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"carried_steps": carried_steps}
