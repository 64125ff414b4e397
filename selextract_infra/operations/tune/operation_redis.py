"""What tuning Redis is, and what can be asked of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from selextract_infra.flow.manifest import AskedMemory, CommandOption, Effects, Manifest, Request

__all__ = ["MANIFEST", "TuneRedisRequest"]


class TuneRedisRequest(Request):
    """What is asked of tuning Redis. ``maxmemory`` is in bytes."""

    service: str | None = Field(default=None, description="Only this service.")
    maxmemory: AskedMemory = Field(default=None, description="Let it hold this much instead of what its limit allows.")
    caches: Annotated[tuple[str, ...], CommandOption("--cache", metavar="SERVICE")] = Field(
        default=(), description="This service is a cache and nothing else: its keys may be dropped. Repeatable."
    )


MANIFEST = Manifest(
    name="tune redis",
    noun="tuning",
    request=TuneRedisRequest,
    effects=Effects(
        reads=("Redis' settings, use and queues", "the limit of its container"),
        changes=(
            "maxmemory and maxmemory-policy in force",
            "its configuration file; or its command in our capacity file, and its container is made anew",
        ),
        inverse="The settings from before are put into force and kept; a container that was made anew is made again as"
        " it was.",
        downtime="None where Redis rewrites its configuration file; else it restarts once.",
        seconds=lambda policy: policy.rightsizing.settle.estimate,
    ),
    offline=True,
)
