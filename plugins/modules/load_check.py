#!/usr/bin/python
"""Compare how fast services answer with before."""

from __future__ import annotations

DOCUMENTATION = r"""
module: load_check
short_description: Compare how fast services answer with before
version_added: "0.1.0"
description:
  - Asks each address as often as before the upgrade. None may fail, and none may be slower than allowed.
author: ["selextract-infra contributors"]
options:
  urls:
    description: Addresses that must answer 2xx on the host itself.
    type: list
    elements: str
    default: []
  requests:
    description: How often each is asked.
    type: int
    required: true
  before_step:
    description: The step of the Run that noted how fast they answered before.
    type: str
    required: true
  slower:
    description: How many times slower than before they may be.
    type: float
    required: true
  target_seconds:
    description: What is fast enough in any case.
    type: float
    required: true
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing., support: full}
  diff_mode: {description: There is nothing to show., support: none}
"""

EXAMPLES = r"""
- name: Compare with before
  selextract.infra.load_check:
    urls: ["http://127.0.0.1:8080/api/v1/health"]
    requests: 20
    before_step: preflight
    slower: 1.5
    target_seconds: 0.5
    run_id: 20260301T020000-9f3ac1
    step_id: gate
"""

RETURN = r"""
answers: {description: "By address, the 95th percentile in seconds.", type: dict, returned: success}
before: {description: The same before the upgrade., type: dict, returned: success}
"""

from ..module_utils.module import run_act
from ..module_utils.system.response_times import LOAD_CHECK


def main() -> None:
    run_act(LOAD_CHECK)


if __name__ == "__main__":
    main()
