"""Options that several commands share, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from selextract_infra.cli.output import Format

__all__ = [
    "ApplyOption",
    "FailOnOption",
    "FormatOption",
    "InventoryOption",
    "LimitOption",
    "NowOption",
    "ObservationOption",
    "OutOption",
    "OverrideOption",
    "PolicyOption",
    "RunArgument",
    "StateOption",
    "YesOption",
]

InventoryOption = Annotated[
    Path,
    typer.Option(
        "--inventory", "-i", envvar="SELEXTRACT_INVENTORY", help="Inventory file or folder.", show_default=True
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
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="ID of the run, or an unambiguous beginning of it.")]
DEFAULT_INVENTORY = Path("inventories/lab")
