"""Plans, one function per operation: ``plan.rightsize(seen, policy)``. Pure."""

from __future__ import annotations

from selextract_infra.plan.rightsize import rightsize

__all__ = ["rightsize"]
