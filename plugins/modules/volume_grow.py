#!/usr/bin/python
"""Grow a volume to the size of its disk."""

from __future__ import annotations

DOCUMENTATION = r"""
module: volume_grow
short_description: Grow a partition and its file system
version_added: "0.1.0"
description:
  - The disk under it has become larger already; its partition and its file system follow, while they are in use.
  - There is no way back.
author: ["selextract-infra contributors"]
options:
  folder:
    description: Where the volume is mounted.
    type: path
    required: true
  least_bytes:
    description: What the file system must have at least afterwards.
    type: int
    required: true
  bound_seconds:
    description: How long it may take.
    type: float
    default: 1200
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing., support: full}
  diff_mode: {description: There is nothing to show., support: none}
"""

EXAMPLES = r"""
- name: Grow the volume of the data
  selextract.infra.volume_grow:
    folder: /srv/data
    least_bytes: 1800000000000
    run_id: 20260301T020000-9f3ac1
    step_id: grow
"""

RETURN = r"""
before: {description: Bytes of the file system before., type: int, returned: always}
after: {description: Bytes of the file system now., type: int, returned: always}
"""

from ..module_utils.module import run_act
from ..module_utils.system.volume import VOLUME_GROW


def main() -> None:
    run_act(VOLUME_GROW)


if __name__ == "__main__":
    main()
