"""What a rolling restart of Postgres is, and what can be asked of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from selextract_infra.flow.manifest import CommandOption, Effects, Manifest, Request

__all__ = ["MANIFEST", "RestartRequest"]


class RestartRequest(Request):
    """What is asked of a rolling restart."""

    everything: Annotated[bool, CommandOption("--all")] = Field(
        default=False, description="Also those for which nothing waits for a restart."
    )


MANIFEST = Manifest(
    name="restart postgres",
    noun="a restart",
    request=RestartRequest,
    effects=Effects(
        reads=("Postgres on every host",),
        changes=("nothing that is written: servers start again",),
        inverse="A replica is let back into the balancer; a restart itself needs no way back.",
        downtime="The primary's restart; behind PgBouncer queries wait for it.",
        seconds=lambda policy: policy.replication.restart.estimate,
        privileges=("root on the host", "the superuser of Postgres"),
    ),
    acts="replicas.observe:ACTS",
    whole_fleet=True,
)
