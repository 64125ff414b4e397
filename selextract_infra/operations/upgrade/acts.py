"""What an upgrade does itself: it looks at hardware, changes it, retunes what follows, and people hear of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selextract_infra.errors import RefusedError
from selextract_infra.flow.operation import Acts, Message, Notice
from selextract_infra.flow.resume_at_boot import BOOT_UNIT
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.model.figures import duration
from selextract_infra.model.plan import Plan
from selextract_infra.model.run import Run, RunStatus
from selextract_infra.model.upgrade import Mode
from selextract_infra.operations.upgrade.hardware import change_hardware, refuse_strangers, undo_upgrade
from selextract_infra.operations.upgrade.observe import look_at_hardware
from selextract_infra.operations.upgrade.plan import (
    down_seconds,
    downtime,
    upgrade_of,
)
from selextract_infra.operations.upgrade.retune import retune
from selextract_infra.operations.upgrade.steps import FREEZE, HARDWARE, PERFORMERS, RETUNE

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context

__all__ = ["ACTS"]


def _refuse_cutting_off(context: Context, plan: Plan) -> None:
    """Raise ``RefusedError`` when the reboot would end this very program and nothing would start it again (DRV-07)."""
    if plan.empty or upgrade_of(plan).mode is not Mode.REBOOT or plan.hosts[0] not in context.inventory.local:
        return
    if not BOOT_UNIT.is_symlink():
        raise RefusedError(
            f"{plan.hosts[0]} is this very machine: its reboot ends this program, and nothing goes on afterwards.",
            rule="DRV-07",
            remedy="selextract-infra resume --at-boot on; or work from another machine, or with --mode live",
        )


def _begins(plan: Plan) -> Message:
    upgrade, down = upgrade_of(plan), down_seconds(plan.steps)
    meanwhile = f"is down for about {duration(down)}" if down else "stays up"
    return Message(
        title=f"Upgrade of {upgrade.host} begins",
        body=f"The {upgrade.phase} of {upgrade.host} is upgraded now; the application {meanwhile}.",
    )


def _outcome(run: Run) -> str:
    """The downtime as it was measured, where all of it was done."""
    if run.status is not RunStatus.DONE:
        return ""
    down = downtime(run)
    return f"The application was down for {down:,.0f} s." if down else "Nothing was stopped."


ACTS = Acts(
    refuse_plan=_refuse_cutting_off,
    look=look_at_hardware,
    performers={PERFORMERS[HARDWARE]: change_hardware, PERFORMERS[RETUNE]: retune},
    undo=undo_upgrade,
    undone_past_no_return=True,
    announcement=Notice(
        before=FREEZE,
        severity=lambda policy: IncidentSeverity(policy.vertical.announcement.severity),
        begins=_begins,
        ended=lambda plan, run: f"Upgrade of {upgrade_of(plan).host}: {run.status}",
        outcome=_outcome,
    ),
    refuse_strangers=refuse_strangers,
)
