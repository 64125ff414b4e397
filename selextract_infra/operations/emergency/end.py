"""Take an emergency back exactly, and look whether it helps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from selextract_infra.assess.emergency_effect import validated
from selextract_infra.errors import (
    CancelledError,
    HostUnreachableError,
    LockedError,
    RefusedError,
    RollbackFailedError,
    UsageError,
)
from selextract_infra.flow.assess import assess_seen
from selextract_infra.flow.context import Context
from selextract_infra.flow.incidents import record_ended_emergencies
from selextract_infra.flow.notify_routes import ACKNOWLEDGED
from selextract_infra.flow.reachability import refuse_blindness
from selextract_infra.flow.unfinished import stop_remains_of
from selextract_infra.hosts.identity import claim, owner
from selextract_infra.hosts.runner import HostOutcome, PlaybookOutcome, PlaybookRun, run_playbook
from selextract_infra.model.emergency import (
    EmergencyOnHost,
    Incident,
    Reverted,
    Validation,
    open_emergencies,
)
from selextract_infra.model.observation import Observation
from selextract_infra.operations.emergency.plan import OPERATION

__all__ = ["acknowledge", "newest_incident", "refuse_others", "revert_emergency", "validate_emergency"]

_PLAYBOOK = "selextract.infra.emergency_end"


def revert_emergency(context: Context, *, force: bool = False, keep: bool = False) -> Reverted:
    """Put everything back as it was before the emergency; once more is harmless.

    ``force`` puts back what somebody has changed since as well; ``keep`` leaves all values and only ends it. Raises
    ``RefusedError`` where a value was changed by hand, ``RollbackFailedError`` where something could not be put back
    (the host tries again when its time is over), ``HostUnreachableError`` for a host that does not answer.
    """
    observation = context.observe()
    refuse_blindness(observation)
    record_ended_emergencies(context, observation)
    active = open_emergencies(observation)
    refuse_others(active, context.policy.application.project)
    sentences: dict[str, str] = {}
    for run in sorted({emergency.run for emergency in active}):
        hosts = tuple(emergency.host for emergency in active if emergency.run == run)
        stop_remains_of(context, run, observation)
        sentences |= _revert(context, run, hosts, force=force, keep=keep)
    if observation.unreachable:
        names = ", ".join(f"{host}: {why}" for host, why in sorted(observation.unreachable.items()))
        raise HostUnreachableError(f"Not everything could be looked at, {names}", remedy="it ends there by itself")
    return Reverted(at=context.clock(), runs=tuple(sorted({emergency.run for emergency in active})), hosts=sentences)


def refuse_others(active: Sequence[EmergencyOnHost], project: str | None) -> None:
    """Raise ``RefusedError`` for an emergency of another Project on the same host: its own team takes it back."""
    others = [emergency for emergency in active if project and emergency.project not in ("", project)]
    if others:
        about = "; ".join(f"the emergency on {other.host} is {other.project}'s (run {other.run})" for other in others)
        raise RefusedError(
            f"{about[0].upper()}{about[1:]}, and this inventory is about {project}; nothing was put back.",
            rule="projects",
            remedy=f"take it back with the inventory of {others[0].project}",
        )


def _revert(context: Context, run: str, hosts: tuple[str, ...], *, force: bool, keep: bool) -> dict[str, str]:
    times = context.policy.emergency.actions.times
    outcome = run_playbook(
        PlaybookRun(
            playbook=_PLAYBOOK,
            inventory=context.inventory,
            hosts=hosts,
            values={
                "run": claim(
                    run,
                    OPERATION,
                    "take the emergency back",
                    step="revert",
                    lease=times.timeout,
                    policy_digest=context.policy.digest,
                    holder=context.holder,
                ),
                "hosts": {host: {"force": force, "keep": keep} for host in hosts},
            },
            timeout=times.timeout,
            marker=run,
        ),
        on_event=context.on_event,
        cancel=context.cancel,
    )
    _raise_failure(outcome)
    sentences = {host: str(_ending(result).get("sentence", "")) for host, result in sorted(outcome.hosts.items())}
    now = context.clock()
    context.journal.record_event(now, "emergency", f"Emergency ended: {'; '.join(sentences.values())}", run=run)
    incident = context.journal.incident(run)
    if incident is not None:
        closed = incident.with_moment(now, f"{owner()} ended it: {'; '.join(dict.fromkeys(sentences.values()))}")
        context.journal.record_incident(closed.model_copy(update={"closed_at": now, "closed_by": owner()}))
    return sentences


def _raise_failure(outcome: PlaybookOutcome) -> None:
    if outcome.status == "cancelled":
        raise CancelledError("Cancelled; the emergency ends by itself when its time is over.")
    outcome.refuse_unrun()
    bad = {name: host for name, host in sorted(outcome.hosts.items()) if host.status != "ok"}
    sentences = "; ".join(
        f"{name}: {(_ending(host).get('sentence') or host.message).rstrip('.')}" for name, host in bad.items()
    )
    for host in bad.values():
        if any(answer.get("acquired") is False for answer in host.results.values()):
            raise LockedError(f"{sentences}.", remedy="wait until it ends")
        if _ending(host).get("refused"):
            raise RefusedError(
                f"{sentences}.",
                rule="X-17",
                override="--force",
                remedy="--force puts it back all the same, --keep leaves it",
            )
    if any(host.status != "failed" for host in bad.values()):
        raise HostUnreachableError(f"{sentences}.", remedy="it ends there by itself when its time is over")
    if bad:
        raise RollbackFailedError(f"{sentences}.", remedy="try again; the host itself tries when its time is over")


def _ending(host: HostOutcome) -> dict[str, Any]:
    return next((dict(result) for result in reversed(list(host.results.values())) if "ended" in result), {})


def validate_emergency(context: Context, observation: Observation | None = None) -> Validation:
    """Compare with the readings at the beginning, and record the verdict with the incident (EPB-3).

    Raises ``UsageError`` when this journal knows no emergency.
    """
    observation = observation or context.observe()
    refuse_blindness(observation)
    record_ended_emergencies(context, observation)
    incident = newest_incident(context, observation)
    assessment = assess_seen(observation, context.policy).assessment
    verdict = validated(incident.before, assessment, observation, context.policy, at=observation.at)
    incident = incident.with_moment(observation.at, f"Validated: {verdict.sentence}.")
    context.journal.record_incident(incident.model_copy(update={"validations": (*incident.validations, verdict)}))
    return verdict


def newest_incident(
    context: Context, observation: Observation | None = None, incident_id: str | None = None
) -> Incident:
    """The incident of that ID, that of the emergency that is on, or the newest. Raises ``UsageError`` for none."""
    active = open_emergencies(observation) if observation and incident_id is None else ()
    incident = context.journal.incident(incident_id or (active[0].run if active else None))
    if incident is None:
        raise UsageError("This journal knows no emergency.", remedy="use the journal of the machine that began it")
    return incident


def acknowledge(context: Context, incident_id: str | None = None) -> Incident:
    """Somebody has taken it on; nobody else is told any more (EMN-02). Twice keeps the first time."""
    incident = newest_incident(context, None, incident_id)
    if incident.acknowledged_at is None:
        now, who = context.clock(), owner()
        incident = incident.with_moment(now, f"{who} has taken it on.")
        incident = incident.model_copy(update={"acknowledged_at": now, "acknowledged_by": who})
        context.journal.record_incident(incident)
        for subject in filter(None, (incident.id, incident.subject)):
            context.journal.record_event(now, ACKNOWLEDGED, f"{subject} was acknowledged by {who}.", run=subject)
    return incident
