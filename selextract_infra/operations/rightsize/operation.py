"""Right-sizing as the flow knows it."""

from __future__ import annotations

from selextract_infra.assess.incident import refuse_during_emergency
from selextract_infra.flow.operation import Effects, Operation
from selextract_infra.operations.rightsize.plan import (
    RightsizeParameters,
    RightsizeRequest,
    draft_rightsize,
    rebuilt_rightsize,
    refuse_impossible_limits,
)

__all__ = ["RIGHTSIZE"]

RIGHTSIZE = Operation(
    name="rightsize",
    noun="right-sizing",
    summary="The right size of every container's limits, from what was measured.",
    request=RightsizeRequest,
    parameters=RightsizeParameters,
    effects=Effects(
        reads=("containers and their limits", "the sampler's history", "Compose files"),
        inverse="Limits and files from before are put back; recreated containers are recreated from them.",
        downtime="None in place; a service with one instance is away while it is recreated.",
        seconds=lambda policy: policy.rightsizing.in_place.estimate,
    ),
    guards=(refuse_during_emergency,),
    draft=draft_rightsize,
    steps=rebuilt_rightsize,
    refuse_impossible=refuse_impossible_limits,
)
