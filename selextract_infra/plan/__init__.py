"""Plans, one function per operation: ``plan.rightsize(seen, policy)``. Pure."""

from __future__ import annotations

from selextract_infra.plan.balancer import balancer
from selextract_infra.plan.rightsize import rightsize
from selextract_infra.plan.scale import scale

__all__ = ["balancer", "rightsize", "scale"]
