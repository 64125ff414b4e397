"""Scaling by hand as the flow knows it."""

from __future__ import annotations

from selextract_infra.assess.incident import refuse_during_emergency
from selextract_infra.flow.operation import Effects, Operation
from selextract_infra.operations.scaling.plan import (
    ScaleParameters,
    ScaleRequest,
    draft_scale,
    rebuilt_scale,
    refuse_impossible_counts,
)

__all__ = ["SCALE"]

SCALE = Operation(
    name="scale",
    noun="scaling",
    summary="So many instances of these services, where they fit.",
    request=ScaleRequest,
    parameters=ScaleParameters,
    effects=Effects(
        reads=("containers and their limits", "the sampler's history", "Compose files"),
        inverse="New instances leave again; removed ones are started again; the count from before is written.",
        downtime="None: an instance serves before it counts, and is drained before it goes.",
        seconds=lambda policy: policy.scaling.instance.estimate,
    ),
    guards=(refuse_during_emergency,),
    draft=draft_scale,
    steps=rebuilt_scale,
    refuse_impossible=refuse_impossible_counts,
)
