"""Plans of upgrades, as the provider's books and earlier upgrades make them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from selextract_infra.model.observation import HostObservation
from selextract_infra.model.plan import Plan
from selextract_infra.model.upgrade import Abilities
from selextract_infra.operations.upgrade.plan import HardwareLook
from selextract_infra.plan import upgrade
from selextract_infra.policy import Policy
from tests.unit.seen import observation

__all__ = ["upgrade_of_host"]


def upgrade_of_host(
    host: HostObservation,
    phase: str,
    policy: Policy,
    *,
    provider: Abilities,
    before: float | None = None,
    durations: Mapping[str, float] | None = None,
    **asked: Any,
) -> Plan:
    """The Plan that upgrades one phase of this host."""
    look = HardwareLook(provider, before, durations or {})
    plan: Plan = upgrade(observation(host), policy, phase, look=look, **asked)
    return plan
