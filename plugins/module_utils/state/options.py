"""Options that several acts and modules have; documented in plugins/doc_fragments/options.py, under the same names."""

from __future__ import annotations

from typing import Any

from ..system.paths import DOCKER_SOCKET, STATE_FOLDER

__all__ = ["CLAIM", "DATABASES", "DOCKER", "SERVER", "STATE", "STEP", "STEP_IF_PRESENT", "Options"]

Options = dict[str, dict[str, Any]]

_LOGIN: Options = {"superuser": {"type": "str", "default": "postgres"}, "socket": {"type": "path"}}

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
