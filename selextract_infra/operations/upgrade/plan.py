"""The Plan of an upgrade: one phase on one host, what speaks for it, what it costs, what is down meanwhile. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from selextract_infra.assess.hardware import RESOURCES, hardware_seen
from selextract_infra.assess.mapped_role import refuse_unmatched, runs_app_or_namesake
from selextract_infra.assess.overrides import Overrides
from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.flow.draft import PlanDraft, PlanInput, Planner
from selextract_infra.flow.saved_refusals import read_parameters
from selextract_infra.model.figures import duration
from selextract_infra.model.finding import Finding, RuleClass, Severity
from selextract_infra.model.observation import HostObservation
from selextract_infra.model.plan import CostChange, Plan, Step
from selextract_infra.model.run import Run, StepStatus
from selextract_infra.model.upgrade import Abilities, Mode, UpgradeOfHost
from selextract_infra.operations.upgrade.apps import mapped_app, other_apps
from selextract_infra.operations.upgrade.decide import decide_upgrade, read_phase, size_seen
from selextract_infra.operations.upgrade.operation import UpgradeRequest
from selextract_infra.operations.upgrade.steps import DRAIN, START, upgrade_steps, with_performers
from selextract_infra.planning.effects import upgrade_cost

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["OPERATION", "PLANNER", "HardwareLook", "down_seconds", "downtime", "upgrade_of"]

OPERATION = "upgrade"


@dataclass(frozen=True)
class HardwareLook:
    """What the provider can do and says that the host has, and by step how many seconds earlier upgrades took."""

    provider: Abilities
    before: float | None = None
    durations: Mapping[str, float] = field(default_factory=dict)


def _draft(given: PlanInput[UpgradeRequest, HardwareLook]) -> PlanDraft:
    """Upgrade one phase of the one host that was seen; without steps where the host is at its target already.

    Raises ``RefusedError`` where a rule forbids it: an earlier phase is missing (VP-00), it would shrink (X-54), or the
    provider cannot do it in that mode.
    """
    (host,) = given.observation.hosts
    request, policy, look = given.request, given.policy, given.look
    if runs_app_or_namesake(host, policy):
        refuse_unmatched(given.observation, policy)
    phase = read_phase(request.phase, policy)
    decided = decide_upgrade(
        host, phase, policy, before=look.before, target=request.target, overrides=request.overrides
    )
    decision = decided.decision
    steps: tuple[Step, ...] = ()
    upgrade: UpgradeOfHost | None = None
    overrides = Overrides(request.overrides)
    if decision.changes:
        others = other_apps(host, policy, overrides)
        upgrade = UpgradeOfHost(
            host=host.name,
            phase=phase,
            mode=_mode(look.provider, phase, request.mode),
            provider=look.provider,
            before=decision.current,
            target=float(decision.granted or 0),
            machine_id=host.facts.machine_id,
            app=mapped_app(host, policy, overrides),
            others=others,
            data_folder=policy.application.data,
            durations=dict(look.durations),
        )
        steps = upgrade_steps(upgrade, policy)
    return PlanDraft(
        parameters=upgrade,
        hosts=(host.name,),
        decisions=(decision,),
        steps=steps,
        findings=(*decided.findings, *_consequences(steps), *_shared_with(upgrade)),
        cost=_cost(host, phase, decision.granted, policy) if steps else CostChange(sentence="Nothing changes."),
        overrides=(*decided.overrides, *overrides.used),
    )


def upgrade_of(plan: Plan) -> UpgradeOfHost:
    """What a Plan of an upgrade does, from its parameters. Raises ``UsageError`` for parameters of something else."""
    return read_parameters(UpgradeOfHost.model_validate, plan.parameters, "an upgrade")


def _refuse_impossible_upgrade(saved: Plan, upgrade: UpgradeOfHost, policy: Policy) -> None:
    """Raise ``RefusedError`` for an upgrade that no decision of the Plan is about, or an app that is not mapped."""
    mapped, app = policy.application, upgrade.app
    same = any(
        (upgrade.host, upgrade.phase, upgrade.before, upgrade.target)
        == (decision.host, decision.resource, decision.current, float(decision.granted or 0))
        for decision in saved.decisions
        if decision.changes and len(saved.decisions) == 1
    )
    own = app is None or (
        app.project == mapped.project
        and app.directory == (mapped.directory or app.directory)
        and set(app.services) <= set(mapped.services)
        and {database.service for database in app.databases} <= set(app.stopped)
        and set(app.health) <= {service.health for service in mapped.services.values()}
    )
    foreign = all(
        other.project != mapped.project and {database.service for database in other.databases} <= set(other.stopped)
        for other in upgrade.others
    )
    if not (same and own and foreign and saved.hosts == (upgrade.host,) and upgrade.data_folder == mapped.data):
        raise RefusedError(
            "The plan asks for another upgrade than its decision.", rule="saved plan", remedy="plan again"
        )


def _mode(provider: Abilities, phase: str, wanted: Mode | None) -> Mode:
    known = provider.modes.get(phase, ())
    if not known or (wanted is not None and wanted not in known):
        how = f" {wanted}" if wanted else ""
        raise RefusedError(
            f"The provider {provider.name} cannot change {phase}{how}.",
            rule="X-72",
            remedy=f"it can: {', '.join(known)}" if known else "use --provider manual",
        )
    return wanted or known[0]


def _cost(host: HostObservation, phase: str, target: float | None, policy: Policy) -> CostChange:
    """By unit price and as quoted, side by side and never summed (X-49)."""
    before = hardware_seen(host, policy)
    field = RESOURCES[phase][0]
    now = size_seen(phase, host.facts)
    if phase == "storage" and now:
        nominal = policy.host.storage
        before = before.model_copy(update={"storage": nominal if nominal * policy.facts.storage <= now else int(now)})
    after = before.model_copy(update={field: target})
    return upgrade_cost(before, after, policy)


def down_seconds(steps: tuple[Step, ...]) -> float:
    """How long the application is expected to be down; 0 where nothing is stopped."""
    return sum(step.estimate_seconds for step in _down(steps))


def downtime(run: Run) -> float:
    """Seconds from the first service that was stopped to the last that answered again; 0 where none was stopped."""
    verified = {result.step: result for result in run.results if result.status is StepStatus.VERIFIED}
    first, last = verified.get(DRAIN), verified.get(START)
    if first is None or last is None or first.started_at is None or last.ended_at is None:
        return 0.0
    return (last.ended_at - first.started_at).total_seconds()


def _down(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The steps during which the application is down."""
    disruptive = [steps.index(step) for step in steps if step.disrupts]
    up = next((steps.index(step) for step in steps if step.id == START), max(disruptive, default=0))
    return steps[disruptive[0] : up + 1] if disruptive else ()


def _shared_with(upgrade: UpgradeOfHost | None) -> Iterator[Finding]:
    """Which other Projects are on the host, and what becomes of each."""
    for other in upgrade.others if upgrade else ():
        dumped = ", ".join(database.service for database in other.databases)
        backup = f"{dumped} is dumped, and its folder is archived" if dumped else "its folder is archived"
        down = (
            ""
            if upgrade and upgrade.mode is Mode.LIVE
            else " All of it is stopped for the upgrade and started after it."
        )
        yield Finding(
            rule="projects", severity=Severity.MAJOR, rule_class=RuleClass.REPORT, subject=other.project,
            sentence=f"The host also runs {other.project} ({', '.join(other.services)}).{down} Before, {backup}.",
            resolution="its team has to know of it",
        )  # fmt: skip


def _consequences(steps: tuple[Step, ...]) -> Iterator[Finding]:
    """What is down, for how long, and after which step there is no way back."""
    if not steps:
        return
    down = _down(steps)
    if down:
        seconds = down_seconds(steps)
        yield Finding(
            rule="X-72", severity=Severity.MAJOR, rule_class=RuleClass.REPORT, subject="downtime",
            sentence=f"From “{down[0].title}” to “{down[-1].title}” the application is down, about"
            f" {duration(seconds)}; tasks wait in the queue meanwhile.",
            numbers={"down_seconds": round(seconds, 1)}, resolution="run it in a maintenance window",
        )  # fmt: skip
    else:
        yield Finding(
            rule="X-72", severity=Severity.INFO, rule_class=RuleClass.REPORT, subject="downtime",
            sentence="The hardware changes while everything runs; nothing is stopped.", numbers={"down_seconds": 0},
        )  # fmt: skip
    final = next((step for step in steps if step.point_of_no_return), None)
    if final is not None:
        yield Finding(
            rule="X-54", severity=Severity.MAJOR, rule_class=RuleClass.REPORT, subject="point of no return",
            sentence=f"After “{final.title}” there is no way back: storage does not shrink. What fails later ends with"
            " the services as they were, on the new size.",
            resolution="the restore point is made before it",
        )  # fmt: skip


def _refuse_request(request: UpgradeRequest, policy: Policy, hosts: tuple[str, ...]) -> None:
    """Raise ``UsageError`` for an unknown phase or more than one host."""
    read_phase(request.phase, policy)
    if len(hosts) != 1:
        known = ", ".join(hosts)
        raise UsageError("Hardware is upgraded one host at a time.", remedy=f"name one with --limit: {known}")


PLANNER = Planner(
    about_app=False,  # a host may carry a replica of ours, or other teams' apps alone
    parameters=UpgradeOfHost,
    draft=_draft,
    steps=lambda _, kept, policy: upgrade_steps(kept, policy),
    refuse_impossible=_refuse_impossible_upgrade,
    refuse_request=_refuse_request,
    completed=with_performers,
)
