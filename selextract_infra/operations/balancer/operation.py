"""The balancer before the API as the flow knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selextract_infra.flow.operation import Operation
from selextract_infra.operations.balancer.manifest import MANIFEST, BalancerRequest
from selextract_infra.operations.balancer.plan import (
    BalancerParameters,
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
    manifest=MANIFEST,
    parameters=BalancerParameters,
    refuse_request=_refuse_unmapped,
    draft=draft_balancer,
    steps=rebuilt_balancer,
)
