"""Install the timer of unattended runs, on this machine or on a host of the fleet, by its role."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from selextract_infra.errors import UsageError
from selextract_infra.flow.context import Context
from selextract_infra.flow.single_playbook import raise_worst
from selextract_infra.hosts.identity import claim, new_run_id
from selextract_infra.hosts.inventory import Inventory
from selextract_infra.hosts.runner import PlaybookRun, run_playbook
from selextract_infra.hosts.scratch import private_folder, write_private

__all__ = ["install_schedule", "remove_schedule"]

_BOUND_SECONDS = 300.0
_HERE = "this-machine"


def install_schedule(
    context: Context,
    *,
    host: str | None = None,
    credentials: Path,
    program: Path | None = None,
    inventory: Path | None = None,
) -> bool:
    """Install or update the timer; returns whether that was a change.

    On a ``host`` the program and the inventory must be there already, at the paths that are given. Raises
    ``UsageError`` where those are missing, ``HostError`` and ``StepFailedError`` as every playbook does; the role
    refuses a credential without a file.
    """
    if host is not None and (program is None or inventory is None):
        raise UsageError("On another machine the program and the inventory are elsewhere: give both paths.")
    rules = context.policy.schedule
    values = {
        "state": "present",
        "program": str(program or _this_program()),
        "inventory": str(inventory or context.inventory.path),
        "policies": [] if host else sorted({str(file.resolve()) for file in context.inventory.policy_files}),
        "journal": None if host else str(context.journal.folder.resolve()),
        "user": "root" if host else getpass.getuser(),
        "every": rules.every,
        "credentials": list(rules.credentials),
        "credentials_folder": str(credentials),
        "works_on_itself": bool(host or context.inventory.local),
    }
    return _schedule(context, host, values, "install the timer of unattended runs")


def remove_schedule(context: Context, *, host: str | None = None) -> bool:
    """Take the timer away; returns whether it was there."""
    return _schedule(context, host, {"state": "absent"}, "take the timer of unattended runs away")


def _schedule(context: Context, host: str | None, values: Mapping[str, Any], purpose: str) -> bool:
    now = context.clock()
    run_id, name = new_run_id(now), host or _HERE
    context.journal.record_event(now, "schedule", f"{purpose} on {name}", run=run_id)
    with private_folder() as folder:
        inventory = context.inventory if host else _this_machine(folder)
        if host:
            inventory.host(host)
        outcome = run_playbook(
            PlaybookRun(
                playbook="selextract.infra.schedule",
                inventory=inventory,
                hosts=(name,),
                values={
                    "run": claim(
                        run_id,
                        "schedule",
                        purpose,
                        step="schedule",
                        lease=_BOUND_SECONDS,
                        policy_digest=context.policy.digest,
                    ),
                    "hosts": {name: dict(values)},
                },
                timeout=_BOUND_SECONDS,
            ),
            on_event=context.on_event,
            cancel=context.cancel,
        )
    raise_worst(outcome)
    return outcome.hosts[name].changed > 0


def _this_machine(folder: Path) -> Inventory:
    python = {"ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3", "ansible_become": True}
    return Inventory.load(write_private(folder / "here.yml", {"all": {"hosts": {_HERE: python}}}))


def _this_program() -> Path:
    beside = Path(sys.executable).parent / "selextract-infra"
    if not beside.is_file():
        raise UsageError(f"There is no selextract-infra beside {sys.executable}.", remedy="name it with --program")
    return beside
