"""Going on by itself where the control machine is the server that reboots: a unit of systemd starts ``resume``."""

from __future__ import annotations

import sys
from pathlib import Path

from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.flow.context import Context
from selextract_infra.flow.single_playbook import everywhere

__all__ = ["BOOT_UNIT", "resume_at_boot"]

_EMPTIED = (Path("/tmp"), Path("/run"), Path("/var/run"), Path("/dev/shm"))  # noqa: S108 - none of ours is put there
BOOT_UNIT = Path("/etc/systemd/system/multi-user.target.wants/selextract-infra-resume.service")


def resume_at_boot(context: Context, *, wanted: bool) -> tuple[str, ...]:
    """Install or remove the unit on this machine, which has to be the fleet's one host; empty where nothing changed.

    Raises ``RefusedError`` for any other host: there this program does not end when the host reboots.
    """
    names = [host.name for host in context.inventory.hosts]
    if len(names) != 1 or names[0] not in context.inventory.local:
        raise RefusedError(
            f"{', '.join(names)} is not this very machine, so its reboot ends nothing here.",
            rule="DRV-07",
            remedy="run it on the server itself, with an inventory or --limit that names only that server",
        )
    program = Path(sys.executable).parent / "selextract-infra"
    if not program.exists():
        raise UsageError(f"There is no selextract-infra beside {sys.executable}, so the unit could not start it.")
    needed = {"program": program, "inventory": context.inventory.path, "state": context.journal.folder.resolve()}
    if wanted:
        for path in needed.values():
            refuse_what_a_boot_removes(path)
    values = {"wanted": wanted, **{name: str(path) for name, path in needed.items()}}
    return everywhere(context, "resume_at_boot", values, "resume at boot", "go on after a reboot")


def refuse_what_a_boot_removes(path: Path) -> None:
    """Raise ``UsageError`` for a path that is gone when the unit would need it."""
    folder = next((name for name in _EMPTIED if path.is_relative_to(name)), None)
    if folder is not None:
        raise UsageError(
            f"{path} is in {folder}, which a boot may empty, so the unit would not find it.",
            remedy="keep the program, the inventory and the state where they outlive a boot",
        )
