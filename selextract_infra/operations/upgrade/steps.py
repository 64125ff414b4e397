"""The steps of an upgrade, each of them a checkpoint on the host (VP, X-72).

preflight → freeze → drain → backup → stop → hardware → grow → start → retune → gate → unfreeze. Drain, stop and start
are left out where the hardware changes live; grow is there for storage alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from selextract_infra.model.plan import BY_PLAYBOOK, Change, Plan, Step
from selextract_infra.model.upgrade import AppOnHost, Mode, UpgradeOfHost, size_text

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = [
    "DRAIN",
    "FREEZE",
    "HARDWARE",
    "PERFORMERS",
    "PLAYBOOK",
    "RETUNE",
    "START",
    "STOP",
    "upgrade_steps",
    "with_performers",
]

PLAYBOOK = "selextract.infra.upgrade"
FREEZE, DRAIN, STOP, HARDWARE, START, RETUNE = "freeze", "drain", "stop", "hardware", "start", "retune"

PERFORMERS = {HARDWARE: "provider", RETUNE: "retune"}
"""Who carries out what no playbook can: the provider changes the hardware, and retuning plans anew for its size."""

_DOCKER_FOLDER = "/var/lib/docker"


def upgrade_steps(upgrade: UpgradeOfHost, policy: Policy) -> tuple[Step, ...]:
    """The steps that give a host its new hardware and make the app use it; built from ``upgrade`` and nothing else."""
    return tuple(_UpgradeSteps(upgrade, policy).steps())


def with_performers(plan: Plan) -> Plan:
    """The Plan with who carries out each step, which version 0.1 knew by the step's name alone."""
    steps = tuple(step.model_copy(update={"performer": PERFORMERS.get(step.id, step.performer)}) for step in plan.steps)
    return plan.model_copy(update={"steps": steps})


class _UpgradeSteps:
    """The way of one upgrade."""

    def __init__(self, upgrade: UpgradeOfHost, policy: Policy) -> None:
        self.upgrade, self.policy, self.rules = upgrade, policy, policy.vertical
        app = upgrade.app
        self.app: dict[str, Any] = {"project": app.project, "directory": app.directory} if app else {}
        self.health = list(app.health) if app else []
        self.apps = (*([app] if app else []), *upgrade.others)
        """All Projects of the host, the mapped one first."""
        self.reboots = upgrade.mode is Mode.REBOOT
        self.grows = upgrade.phase == "storage"

    def steps(self) -> Iterator[Step]:
        upgrade, app = self.upgrade, self.upgrade.app
        yield self._preflight()
        yield self._step(
            FREEZE, "Announce it and freeze scaling", {"reason": f"upgrade of {upgrade.phase} on {upgrade.host}"},
            verification="The host is frozen.", rollback="It is unfrozen, unless somebody had frozen it before.",
        )  # fmt: skip
        if self.apps and self.reboots:
            yield self._stop(DRAIN, "Let workers finish, take the API out of rotation")
        if self.apps:
            yield self._backup()
        if self.apps and self.reboots:
            yield self._stop(STOP, "Stop databases and caches")
        yield self._hardware()
        if self.grows:
            yield self._step(
                "grow", "Grow partition and file system",
                {
                    "folder": self._volume(), "bound_seconds": self._times("grow").timeout,
                    "least_bytes": int(upgrade.target * self.policy.facts.storage),
                },
                verification="The file system has the size of its disk.", rollback="None: storage does not shrink.",
            )  # fmt: skip
        if self.apps and self.reboots:
            yield self._step(
                START, "Start everything that was stopped, databases first",
                {**self.app, "steps": [STOP, DRAIN], "bound_seconds": self._times("start").timeout},
                verification="Every container that ran before runs again and is healthy.",
                rollback="They are stopped again in the order from before.",
            )  # fmt: skip
        if app:
            yield self._step(
                RETUNE, "Let limits and settings use the new size", {},
                verification="What the rules of right-sizing raise is raised, and everything is healthy.",
                rollback="The limits and files from before are put back.",
            )  # fmt: skip
        yield self._gate()
        yield self._step(
            "unfreeze", "Allow scaling again", {"before_step": FREEZE},
            verification="The host is as free as it was before.", rollback="It is frozen again.",
        )  # fmt: skip

    def _preflight(self) -> Step:
        point = self.rules.restore_point
        values = {
            **self._of_projects(self._dumped), "folder": point.folder, "room": point.room,
            "urls": self.health, "requests": self.rules.load_check.requests, "grows": self._volume(),
        }  # fmt: skip
        return self._step(
            "preflight", "Check that it can work, measure how fast it answers now", {"databases": [], **values},
            verification="There is room for the restore point, and every health address answers.", rollback="Nothing.",
        )  # fmt: skip

    def _stop(self, step: str, title: str) -> Step:
        def stopped(app: AppOnHost) -> dict[str, Any]:
            order, workers = (app.drained, app.workers) if step == DRAIN else (app.stopped, ())
            return {"order": list(order), "graces": dict.fromkeys(workers, app.grace)}

        return self._step(
            step, f"{title}{self._also()}", self._of_projects(stopped), disrupts=True,
            verification="They have finished what they had begun, and are stopped.",
            rollback="Everything that ran before is started again, the last first.",
        )  # fmt: skip

    def _backup(self) -> Step:
        point = self.rules.restore_point
        values = {
            **self._of_projects(self._dumped), "folder": point.folder, "kept": point.kept,
            "largest_file": point.largest_file, "bound_seconds": self._times("backup").timeout,
        }  # fmt: skip
        return self._step(
            "backup", f"Make a restore point and read it again{self._also()}", values,
            verification="Every dump and archive of it was read to its end.",
            rollback="An unfinished restore point is removed; a finished one is kept.",
        )  # fmt: skip

    def _of_projects(self, about: Callable[[AppOnHost], dict[str, Any]]) -> dict[str, Any]:
        """What is done for each Project: the first one's values by themselves, and a list of the others'."""
        each = [{"project": app.project, "directory": app.directory, **about(app)} for app in self.apps]
        return {**each[0], **({"others": each[1:]} if each[1:] else {})} if each else {}

    def _also(self) -> str:
        names = [app.project for app in self.apps]
        return f", of {' and '.join(names)}" if len(names) > 1 else ""

    @staticmethod
    def _dumped(app: AppOnHost) -> dict[str, Any]:
        return {"databases": [database.model_dump() for database in app.databases]}

    def _hardware(self) -> Step:
        upgrade = self.upgrade
        before, after = size_text(upgrade.phase, upgrade.before), size_text(upgrade.phase, upgrade.target)
        how = "while it is off" if self.reboots else "while it runs"
        known = upgrade.provider.reverts and upgrade.before is not None
        back = "None: storage does not shrink; services go on with the new size."
        if not self.grows:
            back = "It gets its former size back." if known else "The new size stays; services go on with it."
        name = upgrade.host
        return self._step(
            HARDWARE, f"{upgrade.phase.capitalize()} of {name} by {upgrade.provider.name}, {how}", {},
            changes=(Change(host=name, subject=name, resource=upgrade.phase, before=before, after=after),),
            verification=f"The same machine is back and has {after} (DRV-08).",
            rollback=back, disrupts=self.reboots, point_of_no_return=self.grows, times=f"hardware_{upgrade.mode}",
        )  # fmt: skip

    def _gate(self) -> Step:
        check = self.rules.load_check
        services: dict[str, Any] = {name: {} for name in (self.upgrade.app.services if self.upgrade.app else ())}
        values = {
            **self.app, "services": services, "urls": self.health, "bound_seconds": self._times("gate").timeout / 2,
            "requests": check.requests, "slower": check.slower, "target_seconds": check.target,
        }  # fmt: skip
        return self._step(
            "gate", "Compare health and answers with before", values, rollback="Nothing.",
            verification="Every service is healthy and no answer fails or is late.",
        )  # fmt: skip

    def _volume(self) -> str | None:
        """Where the volume is mounted that grows; by default the one that Docker is on."""
        return (self.upgrade.data_folder or _DOCKER_FOLDER) if self.grows else None

    def _times(self, name: str) -> Any:
        return self.rules.steps[name]

    def _step(
        self, step: str, title: str, values: dict[str, Any], *, verification: str, rollback: str,
        changes: tuple[Change, ...] = (), disrupts: bool = False, point_of_no_return: bool = False,
        times: str | None = None,
    ) -> Step:  # fmt: skip
        known = self._times(times or step)
        learned = self.upgrade.durations.get(step)
        return Step(
            id=step,
            title=title,
            playbook=PLAYBOOK,
            performer=PERFORMERS.get(step, BY_PLAYBOOK),
            hosts=(self.upgrade.host,),
            values={self.upgrade.host: {"kind": step, **values, "policy_digest": self.policy.digest}},
            changes=changes,
            verification=verification,
            rollback=rollback,
            disrupts=disrupts,
            point_of_no_return=point_of_no_return,
            estimate_seconds=known.estimate if learned is None else learned,
            rollback_seconds=known.rollback,
            timeout_seconds=known.timeout,
        )
