"""What right-sizing is, and what can be asked of it."""

from __future__ import annotations

from pydantic import Field

from selextract_infra.flow.manifest import AskedMemory, ChosenHosts, Effects, Manifest, OverriddenRules, Request

__all__ = ["MANIFEST", "RightsizeRequest"]


class RightsizeRequest(Request):
    """What is asked of right-sizing: everything, one service, or values of it. ``memory`` is in bytes."""

    service: str | None = Field(default=None, description="Only this service.")
    memory: AskedMemory = Field(default=None, description="Ask for this memory limit, as in 1.5GB.")
    cpus: float | None = Field(default=None, description="Ask for this CPU limit, in cores.")
    settle: bool = Field(
        default=False, description="Recreate, one instance at a time, what cannot be changed in place."
    )
    hosts: ChosenHosts = None
    overrides: OverriddenRules = ()


MANIFEST = Manifest(
    name="rightsize",
    noun="right-sizing",
    request=RightsizeRequest,
    effects=Effects(
        reads=("containers and their limits", "the sampler's history", "Compose files"),
        changes=("limits of containers", "our capacity file"),
        inverse="Limits and files from before are put back; recreated containers are recreated from them.",
        downtime="None in place; a service with one instance is away while it is recreated.",
        seconds=lambda policy: policy.rightsizing.in_place.estimate,
    ),
    needs={"memory": ("service",), "cpus": ("service",)},
    offline=True,
)
