"""One look at hosts: a playbook with one task on each, which changes nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from selextract_infra.errors import CancelledError
from selextract_infra.hosts.inventory import Inventory
from selextract_infra.hosts.runner import HostOutcome, PlaybookRun, TaskEvent, run_playbook

__all__ = ["look_at"]

_BOUND_SECONDS = 120.0
_ANSWER_SECONDS = 60.0


def look_at(
    inventory: Inventory,
    hosts: tuple[str, ...],
    *,
    playbook: str,
    task: str,
    values: Mapping[str, Any],
    own: Mapping[str, Mapping[str, Any]] | None = None,
    cancel: threading.Event | None = None,
    on_event: Callable[[TaskEvent], None] | None = None,
    fresh: bool = False,
) -> Mapping[str, HostOutcome]:
    """How the look at each host ended, with the result of ``task``; every host is given ``values`` and its ``own``.

    ``fresh`` logs in anew. Raises ``CancelledError`` when ``cancel`` is set, ``SelextractError`` when Ansible itself
    cannot do its work.
    """
    outcome = run_playbook(
        PlaybookRun(
            playbook=playbook,
            inventory=inventory,
            hosts=hosts,
            values={"hosts": {host: {**values, **(own or {}).get(host, {})} for host in hosts}},
            timeout=_BOUND_SECONDS,
            answer_seconds=_ANSWER_SECONDS,
            collect=(task,),
            fresh=fresh,
        ),
        on_event=on_event,
        cancel=cancel,
    )
    if outcome.status == "cancelled":
        raise CancelledError("Cancelled while the hosts were being looked at; nothing was changed.")
    outcome.refuse_unrun()
    return outcome.hosts
