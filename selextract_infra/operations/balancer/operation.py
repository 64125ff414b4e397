"""What the balancer before the API is, and what can be asked of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from selextract_infra.flow.manifest import ChosenHosts, CommandOption, Effects, Manifest, Request

__all__ = ["MANIFEST", "BalancerRequest"]


class BalancerRequest(Request):
    """What is asked about the balancer."""

    on: Annotated[bool, CommandOption(words=("on", "off"))] = Field(
        description="Whether it is to stand before the API."
    )
    hosts: ChosenHosts = None


MANIFEST = Manifest(
    name="balancer",
    noun="the balancer",
    request=BalancerRequest,
    effects=Effects(
        reads=("Nginx's include files", "HAProxy's own answers", "containers and their networks"),
        changes=("HAProxy beside the app", "our include files of Nginx"),
        inverse="Requests go the way they went before; then files and container from before are put back.",
        downtime="None; Nginx reads its files again, which users may notice as a delay.",
        seconds=lambda policy: 2 * policy.scaling.instance.estimate,
    ),
    status="balancer.command:status",
)
