"""The journal of incidents, kept in step with what hosts did by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from selextract_infra.model.emergency import EmergencyOnHost, emergencies
from selextract_infra.model.observation import Observation

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context

__all__ = ["record_ended_emergencies"]


def record_ended_emergencies(context: Context, observation: Observation) -> Sequence[EmergencyOnHost]:
    """Write down which emergencies hosts ended by themselves since, or refused to end. Returns those."""
    ended = []
    for emergency in emergencies(observation):
        incident = context.journal.incident(emergency.run)
        if incident is None or incident.closed_at is not None:
            continue
        if emergency.status == "refused" and not any(emergency.message in moment.what for moment in incident.timeline):
            what = f"{emergency.host} did not end it: {emergency.message}"
            context.journal.record_incident(incident.with_moment(observation.at, what))
            ended.append(emergency)
        elif not emergency.open:
            at = emergency.reverted_at or observation.at
            what = f"{emergency.host} ended it by itself ({emergency.reverted_by}). {emergency.message}".strip()
            by = f"{emergency.host}, {emergency.reverted_by}"
            closed = incident.with_moment(at, what).model_copy(update={"closed_at": at, "closed_by": by})
            context.journal.record_incident(closed)
            ended.append(emergency)
    return ended
