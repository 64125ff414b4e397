"""Which values of the policy are assumptions: about one system, and true of another only where its team says so.

All other values are rules (thresholds, formulas, durations), which hold for everybody. With ``profile: own`` an
assumption that the team's own policy does not state does not hold: where leaving something out means something it takes
the value ``without``, else it is unknown, and what rests on it says so and does nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["ASSUMPTIONS", "Assumption", "assumption_about"]


@dataclass(frozen=True)
class Assumption:
    """What is assumed, in words; ``without`` is what holds where nobody states it, None where it is unknown then."""

    about: str
    without: Any = None


ASSUMPTIONS: Mapping[tuple[str, ...], Assumption] = {
    ("kpis",): Assumption("users, load and data today and wanted"),
    ("host",): Assumption("the hardware"),
    ("baseline",): Assumption("the load, the times and the sizes in normal operation"),
    ("load_tests", "baseline"): Assumption("results of the usual load test"),
    ("load_tests", "stress"): Assumption("results of the stress test"),
    ("limits", "soft", "users"): Assumption("how many users the system bears"),
    ("limits", "soft", "api_requests"): Assumption("how many requests the system bears"),
    ("limits", "soft", "tasks"): Assumption("how many tasks the system bears"),
    ("growth", "scenarios"): Assumption("how fast it grows"),
    ("scaling", "api", "instances", "minimum"): Assumption("the fewest instances of the API", 1),
    ("scaling", "worker", "instances", "minimum"): Assumption("the fewest workers", 1),
    ("vertical", "phases"): Assumption("sizes, dates, quotes and benefits of upgrades"),
    ("cost",): Assumption("prices and bills"),
    ("optimisation", "savings"): Assumption("claimed savings"),
    ("roadmap",): Assumption("phases and milestones"),
    ("planning",): Assumption("phases of growth"),
    ("seasons",): Assumption("seasons", {}),
    ("emergency", "notifications", "immediate"): Assumption("who hears of an emergency at once", []),
    ("emergency", "notifications", "escalate_to"): Assumption("who hears of it when nobody answers", []),
}
"""By path, what is an assumption; everything below such a path is part of it."""


def assumption_about(path: tuple[str, ...]) -> tuple[tuple[str, ...], Assumption] | None:
    """The assumption that the value at a path is part of, with its own path; None for a rule."""
    for length in range(len(path), 0, -1):
        known = ASSUMPTIONS.get(path[:length])
        if known is not None:
            return path[:length], known
    return None
