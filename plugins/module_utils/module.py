"""The frame all modules of this collection share: a failure becomes one sentence, never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .failure import HostSideError

__all__ = ["STATE_OPTION", "run"]

STATE_OPTION = {"type": "path", "default": "/var/lib/selextract-infra"}


def run(module: AnsibleModule, work: Callable[[AnsibleModule], dict[str, Any]]) -> None:
    """Do the module's work and leave with its result, or with the sentence of the ``HostSideError`` it raised."""
    try:
        result = work(module)
    except HostSideError as failure:
        module.fail_json(msg=failure.sentence, **failure.result())
    module.exit_json(**result)
