"""Which services the app's own next ``docker compose up`` will recreate, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from selextract_infra.assess.service import services_on
from selextract_infra.model.observation import Observation
from selextract_infra.model.plan import PendingRecreation

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["pending_recreations"]


def pending_recreations(seen: Observation, policy: Policy) -> tuple[PendingRecreation, ...]:
    """Services of the mapped project with a container whose configuration is not that of the files in force."""
    return tuple(_pending(seen, policy.application.project or "", policy))


def _pending(seen: Observation, name: str, policy: Policy) -> Iterator[PendingRecreation]:
    for host in seen.hosts:
        for service in services_on(host, policy):
            if service.project == name and service.pending:
                yield PendingRecreation(
                    host=host.name,
                    project=name,
                    service=service.name,
                    why="its configuration changed since it was created",
                )
