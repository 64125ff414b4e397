"""Right-sizing as the flow knows it."""

from __future__ import annotations

from selextract_infra.assess.incident import refuse_during_emergency
from selextract_infra.flow.operation import Operation
from selextract_infra.operations.rightsize.manifest import MANIFEST
from selextract_infra.operations.rightsize.plan import (
    RightsizeParameters,
    draft_rightsize,
    rebuilt_rightsize,
    refuse_impossible_limits,
)

__all__ = ["RIGHTSIZE"]

RIGHTSIZE = Operation(
    manifest=MANIFEST,
    parameters=RightsizeParameters,
    guards=(refuse_during_emergency,),
    draft=draft_rightsize,
    steps=rebuilt_rightsize,
    refuse_impossible=refuse_impossible_limits,
)
