"""Look at PgBouncer on the hosts, and at where the app's services find their database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from selextract_infra.errors import HostUnpreparedError, RefusedError
from selextract_infra.flow.operation import Acts
from selextract_infra.hosts.inventory import Inventory
from selextract_infra.hosts.observe.look import look_at
from selextract_infra.hosts.runner import TaskEvent
from selextract_infra.model.text import displayable
from selextract_infra.operations.pgbouncer.pooler import PoolerLook, PoolerStatus
from selextract_infra.policy import Policy

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context
    from selextract_infra.model.observation import Observation
    from selextract_infra.operations.pgbouncer.operation import PgbouncerRequest

__all__ = ["ACTS", "look_at_poolers", "pooler_status"]

_PLAYBOOK = "selextract.infra.pgbouncer_look"
_TASK = "Look at PgBouncer"


def look_at_poolers(
    inventory: Inventory,
    policy: Policy,
    hosts: tuple[str, ...],
    *,
    image: str | None = None,
    cancel: threading.Event | None = None,
    on_event: Callable[[TaskEvent], None] | None = None,
) -> dict[str, PoolerLook]:
    """By host, what is there of PgBouncer now; hosts that do not answer are left out.

    ``image`` is one whose version of PgBouncer is of interest.
    Raises ``RefusedError`` where the policy does not map the app's project or its database, ``HostUnpreparedError``
    where a host was reached and could not be looked at.
    """
    looked = look_at(
        inventory, hosts, playbook=_PLAYBOOK, task=_TASK, values={**_values(policy), "image": image},
        cancel=cancel, on_event=on_event,
    )  # fmt: skip
    looks = {}
    for name, host in looked.items():
        if host.status == "failed":
            raise HostUnpreparedError(f"{name}: {host.message}")
        if host.status == "ok":
            looks[name] = _look(name, host.results.get(_TASK, {}).get("look"))
    return looks


def _values(policy: Policy) -> dict[str, Any]:
    mapped, rules = policy.application, policy.pgbouncer.container
    databases = mapped.services_of("database")
    if not mapped.project or not databases:
        raise RefusedError(
            "The policy does not map the app's Compose project and its database.",
            rule="mapping",
            remedy="map them in selextract_policy: application",
        )
    service, database = next(iter(databases.items()))
    return {
        "project": mapped.project,
        "directory": mapped.directory,
        "variables": {name: known.environment.dsn for name, known in mapped.services.items() if known.environment.dsn},
        "database": {
            "service": service,
            "superuser": database.postgres.superuser,
            "socket": database.postgres.socket,
        },
        "host": rules.host,
        "port": rules.port,
    }


def _look(name: str, answer: Any) -> PoolerLook:
    try:
        return PoolerLook.model_validate(answer)
    except ValidationError as problem:
        reason = displayable(str(problem), limit=200)
        raise HostUnpreparedError(f"What {name} answered is not understood: {reason}.") from problem


def pooler_status(context: Context) -> PoolerStatus:
    """Pools, who waits, and whose transactions are open, on every host now; nothing is changed or recorded."""
    names = tuple(host.name for host in context.inventory.hosts)
    looks = look_at_poolers(context.inventory, context.policy, names, cancel=context.cancel, on_event=context.on_event)
    silent = {name: "It did not answer; selextract-infra doctor says why." for name in names if name not in looks}
    return PoolerStatus(at=context.clock(), hosts=looks, unreachable=silent)


def _look_for_plan(context: Context, observation: Observation, request: PgbouncerRequest) -> dict[str, PoolerLook]:
    names = tuple(host.name for host in observation.hosts if host.problem is None)
    image = context.policy.pgbouncer.container.image if request.switch == "on" else None
    return look_at_poolers(
        context.inventory, context.policy, names, image=image, cancel=context.cancel, on_event=context.on_event
    )


ACTS = Acts(look=_look_for_plan)
