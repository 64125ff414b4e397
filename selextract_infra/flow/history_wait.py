"""Wait until the Sampler has seen enough to say something."""

from __future__ import annotations

import time
from collections.abc import Callable

from selextract_infra.errors import HostUnpreparedError
from selextract_infra.flow.context import Context
from selextract_infra.model.observation import HostObservation

__all__ = ["wait_for_history"]

_LOOK_SECONDS = 5.0
_SPARE_SECONDS = 60.0


def wait_for_history(context: Context, seconds: float, on_progress: Callable[[str], None]) -> None:
    """Look again and again until every container of the app has a history of at least ``seconds``.

    Raises ``HostUnpreparedError`` when that takes longer than twice the time and a minute.
    """
    end = time.monotonic() + 2 * seconds + _SPARE_SECONDS
    while (shortest := min((_shortest(context, host) for host in context.observe().hosts), default=0.0)) < seconds:
        if time.monotonic() > end:
            raise HostUnpreparedError(
                f"After {2 * seconds + _SPARE_SECONDS:.0f} s the shortest history is {shortest:.0f} s.",
                remedy="selextract-infra status says whether the sampler writes",
            )
        on_progress(f"{shortest:.0f} of {seconds:.0f} s of history")
        time.sleep(_LOOK_SECONDS)


def _shortest(context: Context, host: HostObservation) -> float:
    project = context.policy.application.project
    running = {container.service for container in host.containers if container.project == project and container.service}
    known = dict.fromkeys(running, 0.0)
    for history in host.history:
        if history.service in known and len(history.at):
            length = float(history.at[-1] - history.at[0]) + history.bucket_seconds
            known[history.service] = max(known[history.service], length)
    return min(known.values(), default=float("inf"))
