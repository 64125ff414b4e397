"""Operations that are one playbook on every host of the fleet: freeze, unlock, preempt, sampler, uninstall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from selextract_infra.errors import (
    CancelledError,
    HostUnreachableError,
    LockedError,
    SelextractError,
    StepFailedError,
    UsageError,
)
from selextract_infra.flow.context import Context
from selextract_infra.hosts.identity import claim, new_run_id
from selextract_infra.hosts.runner import HostOutcome, PlaybookOutcome, PlaybookRun, run_playbook

__all__ = [
    "ask_for_hosts",
    "everywhere",
    "freeze",
    "install_sampler",
    "known_projects",
    "let_hosts_go",
    "question_of_uninstall",
    "raise_worst",
    "uninstall",
    "unlock",
]

_BOUND_SECONDS = 600.0
_DAY_SECONDS = 86_400


def freeze(context: Context, *, frozen: bool, reason: str) -> tuple[str, ...]:
    """Stop automatic scaling on every host, durably, or allow it again; returns the hosts where that was a change."""
    word = "freeze" if frozen else "unfreeze"
    return everywhere(context, "freeze", {"frozen": frozen, "reason": reason}, word, reason)


def unlock(context: Context, *, reason: str) -> tuple[str, ...]:
    """Remove the lock of every host where no unfinished Run owns it; returns the hosts that were locked.

    Raises ``LockedError`` for a lock that belongs to an unfinished Run: that is resumed or rolled back.
    """
    return everywhere(context, "unlock", {"reason": reason}, "unlock", reason)


def ask_for_hosts(context: Context, *, operation: str, reason: str, seconds: float) -> None:
    """Ask for every host for something urgent, for at most some seconds; see ``preemption.make_way``."""
    values = {"asked": True, "operation": operation, "reason": reason, "seconds": seconds}
    everywhere(context, "preempt", values, "preempt", reason)


def let_hosts_go(context: Context) -> None:
    """Take such a request back on every host."""
    everywhere(context, "preempt", {"asked": False}, "preempt", "the urgent work has ended")


def install_sampler(context: Context) -> tuple[str, ...]:
    """Install or update the Sampler on every host; returns the hosts that changed."""
    rules = context.policy.rightsizing
    lengths = {"interval": rules.interval, "bucket": rules.bucket, "days": ceil(rules.window / _DAY_SECONDS)}
    return everywhere(context, "sampler", lengths, "sampler", "install the sampler")


def known_projects(context: Context) -> dict[str, tuple[str, ...]]:
    """By host, the Projects that something of ours is kept of; a host that cannot be reached is left out."""
    try:
        observation = context.observe()
    except HostUnreachableError:  # whatever is done with them next says so by name
        return {}
    return {host.name: tuple(host.state.get("projects") or ()) for host in observation.hosts}


def uninstall(context: Context, *, project: str | None = None, named: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Take what is ours off every host; the app's containers and files stay as they are without us.

    With ``project`` only what is for that one. Without it everything; ``named`` are the Projects that whoever asked
    agreed to, and a host that has others besides is refused. Returns the hosts where something was taken off.
    """
    values = {"project": project, "named": list(named)}
    purpose = "take selextract-infra off the host" if project is None else f"take off what is for {project}"
    return everywhere(context, "uninstall", values, "uninstall", purpose)


def question_of_uninstall(hosts: Sequence[str], known: Mapping[str, Sequence[str]], project: str | None) -> str:
    """What somebody agrees to: every host, and every Project on it. Raises ``UsageError`` for one that nobody knows."""
    names = sorted({name for projects in known.values() for name in projects})
    if project is None:
        several = [f"{host} has {', '.join(known[host])}" for host in hosts if len(known.get(host, ())) > 1]
        about = f" This is for every project: {'; '.join(several)}." if several else ""
        return f"Take everything of selextract-infra off {', '.join(hosts)}?{about}"
    if project not in names:
        raise UsageError(
            f"Nothing of ours is kept for {project}; there is something for {', '.join(names) or 'no project'}."
        )
    places = [host for host in hosts if project in known.get(host, ())]
    return f"Take what is for {project} off {', '.join(places)}, and nothing else?"


def everywhere(
    context: Context, playbook: str, values: Mapping[str, Any], operation: str, purpose: str
) -> tuple[str, ...]:
    """Run one playbook with the same values on every host; returns the hosts that changed, raises the worst failure."""
    now = context.clock()
    run_id = new_run_id(now)
    hosts = tuple(host.name for host in context.inventory.hosts)
    context.journal.record_event(now, operation, f"{operation} on {', '.join(hosts)}: {purpose}", run=run_id)
    outcome = run_playbook(
        PlaybookRun(
            playbook=f"selextract.infra.{playbook}",
            inventory=context.inventory,
            hosts=hosts,
            values={
                "run": claim(
                    run_id,
                    operation,
                    purpose,
                    step=operation,
                    lease=_BOUND_SECONDS,
                    policy_digest=context.policy.digest,
                ),
                "hosts": context.host_values(values),
            },
            timeout=_BOUND_SECONDS,
        ),
        on_event=context.on_event,
        cancel=context.cancel,
    )
    raise_worst(outcome)
    return tuple(sorted(name for name, host in outcome.hosts.items() if host.changed))


def raise_worst(outcome: PlaybookOutcome) -> None:
    """Raise the worst of what went wrong on the hosts of a playbook; nothing where all went well."""
    if outcome.status == "cancelled":
        raise CancelledError("Cancelled; the work on the hosts was stopped.")
    failed = {name: host for name, host in sorted(outcome.hosts.items()) if host.status != "ok"}
    refusals = [_named(name, host) for name, host in failed.items() if _refused(host)]
    if refusals:  # then the others gave their lock back and did nothing
        raise LockedError("; ".join(refusals) + ".")
    failures: dict[type[SelextractError], list[str]] = {}
    for name, host in failed.items():
        kind = StepFailedError if host.status == "failed" else HostUnreachableError
        failures.setdefault(kind, []).append(_named(name, host))
    for kind in (StepFailedError, HostUnreachableError):
        if kind in failures:
            raise kind("; ".join(failures[kind]) + ".")


def _refused(host: HostOutcome) -> bool:
    return any(result.get("acquired") is False for result in host.results.values())


def _named(name: str, host: HostOutcome) -> str:
    message = host.message.rstrip(".")
    return message if message.startswith(f"{name}:") else f"{name}: {message}"
