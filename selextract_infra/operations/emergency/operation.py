"""What an emergency grants, and what can be asked of it."""

from __future__ import annotations

from pydantic import Field

from selextract_infra.flow.manifest import ChosenHosts, Effects, Manifest, Request

__all__ = ["MANIFEST", "EmergencyRequest"]


class EmergencyRequest(Request):
    """What is asked in an emergency."""

    reason: str = Field(default="", description="What happened, in a few words; recorded.")
    hosts: ChosenHosts = None


MANIFEST = Manifest(
    name="emergency",
    noun="the emergency",
    request=EmergencyRequest,
    effects=Effects(
        reads=("every reading that the policy judges", "containers and their limits", "the edge's switches"),
        changes=("limits and instances, for a time", "the edge's switches", "our capacity file"),
        inverse="What the host noted before it was touched is put back; by itself when the time is over, too.",
        downtime="None.",
        seconds=lambda policy: policy.emergency.actions.times.estimate,
    ),
    acts="emergency.begin:ACTS",
)
