"""What the commands that judge and plan share: which policy holds, times and hosts in words, and the gate."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from selextract_infra.cli.frame.options import FailOnOption, PolicyOption

if TYPE_CHECKING:
    from datetime import date, datetime, tzinfo

    from selextract_infra.model.finding import Finding
    from selextract_infra.model.planning import Hardware
    from selextract_infra.policy import Policy

__all__ = [
    "AllOption",
    "DoneOption",
    "HostOption",
    "PlainInventoryOption",
    "PolicyOptions",
    "ProgramOptions",
    "StartOption",
    "TodayOption",
    "ZoneOption",
    "day_of",
    "gate_findings",
    "hardware_of",
    "moment_of",
    "policy_of",
    "require_stated",
    "today_of",
    "zone_of",
]

PlainInventoryOption = Annotated[
    Path | None,
    typer.Option(
        "--inventory",
        "-i",
        envvar="SELEXTRACT_INVENTORY",
        help="Take the policy of this inventory (default: ANSIBLE_INVENTORY, ansible.cfg).",
    ),
]
HostOption = Annotated[
    str | None,
    typer.Option("--host", metavar="SIZE", help="Hardware such as 8c/32GB/1TB/1Gbps (default: the policy's)."),
]
ZoneOption = Annotated[
    str | None, typer.Option("--time-zone", metavar="NAME", help="Time zone of times without one, as in Europe/Berlin.")
]
TodayOption = Annotated[str | None, typer.Option("--today", metavar="DAY", help="As of this day (default: today).")]
StartOption = Annotated[
    str | None, typer.Option("--start", metavar="DAY", help="First day of the program (default: today).")
]
DoneOption = Annotated[
    list[str] | None, typer.Option("--done", metavar="ID", help="A finished milestone, as in RP1-M1. Repeatable.")
]
AllOption = Annotated[bool, typer.Option("--all", help="Show everything, not only what wants attention.")]


@dataclass(frozen=True)
class PolicyOptions:
    """Which policy holds where no host is looked at, and from which finding on the command fails."""

    inventory: PlainInventoryOption = None
    policy: PolicyOption = None
    fail_on: FailOnOption = None

    def load(self) -> Policy:
        """That policy."""
        return policy_of(self.inventory, self.policy)


@dataclass(frozen=True)
class ProgramOptions:
    """Where the program of the roadmap stands: its first day, the day that is asked about, what is finished."""

    start: StartOption = None
    today: TodayOption = None
    done: DoneOption = None


def policy_of(inventory: Path | None, files: Sequence[Path] | None) -> Policy:
    """The packaged policy with the overrides of the inventory, where there is one, and of files."""
    from selextract_infra.cli.frame.whose_policy import say_whose_policy
    from selextract_infra.hosts.inventory_location import locate_inventory
    from selextract_infra.policy import load_policy

    location = locate_inventory(inventory, os.environ)
    if location is None:
        policy = load_policy(files=list(files or ()))
    else:
        from selextract_infra.hosts.inventory import Inventory

        known = Inventory.load(location.path)
        policy = load_policy(known.policy_overrides, files=[*known.policy_files, *(files or ())])
    say_whose_policy(policy, location)
    return policy


def require_stated(policy: Policy, what: str, *paths: str) -> None:
    """Raise UsageError where ``what`` rests on assumptions that the team's own policy does not make."""
    from selextract_infra.errors import UsageError

    unstated = [path for path in paths if not policy.holds(path)]
    if unstated:
        raise UsageError(
            f"{what} is unknown: the policy's profile is own, and it does not state {' and '.join(unstated)}.",
            remedy=f"state {unstated[0]} in the policy; with profile: guide the figures are the guide's",
        )


def hardware_of(text: str | None, policy: Policy) -> Hardware:
    """The hardware in words, else that of the policy. Raises UsageError where the policy's is another system's."""
    from selextract_infra.assess.hardware import read_hardware, reference_hardware
    from selextract_infra.errors import UsageError

    sizes = ("cpus", "memory", "storage", "network")
    if text is None and not all(policy.holds(f"host.{size}") for size in sizes):
        raise UsageError(
            "Which hardware is meant is unknown: the policy's profile is own, and it does not state host.",
            remedy="name it with --host, as in 8c/32GB/1TB/1Gbps",
        )
    return reference_hardware(policy) if text is None else read_hardware(text)


def zone_of(name: str | None) -> tzinfo | None:
    """The time zone of that name, None where none is asked for."""
    from selextract_infra.assess.calendar import time_zone

    return None if name is None else time_zone(name)


def day_of(text: str, option: str) -> date:
    """A day as in 2025-02-01. Raises UsageError."""
    from datetime import date

    from selextract_infra.errors import UsageError

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} takes a day such as 2025-02-01, not {text[:40]!r}.") from None


def today_of(text: str | None, policy: Policy) -> date:
    """The asked day, else today in the policy's time zone."""
    from datetime import datetime

    from selextract_infra.assess.calendar import time_zone

    if text is not None:
        return day_of(text, "--today")
    return datetime.now(time_zone(policy.optimisation.profile.time_zone.value)).date()


def moment_of(text: str | None, option: str, zone: tzinfo | None) -> datetime | None:
    """A time as in 2025-11-20T02:00+01:00; without an offset it is in ``zone``. Raises UsageError."""
    from datetime import datetime

    from selextract_infra.errors import UsageError

    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} takes a time such as 2025-11-20T02:00Z, not {text[:40]!r}.") from None
    if moment.tzinfo is None and zone is None:
        raise UsageError(f"{option} {text} has no time zone.", remedy="add an offset, or --time-zone")
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def gate_findings(findings: Sequence[Finding], fail_on: str | None) -> None:
    """Raise GateError when a finding is at or above the asked severity."""
    from selextract_infra.errors import GateError, UsageError
    from selextract_infra.model.finding import Severity

    if fail_on is None:
        return
    if fail_on not in list(Severity):
        raise UsageError(f"--fail-on takes one of {', '.join(Severity)}, not {fail_on!r}.")
    worst = [finding for finding in findings if finding.severity.rank >= Severity(fail_on).rank]
    if worst:
        raise GateError(f"{len(worst)} findings at or above {fail_on}, first {worst[0].rule}: {worst[0].statement}")
