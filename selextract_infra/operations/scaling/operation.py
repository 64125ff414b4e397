"""Scaling by hand as the flow knows it."""

from __future__ import annotations

from selextract_infra.assess.incident import refuse_during_emergency
from selextract_infra.flow.operation import Operation
from selextract_infra.operations.scaling.manifest import MANIFEST
from selextract_infra.operations.scaling.plan import (
    ScaleParameters,
    draft_scale,
    rebuilt_scale,
    refuse_impossible_counts,
)

__all__ = ["SCALE"]

SCALE = Operation(
    manifest=MANIFEST,
    parameters=ScaleParameters,
    guards=(refuse_during_emergency,),
    draft=draft_scale,
    steps=rebuilt_scale,
    refuse_impossible=refuse_impossible_counts,
)
