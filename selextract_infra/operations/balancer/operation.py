"""The balancer before the API as the flow knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selextract_infra.flow.operation import Effects, Operation
from selextract_infra.operations.balancer.plan import (
    BalancerParameters,
    BalancerRequest,
    draft_balancer,
    mapped_names,
    rebuilt_balancer,
)

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context

__all__ = ["BALANCER"]


def _refuse_unmapped(context: Context, _: BalancerRequest) -> None:
    """Raise ``RefusedError`` for what is not mapped, before any host is looked at."""
    mapped_names(context.policy)


BALANCER = Operation(
    name="balancer",
    noun="the balancer",
    summary="HAProxy before the API instances, and Nginx's way to it, on or off.",
    request=BalancerRequest,
    parameters=BalancerParameters,
    effects=Effects(
        reads=("Nginx's include files", "HAProxy's own answers", "containers and their networks"),
        inverse="Requests go the way they went before; then files and container from before are put back.",
        downtime="None; Nginx reads its files again, which users may notice as a delay.",
        seconds=lambda policy: 2 * policy.scaling.instance.estimate,
    ),
    refuse_request=_refuse_unmapped,
    draft=draft_balancer,
    steps=rebuilt_balancer,
)
