"""Rehearse the emergency: in check mode on any host, or for real where that is asked for (REC-05)."""

from __future__ import annotations

from selextract_infra.errors import StepFailedError
from selextract_infra.flow.context import Context
from selextract_infra.flow.unfinished import refuse_unfinished
from selextract_infra.hosts.identity import claim, new_run_id, owner
from selextract_infra.hosts.runner import PlaybookRun, run_playbook
from selextract_infra.hosts.steps import values_on
from selextract_infra.model.emergency import Drill, Incident, Moment
from selextract_infra.operations.emergency.begin import Grant, begin_emergency, plan_emergency
from selextract_infra.operations.emergency.end import revert_emergency, validate_emergency

__all__ = ["drill"]

_REASON = "a drill"


def drill(context: Context, *, real: bool = False) -> Drill:
    """Assess, grant, begin, validate and revert; without ``real`` the hosts only say whether they could begin.

    It is recorded, with its date, only where all of it went well. Raises ``StepFailedError`` where it did not.
    """
    clock = _Laps(context)
    granted = plan_emergency(context, reason=_REASON)
    refuse_unfinished(granted.observation)
    clock.lap("assess")
    incident = _for_real(context, granted, clock) if real else _in_check_mode(context, granted, clock)
    values = len(granted.decision.granted)
    what = "begun, validated and taken back" if real else "checked on the hosts; nothing was changed"
    return Drill(
        at=granted.observation.at,
        incident=incident,
        real=real,
        steps=clock.laps,
        sentence=f"{values} values granted, {what}.",
    )


def _for_real(context: Context, granted: Grant, clock: _Laps) -> str:
    run = begin_emergency(context, granted, drill=True)
    clock.lap("run")
    if run.exit_code:
        raise StepFailedError(f"The drill failed: {run.message}", remedy="selextract-infra history")
    validate_emergency(context)
    clock.lap("validate")
    revert_emergency(context)
    clock.lap("revert")
    return run.id


def _in_check_mode(context: Context, granted: Grant, clock: _Laps) -> str:
    plan, now = granted.plan, context.clock()
    run = new_run_id(now)
    for step in plan.steps:
        outcome = run_playbook(
            PlaybookRun(
                playbook=step.playbook,
                inventory=context.inventory,
                hosts=step.hosts,
                values={
                    "run": claim(
                        run,
                        plan.operation,
                        _REASON,
                        step=step.id,
                        lease=step.timeout_seconds,
                        policy_digest=plan.policy_digest,
                        plan_digest=plan.digest,
                    ),
                    "hosts": {host: values_on((step,), host) for host in step.hosts},
                },
                timeout=step.timeout_seconds,
                check=True,
            ),
            on_event=context.on_event,
            cancel=context.cancel,
        )
        bad = {name: host.message for name, host in outcome.hosts.items() if host.status != "ok"}
        if bad or outcome.status != "successful":
            failures = "; ".join(f"{name}: {message}" for name, message in sorted(bad.items())) or outcome.message
            raise StepFailedError(f"The drill failed: {failures}.", remedy="mend that before an emergency needs it")
    clock.lap("check")
    context.journal.record_incident(
        Incident(
            id=run,
            opened_at=now,
            reason=_REASON,
            drill=True,
            owner=owner(),
            hosts=plan.hosts,
            decision=granted.decision,
            timeline=(Moment(at=now, what="Rehearsed in check mode; nothing was changed."),),
            closed_at=context.clock(),
            closed_by=owner(),
        )
    )
    return run


class _Laps:
    """Seconds by step."""

    def __init__(self, context: Context) -> None:
        self.laps: dict[str, float] = {}
        self._context, self._last = context, context.clock()

    def lap(self, name: str) -> None:
        """The step that ends now."""
        now = self._context.clock()
        self.laps[name], self._last = round((now - self._last).total_seconds(), 1), now
