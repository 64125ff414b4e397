"""The first line of each answer: whose policy it is by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selextract_infra.cli.frame.output import say

if TYPE_CHECKING:
    from selextract_infra.hosts.inventory_location import InventoryLocation
    from selextract_infra.policy import Policy

__all__ = ["say_whose_policy"]


def say_whose_policy(policy: Policy, location: InventoryLocation | None) -> None:
    """Say on standard error, so that the answer itself stays as it is, which inventory and which profile hold."""
    if location is None:
        say(f"Policy: profile {policy.profile}, no inventory named.")
    else:
        say(f"Policy: profile {policy.profile}, inventory {location.path} (by {location.named_by}).")
