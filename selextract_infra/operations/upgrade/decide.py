"""Whether a server's hardware is to be upgraded now: order, target, what speaks for it (VP-00, X-54, X-59, X-60)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from selextract_infra.assess.hardware import phase_id
from selextract_infra.assess.overrides import Overrides
from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.model.decision import Decision, Verdict
from selextract_infra.model.figures import percent
from selextract_infra.model.finding import Finding, RuleClass, Severity
from selextract_infra.model.observation import HostFacts, HostObservation
from selextract_infra.model.upgrade import PHASES, size_text
from selextract_infra.operations.upgrade.evidence import evidence_of
from selextract_infra.operations.upgrade.smallest_size import smallest_size

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["UpgradeDecided", "decide_upgrade", "disk_seen", "misses", "read_phase", "size_seen"]


@dataclass(frozen=True)
class UpgradeDecided:
    """The decision, what is to be said about it, and the rules that were overridden for it."""

    decision: Decision
    findings: tuple[Finding, ...]
    overrides: tuple[str, ...]


def read_phase(text: str, policy: Policy) -> str:
    """The vertical phase that a word names: ``memory``, ``VP1``, ``vertical.memory``.

    Raises ``RefusedError`` for a phase by its number, which the guide gives to three different things (X-60), and
    ``UsageError`` for any other word.
    """
    word = " ".join(text.lower().split())
    names = {phase: phase for phase in PHASES}
    names |= {f"vertical.{phase}": phase for phase in PHASES}
    names |= {phase_id(phase, policy).lower(): phase for phase in PHASES}
    if word in names:
        return names[word]
    number = word.removeprefix("phase").strip()
    if number.isdigit():
        raise RefusedError(
            f"“{text}” may be a phase of the vertical path, of the roadmap or of the regions, all called so in the"
            " guide (X-60).",
            rule="X-60",
            remedy=f"say which: {', '.join(f'{phase} ({phase_id(phase, policy)})' for phase in PHASES)}",
        )
    raise UsageError(f"“{text}” is no phase of an upgrade; there are {', '.join(PHASES)}.")


def disk_seen(facts: HostFacts) -> float | None:
    """The size of the disk under the app's data, whatever its file system makes of it; None where it is unknown."""
    return float(facts.data_disk) if facts.data_disk else None


def size_seen(resource: str, facts: HostFacts) -> float | None:
    """What the host has of that resource by its own facts; None where it does not know."""
    data = facts.disk_total if facts.data_total is None else facts.data_total
    size = {"memory": facts.memory, "cpu": facts.cpus, "storage": data, "network": facts.network_speed}[resource]
    return float(size) if size else None


def misses(resource: str, facts: HostFacts, size: float, policy: Policy) -> str | None:
    """Why the facts do not show that size, None where they do or the host does not know.

    Kernel and file system keep a part for themselves; cores must match (DRV-08).
    """
    now = size_seen(resource, facts)
    if now is None:
        return None if resource == "network" else f"its {resource} is unknown"
    tolerance = {"memory": policy.facts.memory, "storage": policy.facts.storage}.get(resource, 1.0)
    if now >= size * tolerance:
        return None
    return f"it has {size_text(resource, now)} instead of {size_text(resource, size)}"


def decide_upgrade(
    host: HostObservation,
    resource: str,
    policy: Policy,
    *,
    before: float | None = None,
    target: float | None = None,
    overrides: Collection[str] = (),
) -> UpgradeDecided:
    """Whether the host gets ``target`` of that resource; KEEP where it has it.

    By default the target is what the guide says, and where its sizes are not assumed the smallest that ends the reason.

    ``before`` is what it has by its provider's books, by default what its facts show. Raises ``RefusedError`` where an
    earlier phase is not done (VP-00, can be overridden) or the target is less than what there is (X-54).
    """
    rules = Overrides(overrides)
    now = before if before is not None else size_seen(resource, host.facts)
    planned = policy.holds(f"vertical.phases.{resource}.size.after")
    if target is None and not planned:
        target = smallest_size(host, resource, policy)
        if target is None:
            return _unasked(host, resource, now, policy)
    wanted = target if target is not None else float(getattr(policy.vertical.phases, resource).size.after)
    item = phase_id(resource, policy)
    if target is not None and target < (now or 0):
        rules.refuse_always(
            f"{host.name} has {size_text(resource, now)}, and {size_text(resource, target)} would be less;"
            " hardware is never shrunk",
            "X-54",
        )
    size = size_seen(resource, host.facts)
    shown = size is not None and misses(resource, host.facts, wanted, policy) is None
    if resource == "storage" and size is not None and not shown:
        now = size  # a disk that has grown already is of no use before its file system has
    reached = shown or (now or 0) >= wanted
    if not reached and planned:
        _refuse_order(host, resource, policy, rules)
    decision = Decision(
        host=host.name,
        resource=resource,
        verdict=Verdict.KEEP if reached else Verdict.RAISE,
        rule=item,
        current=now,
        requested=wanted,
        granted=now if reached else wanted,
        current_text=size_text(resource, now),
        granted_text=size_text(resource, now if reached else wanted),
        why=_why_not(host, resource, wanted, policy) if reached else _why(host, resource, item, policy),
        numbers={"target": wanted, **({"gain_ratio": round(wanted / now - 1, 4)} if now else {})},
    )
    findings = tuple((_unseen if reached else _findings)(host, resource, now, wanted, policy))
    return UpgradeDecided(decision, findings, tuple(rules.used))


def _refuse_order(host: HostObservation, resource: str, policy: Policy, rules: Overrides) -> None:
    for earlier in PHASES[: PHASES.index(resource)]:
        size = float(getattr(policy.vertical.phases, earlier).size.after)
        problem = misses(earlier, host.facts, size, policy)
        if problem:
            rules.refuse(
                f"{phase_id(earlier, policy)} ({earlier}) comes before {phase_id(resource, policy)} ({resource}), and"
                f" of {host.name} {problem.replace('it has', 'is known that it has')}",
                "VP-00",
                remedy=f"upgrade {earlier} first",
            )


def _unasked(host: HostObservation, resource: str, now: float | None, policy: Policy) -> UpgradeDecided:
    """Nothing shows a reason, and nobody named a size: nothing is to be done."""
    evidence = evidence_of(host, resource, policy)
    reason = "No size of vertical.sizes is enough" if evidence.short else "Nothing shows that more is needed"
    size = size_text(resource, now)
    decision = Decision(
        host=host.name,
        resource=resource,
        verdict=Verdict.KEEP,
        rule=phase_id(resource, policy),
        current=now,
        requested=now,
        granted=now,
        current_text=size,
        granted_text=size,
        why=f"{evidence.sentence} {reason}; --to SIZE names one.",
    )
    return UpgradeDecided(decision, (), ())


def _why(host: HostObservation, resource: str, item: str, policy: Policy) -> str:
    if not policy.holds(f"vertical.phases.{resource}.window"):
        return (
            f"{evidence_of(host, resource, policy).sentence} This is the smallest size that ends it, or what was named."
        )
    phase = getattr(policy.vertical.phases, resource)
    first, last = phase.window.start, phase.window.end
    return f"{item}, due between month {first} and month {last} of the programme."


def _why_not(host: HostObservation, resource: str, wanted: float, policy: Policy) -> str:
    """Why nothing is to be done: it has that size, or it has it by its provider's books alone."""
    size, item = size_text(resource, wanted), phase_id(resource, policy)
    if size_seen(resource, host.facts) is None or misses(resource, host.facts, wanted, policy) is None:
        return f"{item} wants {size}, and it has them."
    return f"{item} wants {size}, and it has them by its provider's books."


def _unseen(
    host: HostObservation, resource: str, now: float | None, wanted: float, policy: Policy
) -> Iterator[Finding]:
    """That a host does not show what its provider's books say of it."""
    missing = misses(resource, host.facts, wanted, policy)
    if missing and size_seen(resource, host.facts) is not None:
        yield Finding(
            rule="DRV-08",
            severity=Severity.MAJOR,
            rule_class=RuleClass.REPORT,
            subject=f"{host.name} {resource}",
            sentence=f"The provider's books say {size_text(resource, now)} for the {resource} of {host.name}, and"
            f" {missing}.",
            resolution="a reboot may be missing",
        )


def _findings(
    host: HostObservation, resource: str, now: float | None, wanted: float, policy: Policy
) -> Iterator[Finding]:
    benefit = getattr(policy.vertical.phases, resource).benefit
    claimed = policy.holds(f"vertical.phases.{resource}.benefit.change")
    if claimed and now and abs(wanted / now - 1 - benefit.change) > 0.005:
        yield Finding(
            rule="X-48" if resource == "network" else "VP-00", severity=Severity.MINOR, rule_class=RuleClass.FIX,
            subject=f"{host.name} {resource}",
            sentence=f"From {size_text(resource, now)} to {size_text(resource, wanted)} is"
            f" +{percent(wanted / now - 1)}; the guide says +{percent(benefit.change)}.",
            numbers={"gain_ratio": round(wanted / now - 1, 4), "claimed_ratio": benefit.change},
        )  # fmt: skip
    evidence = evidence_of(host, resource, policy)
    numbers: dict[str, float | int | str] = dict(evidence.numbers)
    yield Finding(
        rule="X-59", subject=f"{host.name} {resource}", numbers=numbers,
        severity=Severity.INFO if evidence.short else Severity.MAJOR,
        rule_class=RuleClass.REPORT if evidence.short else RuleClass.WARN,
        sentence=(f"{evidence.sentence} So the upgrade has a reason." if evidence.short else
                  f"{evidence.sentence} So nothing shows yet that this upgrade brings anything."),
        resolution="" if evidence.short else "look at assess and forecast first, or go on knowingly",
    )  # fmt: skip
