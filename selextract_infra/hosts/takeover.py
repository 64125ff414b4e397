"""Taking a Run up from whoever carried it out last: first nothing of that one works on the hosts any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from selextract_infra.errors import LockedError
from selextract_infra.hosts.executor import HostAccess, refuse_unbegun
from selextract_infra.hosts.identity import claim
from selextract_infra.hosts.runner import STOP_TASK, PlaybookRun, run_playbook

__all__ = ["TakingUp", "stop_at_safe_point"]

_PLAYBOOK = "selextract.infra.take_up"
_STOPPED_WITHIN = 180.0  # seconds; nobody waits for it at a terminal, and a host may be busy


@dataclass(frozen=True)
class TakingUp:
    """On what grounds a Run is taken up.

    ``reason`` is why it is taken from a holder whose lease still holds, empty where it is not. ``dead_epochs`` has by
    host the epoch of a holder whose process is known to be gone. ``patience`` is how many seconds an act that is under
    way may take to come to its end.
    """

    reason: str = ""
    dead_epochs: Mapping[str, int] = field(default_factory=dict)
    patience: float = 0.0


def stop_at_safe_point(
    access: HostAccess, run_id: str, hosts: tuple[str, ...], taking: TakingUp, safe_point: Literal["end", "beginning"]
) -> dict[str, str]:
    """Let the former holder begin nothing more, and what it has under way on these hosts come to its end or be stopped.

    A step that a host carries out by itself comes to that safe point of it: its end, or undone its beginning.

    Afterwards nothing works for that Run there, so the next holder never acts beside it. Returns by host who held it.
    Raises ``LockedError`` while the lease of a holder holds, or where something of it does not stop.
    """
    if not hosts:
        return {}
    run = claim(run_id, "take up", f"take up {run_id}", step="", lease=0, policy_digest="", holder=access.holder)
    outcome = run_playbook(
        PlaybookRun(
            playbook=_PLAYBOOK,
            inventory=access.inventory,
            hosts=hosts,
            values={
                "run": run,
                "hosts": {
                    host: {
                        "marker": run_id,
                        "patience_seconds": taking.patience,
                        "safe_point": safe_point,
                        "take_over": taking.reason,
                        "dead_epoch": taking.dead_epochs.get(host, 0),
                    }
                    for host in hosts
                },
            },
            timeout=taking.patience + _STOPPED_WITHIN,
            fresh=access.fresh,
        ),
        on_event=access.on_event,
        cancel=access.cancel,
    )
    refuse_unbegun(outcome)
    left = [
        host
        for host in hosts
        if outcome.hosts[host].status != "ok" or outcome.hosts[host].results[STOP_TASK].get("left") != []
    ]
    if left:
        raise LockedError(
            f"What is left of run {run_id} on {', '.join(left)} does not stop.", remedy="look at the host's processes"
        )
    holders = {host: outcome.hosts[host].results.get("Close the run to its holder", {}) for host in hosts}
    return {host: str(result["holder"].get("owner")) for host, result in holders.items() if result.get("taken_over")}
