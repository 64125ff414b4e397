"""Why PgBouncer is not put up on a host: its image, the host's memory, an app that would not find it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from selextract_infra.assess.room import HostSize
from selextract_infra.errors import RefusedError
from selextract_infra.model.observation import HostObservation
from selextract_infra.operations.pgbouncer.pooler import AppAddress, PoolerLook

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["refuse_crowding", "refuse_image", "refuse_unreachable"]

_ITSELF = ("localhost", "127.0.0.1", "[::1]")
_HOST_NETWORK = "network_mode host"


def refuse_image(look: PoolerLook, policy: Policy) -> None:
    """Raise ``RefusedError`` where the image has no PgBouncer, or one whose process is not replaced without loss."""
    if look.image_problem:
        raise RefusedError(
            look.image_problem,
            rule="X-66",
            remedy="pull the image, or name one in the policy: pgbouncer.container.image",
        )
    minimum, version = policy.pgbouncer.needs.hitless_restart, look.image_version
    if version is not None and _parts(version) < _parts(minimum):
        raise RefusedError(
            f"PgBouncer {version} is too old: {minimum} is the first whose process is replaced without loss and that"
            " keeps prepared statements in transaction pooling (X-66).",
            rule="X-66",
            remedy="name a newer image in the policy: pgbouncer.container.image",
        )


def _parts(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def refuse_unreachable(host: HostObservation, addresses: Mapping[str, AppAddress], policy: Policy) -> None:
    """Raise ``RefusedError`` for a service that PgBouncer's name or PgBouncer's own way to Postgres would not work for.

    On the host's network no name of a container is known. And what is 127.0.0.1 to the app is itself to PgBouncer.
    """
    project = host.project(policy.application.project or "")
    fixed = {service.name: service.fixed_addresses for service in project.services} if project else {}
    for service, address in addresses.items():
        reason = None
        if _HOST_NETWORK in fixed.get(service, ()):
            reason = f"{service} is on the network of the host itself (network_mode host) and would not find PgBouncer"
        elif address.host in _ITSELF:
            reason = f"{service} finds its database at {address.host}, which in PgBouncer's container is PgBouncer"
        if reason:
            raise RefusedError(
                f"{host.name}: {reason}.",
                rule="LB-08",
                remedy="give it a network that it shares with the database, in the app's Compose files",
            )


def refuse_crowding(host: HostObservation, policy: Policy) -> None:
    """Raise ``RefusedError`` where the host has given away the memory that PgBouncer takes (X-11)."""
    HostSize.seen(host).room("memory", policy).refuse_beyond(
        policy.pgbouncer.container.memory, "PgBouncer", "make room, or give it less: pgbouncer.container.memory"
    )
