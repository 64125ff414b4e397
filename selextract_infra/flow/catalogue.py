"""The operations by name, each with its one line of help. A new operation is a folder and a line here.

Nothing is imported before it is asked for: ``--help`` lists every operation and loads none.
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["GROUPS", "OPERATIONS", "home", "loaded"]

_FOLDER = "selextract_infra.operations"

OPERATIONS = {
    "rightsize": "Show the right size of every container's limits, and why.",
    "scale": "Show what it takes to have so many instances, or why they do not fit.",
    "balancer": "Put HAProxy before the API instances, take it away, or show who serves.",
    "tune postgres": "Show the settings that the running Postgres should have.",
    "tune redis": "Show how much Redis should hold and what it should do when it is full, and keep it so.",
    "tune workers": "Show the settings that the running workers and API should have.",
    "pgbouncer": "Pool the connections between the app and its database.",
    "replicas": "Show the read replicas and what is wrong with them, or plan another number of them.",
    "restart postgres": "Restart Postgres where settings wait for it: the most lagged replica first, the primary last.",
    "upgrade": "Show what upgrading a server's hardware takes, costs and brings.",
    "emergency": "More instances, higher limits and the edge's switches at once, for a time.",
}
"""By name, what each operation is in one sentence, in the order in which ``--help`` lists them."""

_ELSEWHERE = {"scale": "scaling.operation", "restart postgres": "replicas.operation_restart"}
"""Operations whose name is not their folder's."""

GROUPS = {
    "tune": "Settings of Postgres, of Redis, of the workers and of the API, from what they really have.",
    "emergency": "An incident: assess, run, validate, revert, report, drill, ack.",
    "restart": "Restart servers one after the other, behind the poolers and balancers that there are.",
}
"""What the commands with the same first word have in common."""


def home(name: str) -> str:
    """The module of an operation's manifest: ``tune postgres`` is in ``tune.operation_postgres``."""
    folder, _, part = name.partition(" ")
    return _ELSEWHERE.get(name) or f"{folder}.operation{part and f'_{part}'}"


def loaded(location: str) -> Any:
    """What stands at ``folder.module:name`` below the operations."""
    module, _, name = location.partition(":")
    return getattr(importlib.import_module(f"{_FOLDER}.{module}"), name)
