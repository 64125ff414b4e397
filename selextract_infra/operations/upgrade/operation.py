"""What the upgrade of a server's hardware is, and what can be asked of it: one phase of one host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from selextract_infra.flow.manifest import CommandOption, Effects, Manifest, OverriddenRules, Request
from selextract_infra.model.upgrade import Mode
from selextract_infra.policy.units import BANDWIDTH, CORES, DISK, MEMORY

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["MANIFEST", "UpgradeRequest"]

_QUANTITIES = {"memory": MEMORY, "cpu": CORES, "storage": DISK, "network": BANDWIDTH}


class UpgradeRequest(Request):
    """What is asked of an upgrade. ``target`` is in the phase's base unit."""

    phase: Annotated[str, CommandOption(metavar="PHASE", positional=True)] = Field(
        description="memory, cpu, storage or network."
    )
    provider: str | None = Field(default=None, description="Who changes the hardware: docker (the lab) or manual.")
    target: Annotated[float | None, CommandOption("--to", metavar="SIZE", read=str)] = Field(
        default=None, description="This size in place of the guide's, as in 64GB."
    )
    mode: Mode | None = Field(default=None, description="While the host runs (live), or while it is off (reboot).")
    overrides: OverriddenRules = ()


def _complete(typed: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    """The phase by its own name, and the size in its unit. Raises as ``read_phase`` does, and ``UnitError``."""
    from selextract_infra.operations.upgrade.decide import read_phase

    phase = read_phase(typed["phase"], policy)
    target = {"target": float(_QUANTITIES[phase].parse(typed["target"]))} if "target" in typed else {}
    return {**typed, "phase": phase, **target}


MANIFEST = Manifest(
    name="upgrade",
    noun="an upgrade",
    request=UpgradeRequest,
    effects=Effects(
        reads=("the host's hardware", "the provider's books", "how long earlier upgrades took"),
        changes=("the size of the server", "settings that follow from it"),
        inverse="The host gets its former size back where the provider can do that; everything else is put back.",
        downtime="From draining to starting where the host reboots; none where the hardware changes live.",
        seconds=lambda policy: policy.vertical.steps["hardware_reboot"].estimate,
        privileges=("root on the host", "the superuser of Postgres", "the provider's account"),
        points_of_no_return=("the change of hardware, for storage alone",),
    ),
    complete=_complete,
    acts="upgrade.acts:ACTS",
)
