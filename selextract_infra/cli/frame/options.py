"""Options that several commands share, declared once; those that belong together as one parameter of a command."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from selextract_infra.cli.frame.cancellation import WORK_SECONDS
from selextract_infra.cli.frame.output import Format

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context
    from selextract_infra.model.observation import Observation

__all__ = [
    "ApplyOption",
    "ApprovalOption",
    "DigestOption",
    "FailOnOption",
    "FleetOptions",
    "FormatOption",
    "InventoryOption",
    "LimitOption",
    "NowOption",
    "ObservationOption",
    "OutOption",
    "OverrideOption",
    "PlanOptions",
    "PolicyOption",
    "RunArgument",
    "StateOption",
    "TakeOverOption",
    "TakeOverReasonOption",
    "WholeFleetOptions",
    "YesOption",
    "with_options",
]

InventoryOption = Annotated[
    Path | None,
    typer.Option(
        "--inventory",
        "-i",
        envvar="SELEXTRACT_INVENTORY",
        help="Inventory file or folder, or hosts as in `host,` (default: ANSIBLE_INVENTORY, ansible.cfg).",
    ),
]
LimitOption = Annotated[str | None, typer.Option("--limit", "-l", help="Only hosts that match this Ansible pattern.")]
PolicyOption = Annotated[
    list[Path] | None, typer.Option("--policy", help="Policy overrides besides the inventory's; repeatable.")
]
StateOption = Annotated[
    Path | None,
    typer.Option("--state", envvar="SELEXTRACT_STATE", help="Folder of the journal (default: your XDG state folder)."),
]
FormatOption = Annotated[Format, typer.Option("--format", help="Answer as a table or as JSON.")]
OutOption = Annotated[Path | None, typer.Option("--out", help="Save the answer to this file.")]
ObservationOption = Annotated[
    Path | None, typer.Option("--observation", help="Use a saved Observation instead of looking at the hosts.")
]
ApplyOption = Annotated[bool, typer.Option("--apply", help="Carry the plan out after it was shown and confirmed.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; for scripts.")]
NowOption = Annotated[
    str | None, typer.Option("--now", metavar="REASON", help="Disrupt outside a window; the reason is recorded.")
]
OverrideOption = Annotated[
    list[str] | None, typer.Option("--override", metavar="RULE", help="Override this rule; recorded. Repeatable.")
]
FailOnOption = Annotated[
    str | None,
    typer.Option("--fail-on", metavar="SEVERITY", help="Exit 10 on a finding this severe: minor, major, breaking."),
]
TakeOverOption = Annotated[
    bool, typer.Option("--take-over", help="Take the run from whoever is at work on it; needs a --reason.")
]
TakeOverReasonOption = Annotated[
    str | None, typer.Option("--reason", help="With --take-over: why; recorded, here and on the hosts.")
]
DigestOption = Annotated[
    str | None,
    typer.Option("--digest", metavar="sha256:...", help="Only the plan of this digest, which a person has looked at."),
]
ApprovalOption = Annotated[
    list[Path] | None,
    typer.Option("--approval", metavar="FILE", help="A person's signature of the plan's digest. Repeatable."),
]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="ID of the run, or an unambiguous beginning of it.")]


@dataclass(frozen=True)
class FleetOptions:
    """Which hosts, under which policy, recorded where."""

    inventory: InventoryOption = None
    limit: LimitOption = None
    policy: PolicyOption = None
    state: StateOption = None

    @contextmanager
    def context(self, within: float | None = WORK_SECONDS) -> Iterator[Context]:
        """These hosts; Ctrl-C, and the end of ``within`` seconds, stop the work on them before this process ends."""
        from concurrent.futures import ThreadPoolExecutor

        from selextract_infra.cli.frame.cancellation import cancellable
        from selextract_infra.cli.frame.whose_policy import say_whose_policy
        from selextract_infra.hosts.inventory import Inventory
        from selextract_infra.hosts.inventory_location import require_inventory

        location = require_inventory(self.inventory, os.environ)
        with cancellable(within) as cancel:
            with ThreadPoolExecutor(1) as beside:  # to ask Ansible for the hosts takes as long as the import
                loading = beside.submit(Inventory.load, location.path, limit=self.limit)
                from selextract_infra.flow.context import Context
            with Context(
                loading.result(), limit=self.limit, policy_files=self.policy or (), state=self.state, cancel=cancel
            ) as context:
                say_whose_policy(context.policy, location)
                yield context


@contextmanager
def fleet_of(
    hosts: FleetOptions | WholeFleetOptions, recorded: Observation | None, within: float | None = WORK_SECONDS
) -> Iterator[Context]:
    """The hosts; those of a saved Observation need no inventory, where a policy file is named and nobody names one."""
    from selextract_infra.hosts.inventory_location import locate_inventory

    if recorded is None or not hosts.policy or locate_inventory(hosts.inventory, os.environ) is not None:
        with hosts.context(within) as context:
            yield context
        return
    from selextract_infra.flow.context import Context
    from selextract_infra.hosts.inventory import Inventory, InventoryHost

    names = (*(host.name for host in recorded.hosts), *recorded.unreachable)
    inventory = Inventory(Path("a saved Observation"), tuple(InventoryHost(name, name) for name in names))
    with Context(inventory, policy_files=hosts.policy, state=hosts.state) as context:
        yield context


@dataclass(frozen=True)
class WholeFleetOptions:
    """All hosts of an inventory: a part of them would make no sense."""

    inventory: InventoryOption = None
    policy: PolicyOption = None
    state: StateOption = None

    @contextmanager
    def context(self, within: float | None = WORK_SECONDS) -> Iterator[Context]:
        """As that of ``FleetOptions``."""
        with FleetOptions(self.inventory, None, self.policy, self.state).context(within) as context:
            yield context


@dataclass(frozen=True)
class PlanOptions:
    """What becomes of a Plan."""

    out: OutOption = None
    apply: ApplyOption = False
    yes: YesOption = False
    now: NowOption = None
    fail_on: FailOnOption = None

    def recorded(self, observation: Path | None) -> Observation | None:
        """The saved Observation to plan from, where one is named. Raises UsageError for one that is to be applied."""
        from selextract_infra.errors import UsageError
        from selextract_infra.hosts.observe.recorded import load_observation

        if observation is None:
            return None
        if self.apply:
            raise UsageError(
                "A plan from a saved Observation is only looked at.", remedy="leave --observation or --apply"
            )
        return load_observation(observation)


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command as Typer reads it: a parameter that is a class of options here becomes these options."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {}
    options: list[Parameter] = []
    for parameter in signature(command).parameters.values():
        kind = hints[parameter.name]
        if is_dataclass(kind):
            groups[parameter.name] = kind
            own = get_type_hints(kind, include_extras=True)
            options += [
                Parameter(field.name, Parameter.KEYWORD_ONLY, default=field.default, annotation=own[field.name])
                for field in fields(kind)
            ]
        else:
            options.append(parameter.replace(kind=Parameter.KEYWORD_ONLY, annotation=kind))

    @functools.wraps(command)
    def taken(**given: Any) -> None:
        grouped = {
            name: kind(**{field.name: given.pop(field.name) for field in fields(kind)}) for name, kind in groups.items()
        }
        command(**given, **grouped)

    taken.__annotations__ = {option.name: option.annotation for option in options}
    vars(taken)["__signature__"] = Signature(options)
    return taken
