"""Look at the replication of an inventory's hosts: one playbook, one task on each."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import ValidationError

from selextract_infra.assess.postgres.parameters import STANDBY_PARAMETERS
from selextract_infra.errors import RefusedError, SelextractError
from selextract_infra.flow.operation import Acts
from selextract_infra.hosts.inventory import Inventory
from selextract_infra.hosts.observe.look import look_at
from selextract_infra.hosts.runner import TaskEvent
from selextract_infra.model.text import displayable
from selextract_infra.operations.replicas.replica_values import CARRIED, SLOT_LIMIT
from selextract_infra.operations.replicas.replication import HostReplication, Replication
from selextract_infra.policy import Policy

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context

__all__ = ["ACTS", "look_at_replication", "observe_replication"]

_PLAYBOOK = "selextract.infra.replication"
_TASK = "Look at the replication"


def look_at_replication(context: Context) -> Replication:
    """The replication as it is now. Raises ``RefusedError`` where the mapping has no database."""
    return observe_replication(context.inventory, context.policy, cancel=context.cancel, on_event=context.on_event)


def observe_replication(
    inventory: Inventory,
    policy: Policy,
    *,
    cancel: threading.Event | None = None,
    on_event: Callable[[TaskEvent], None] | None = None,
) -> Replication:
    """What there is of a replication; a host that does not answer is left out.

    Raises ``RefusedError`` where the mapping has no database service, ``CancelledError`` when ``cancel`` is set.
    """
    services = policy.application.services_of("database")
    if not policy.application.project or len(services) != 1:
        raise RefusedError(
            "Replicas need the app's project and one service with the role database in the mapping.",
            rule="mapping",
            remedy="map it: application.services with role: database",
        )
    ((service, mapped),) = services.items()
    names = tuple(host.name for host in inventory.hosts)
    values = {
        "project": policy.application.project,
        "service": service,
        "superuser": mapped.postgres.superuser,
        "socket": mapped.postgres.socket,
        "settings": [*STANDBY_PARAMETERS, *CARRIED, SLOT_LIMIT],
        "addresses": dict(policy.application.private_addresses),
        "ports": {name: getattr(policy.replication.ports, name) for name in ("primary", "replica", "check", "image")},
    }
    looked = look_at(inventory, names, playbook=_PLAYBOOK, task=_TASK, values=values, cancel=cancel, on_event=on_event)
    looks = {
        name: host.results[_TASK]["replication"]
        for name in names
        if "replication" in (host := looked[name]).results.get(_TASK, {})
    }
    try:
        return Replication(hosts={name: HostReplication.model_validate(look) for name, look in looks.items()})
    except ValidationError as problem:
        reason = displayable(str(problem), limit=200)
        raise SelextractError(f"What a host answered is not understood: {reason}.") from problem


ACTS = Acts(look=lambda context, _observation, _request: look_at_replication(context))
