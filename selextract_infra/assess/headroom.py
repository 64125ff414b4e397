"""Headroom: what is used of each capacity, and how much of it has to stay free (REC-03, X-12).

The 40 % are a rule for planning. They are reported and never refused: the runtime triggers sit above them.
"""

from __future__ import annotations

from selextract_infra.errors import UsageError
from selextract_infra.model.assessment import Headroom, Level
from selextract_infra.model.figures import amount, compared, percent
from selextract_infra.policy import Policy

__all__ = ["headroom_of", "needed_capacity"]


_FULLEST = 1e6  # times a capacity: more says nothing more, and a capacity near zero would make it infinite


def needed_capacity(used: float, wanted: float) -> float:
    """The smallest capacity that leaves ``wanted`` of itself free: 1,228.8 MB at 40 % need 2,048 MB (X-06).

    Raises UsageError where nothing could be used.
    """
    if not 0 <= wanted < 1:
        raise UsageError(f"A headroom of {percent(wanted)} leaves nothing to use.")
    return used / (1 - wanted)


def headroom_of(subject: str, resource: str, unit: str, used: float, capacity: float, policy: Policy) -> Headroom:
    """What is free of one capacity. Less than wanted is a notice, beyond the alerts of X-40 a warning or critical.

    Raises UsageError for a capacity of zero or less.
    """
    if capacity <= 0:
        raise UsageError(f"{subject} has no capacity of {resource}.")
    wanted = policy.sizing.headroom
    share = min(used / capacity, _FULLEST)
    free = 1 - share
    needed = needed_capacity(used, wanted)
    short = round(needed - capacity, 9) > 0
    level = _level(share, short, policy)
    left, asked = compared(free, wanted, "ratio")
    has, needs = compared(capacity, needed, unit)
    enough = f"{asked} need {needs}" if short else f"{asked} are kept"
    return Headroom(
        subject=subject,
        resource=resource,
        unit=unit,
        used=used,
        capacity=capacity,
        free=free,
        wanted=wanted,
        needed=needed,
        level=level,
        sentence=f"{amount(used, unit)} of {has} {resource} used, {left} free; {enough}",
    )


def _level(share: float, short: bool, policy: Policy) -> Level:
    if share >= policy.capacity_alerts.critical:
        return Level.CRITICAL
    if share >= policy.capacity_alerts.warning:
        return Level.WARNING
    return Level.NOTICE if short else Level.OK
