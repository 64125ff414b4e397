"""Where the loop keeps its hands off: somebody else has a say there. Pure."""

from __future__ import annotations

from selextract_infra.model.emergency import open_emergency
from selextract_infra.model.observation import HostObservation

__all__ = ["why_not_to_act"]


def why_not_to_act(host: HostObservation) -> str | None:
    """Why nothing is done on a host by itself; None where it may be."""
    freeze, lock, unfinished = (host.state.get(name) for name in ("freeze", "lock", "unfinished"))
    if freeze:
        return f"{host.name} is frozen by {freeze.get('owner')} since {freeze.get('since')}: {freeze.get('reason')}"
    if open_emergency(host) is not None:
        return f"an emergency is on at {host.name}"
    if lock:
        return f"{host.name} is locked by {lock.get('owner')} for {lock.get('purpose')}"
    if unfinished:
        return f"run {unfinished[0].get('run_id')} is unfinished on {host.name}"
    return None
