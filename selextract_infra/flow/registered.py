"""The operations by name: where each is, and its one line of help. A new operation is a folder and a line here.

Nothing is imported before it is asked for: ``--help`` lists every operation and loads none.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

__all__ = ["GROUPS", "OPERATIONS", "RegisteredOperation", "loaded"]

_FOLDER = "selextract_infra.operations"


@dataclass(frozen=True)
class RegisteredOperation:
    """Where an operation is, as ``folder.operation:CONSTANT``, and what it is in one sentence.

    Its manifest is ``MANIFEST`` in the file beside it that is called ``manifest`` in place of ``operation``.
    """

    home: str
    summary: str

    @property
    def manifest(self) -> str:
        """Where its manifest is."""
        module, _, _ = self.home.partition(":")
        return f"{module.replace('.operation', '.manifest')}:MANIFEST"


OPERATIONS = {
    "rightsize": RegisteredOperation(
        "rightsize.operation:RIGHTSIZE", "Show the right size of every container's limits, and why."
    ),
    "scale": RegisteredOperation(
        "scaling.operation:SCALE", "Show what it takes to have so many instances, or why they do not fit."
    ),
    "balancer": RegisteredOperation(
        "balancer.operation:BALANCER", "Put HAProxy before the API instances, take it away, or show who serves."
    ),
    "tune postgres": RegisteredOperation(
        "tune.operation_postgres:TUNE_POSTGRES", "Show the settings that the running Postgres should have."
    ),
    "tune workers": RegisteredOperation(
        "tune.operation_workers:TUNE_WORKERS", "Show the settings that the running workers and API should have."
    ),
    "pgbouncer": RegisteredOperation(
        "pgbouncer.operation:PGBOUNCER", "Pool the connections between the app and its database."
    ),
    "replicas": RegisteredOperation(
        "replicas.operation:REPLICAS",
        "Show the read replicas and what is wrong with them, or plan another number of them.",
    ),
    "restart postgres": RegisteredOperation(
        "replicas.operation_restart:RESTART_POSTGRES",
        "Restart the Postgres servers whose settings wait for it: the most lagged replica first, the primary last.",
    ),
    "upgrade": RegisteredOperation(
        "upgrade.operation:UPGRADE", "Show what upgrading a server's hardware takes, costs and brings."
    ),
    "emergency": RegisteredOperation(
        "emergency.operation:EMERGENCY", "More instances, higher limits and the edge's switches at once, for a time."
    ),
}

GROUPS = {
    "tune": "Settings of Postgres, of the workers and of the API, from what they really have.",
    "emergency": "An incident: assess, run, validate, revert, report, drill, ack.",
    "restart": "Restart servers one after the other, behind the poolers and balancers that there are.",
}
"""What the commands with the same first word have in common."""


def loaded(home: str) -> Any:
    """What stands at ``folder.module:name`` below the operations."""
    module, _, name = home.partition(":")
    return getattr(importlib.import_module(f"{_FOLDER}.{module}"), name)
