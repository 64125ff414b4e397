"""The emergency as the flow knows it: its Plan is made and carried out at once, and ends by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selextract_infra.assess.incident import situation_of
from selextract_infra.flow.assess import assess_seen
from selextract_infra.flow.operation import Operation
from selextract_infra.model.observation import Observation
from selextract_infra.model.scaling import EmergencyDecision
from selextract_infra.operations.emergency.decide import grant
from selextract_infra.operations.emergency.manifest import MANIFEST, EmergencyRequest
from selextract_infra.operations.emergency.plan import EmergencyParameters, draft_emergency

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context

__all__ = ["EMERGENCY"]


def _judge(context: Context, observation: Observation, request: EmergencyRequest) -> EmergencyDecision:
    """What may be granted by the readings of this Observation."""
    assessment = assess_seen(observation, context.policy).assessment
    severity = assessment.response.severity if assessment.response else None
    situation = situation_of(observation, assessment, context.policy, severity=severity, hosts=request.hosts)
    return grant(situation, context.policy)


# Without steps to build again: what helps now is decided now, so a saved Plan of it is not carried out.
EMERGENCY = Operation(
    manifest=MANIFEST,
    parameters=EmergencyParameters,
    look=_judge,
    draft=draft_emergency,
)
