"""What PgBouncer between the app and its database is, and what can be asked of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from selextract_infra.flow.manifest import CommandOption, Effects, Manifest, OverriddenRules, Request

__all__ = ["MANIFEST", "PgbouncerRequest"]

_SUBCOMMANDS = {
    "on": "Put PgBouncer up, or give it its present settings, and lead the app through it.",
    "off": "Lead the app back to its database, then take PgBouncer away.",
}


class PgbouncerRequest(Request):
    """What is asked about PgBouncer."""

    switch: Annotated[Literal["on", "off"], CommandOption(subcommands=_SUBCOMMANDS)] = Field(
        default="on", description="Whether the app is to be led through it."
    )
    replace: Annotated[bool, CommandOption("--restart", only_with=("on",))] = Field(
        default=False, description="Replace PgBouncer's process by a new one; nobody is disconnected."
    )
    overrides: OverriddenRules = ()


MANIFEST = Manifest(
    name="pgbouncer",
    noun="PgBouncer",
    request=PgbouncerRequest,
    effects=Effects(
        reads=("PgBouncer's console", "the app's addresses of its database", "Postgres' limits"),
        changes=("PgBouncer and its files", "the address of the database that the app is given"),
        inverse="The app is led where it was led before; PgBouncer's files and process from before are put back.",
        downtime="None with two instances of a service; each is recreated with the new address.",
        seconds=lambda policy: policy.pgbouncer.change.estimate,
        privileges=("root on the host", "the superuser of Postgres"),
    ),
    acts="pgbouncer.observe:ACTS",
    status="pgbouncer.command:status",
)
