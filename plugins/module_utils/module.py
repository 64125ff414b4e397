"""The frame all modules of this collection share: options, and a failure becomes one sentence, never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.module_utils import basic

from .system.failure import HostSideError
from .system.paths import DOCKER_SOCKET, STATE_FOLDER

__all__ = ["CLAIM", "DATABASES", "DOCKER", "SERVER", "STATE", "STEP", "STEP_IF_PRESENT", "by_state", "run"]

Options = dict[str, dict[str, Any]]
Work = Callable[[Any], dict[str, Any]]

_LOGIN: Options = {"superuser": {"type": "str", "default": "postgres"}, "socket": {"type": "path"}}

# Documented in plugins/doc_fragments/options.py, under the same names.
STATE: Options = {"state_folder": {"type": "path", "default": STATE_FOLDER}}
DOCKER: Options = {"docker_socket": {"type": "path", "default": DOCKER_SOCKET}}
STEP: Options = {"run_id": {"type": "str", "required": True}, "step_id": {"type": "str", "required": True}}
STEP_IF_PRESENT: Options = {"run_id": {"type": "str"}, "step_id": {"type": "str"}}
CLAIM: Options = {
    "owner": {"type": "str", "default": "somebody unknown"},
    "purpose": {"type": "str", "default": "no purpose given"},
    "operation": {"type": "str", "default": "by hand"},
    "lease_seconds": {"type": "float", "default": 600},
    "identity": {"type": "dict", "default": {}},
    "run": {
        "type": "dict",
        "options": {"plan_digest": {"type": "str"}, "policy_digest": {"type": "str"}, "plan": {"type": "dict"}},
    },
}
SERVER: Options = {
    "project": {"type": "str", "required": True},
    "service": {"type": "str", "required": True},
    **_LOGIN,
}
DATABASES: Options = {
    "databases": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"service": {"type": "str", "required": True}, **_LOGIN},
    },
}


def run(work: Work, options: Options, **rules: Any) -> None:
    """Do a module's work and leave with its result, or with the sentence of the ``HostSideError`` it raised.

    ``rules`` are those of ``AnsibleModule``, such as ``required_if``. Every module of ours has a check mode.
    """
    module = basic.AnsibleModule(argument_spec=options, supports_check_mode=True, **rules)
    try:
        result = work(module)
    except HostSideError as failure:
        module.fail_json(msg=failure.sentence, **failure.result())
    module.exit_json(**result)


def by_state(**works: Work) -> Work:
    """The work that belongs to what the option ``state`` asks for."""
    return lambda module: works[module.params["state"]](module)
