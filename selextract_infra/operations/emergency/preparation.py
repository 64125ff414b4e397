"""What an emergency needs is started before it is decided: seconds count then, and Ansible takes its own to begin."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import TYPE_CHECKING

from selextract_infra.hosts.program import host_program
from selextract_infra.model.emergency import PLAYBOOK

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context
    from selextract_infra.model.observation import Observation

__all__ = ["look_and_make_ready", "make_ready"]


def make_ready(context: Context) -> None:
    """Start the playbook that begins an emergency; it waits for what is granted and comes to no host before.

    It waits as long as an emergency may take to begin; whoever decides later than that starts another.
    """
    context.make_ready(PLAYBOOK, seconds=context.policy.emergency.actions.times.timeout)


def look_and_make_ready(context: Context) -> Observation:
    """Look at all hosts; meanwhile Ansible starts for what may have to be done, and what decides it is loaded."""
    make_ready(context)
    with ThreadPoolExecutor(1) as beside:
        beside.submit(host_program)
        beside.submit(import_module, "selextract_infra.operations.emergency.begin")
        return context.observe()
