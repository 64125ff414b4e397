"""What an emergency needs is started before it is decided: seconds count then, and Ansible takes its own to begin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selextract_infra.plan.emergency import PLAYBOOK

if TYPE_CHECKING:
    from selextract_infra.operations.fleet import Fleet

__all__ = ["make_ready"]


def make_ready(fleet: Fleet) -> None:
    """Start the playbook that begins an emergency; it waits for what is granted and comes to no host before.

    It waits as long as an emergency may take to begin; whoever decides later than that starts another.
    """
    fleet.make_ready(PLAYBOOK, seconds=fleet.policy.emergency.actions.times.timeout)
