"""Plans, one function per operation: ``plan.rightsize(seen, policy)``. Pure."""

from __future__ import annotations

from selextract_infra.operations.balancer.plan import balancer
from selextract_infra.operations.rightsize.plan import rightsize
from selextract_infra.operations.scaling.plan import scale

__all__ = ["balancer", "rightsize", "scale"]
