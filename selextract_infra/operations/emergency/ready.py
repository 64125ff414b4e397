"""What an emergency needs is started before it is decided: seconds count then, and Ansible takes its own to begin."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import TYPE_CHECKING

from selextract_infra.model.emergency import PLAYBOOK

if TYPE_CHECKING:
    from selextract_infra.flow.fleet import Fleet
    from selextract_infra.model.observation import Observation

__all__ = ["look_and_make_ready", "make_ready"]


def make_ready(fleet: Fleet) -> None:
    """Start the playbook that begins an emergency; it waits for what is granted and comes to no host before.

    It waits as long as an emergency may take to begin; whoever decides later than that starts another.
    """
    fleet.make_ready(PLAYBOOK, seconds=fleet.policy.emergency.actions.times.timeout)


def look_and_make_ready(fleet: Fleet) -> Observation:
    """Look at all hosts; meanwhile Ansible starts for what may have to be done, and what decides it is loaded."""
    make_ready(fleet)
    with ThreadPoolExecutor(1) as beside:
        beside.submit(import_module, "selextract_infra.operations.emergency.operation")
        return fleet.observe()
