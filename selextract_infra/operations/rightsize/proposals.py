"""What one service should have, before anybody asks whether the host has it: CPU and memory from its own history.

Memory follows the highest working set, CPU a high percentile of its buckets; both get the guide's headroom (REC-03).
The rules and their numbers are ``policy.rightsizing``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from selextract_infra.assess.service import Service
from selextract_infra.model.decision import Verdict
from selextract_infra.model.figures import cores, count, duration, memory, percent
from selextract_infra.model.finding import Severity
from selextract_infra.operations.rightsize.floors import Floor

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["LimitProposal", "Numbers", "cpu_wish", "memory_wish", "rounded_up", "too_thin"]

Numbers = dict[str, float | int | str]

_NEARLY = 1e-6
"""Share of a step by which a value may exceed it and still be that step: what rounding to whole bytes leaves over."""


@dataclass(frozen=True, slots=True)
class LimitProposal:
    """One wanted value, in bytes or cores. ``want`` equals ``now`` where nothing should change.

    ``right`` is the right size by the rules alone, None where it is unknown; where something else decides (never
    reduced unasked, too young), ``why_less`` says what. ``in_place`` is False where only a new container can have it.
    """

    service: Service
    resource: str
    verdict: Verdict
    rule: str
    now: float | None
    want: float | None
    right: float | None
    peak: float | None
    why: str
    why_less: str | None = None
    low: float | None = None
    high: float | None = None
    severity: Severity = Severity.INFO
    in_place: bool = True
    numbers: Numbers = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        """Whether it asks for another value than there is."""
        return self.want != self.now

    def kept(self, why_less: str, rule: str | None = None) -> LimitProposal:
        """The same, but left as it is now, and why."""
        return replace(self, verdict=Verdict.KEEP, want=self.now, why_less=why_less, rule=rule or self.rule)


@dataclass(frozen=True, slots=True)
class _Size:
    """A right size by one rule. ``only_up`` says why it may not be less than now, None where it may."""

    value: float
    low: float
    high: float
    rule: str
    why: str
    only_up: str | None = None

    def at_least(self, value: float, rule: str, why: str) -> _Size:
        """This size, or ``value`` by another rule where that is more."""
        if value <= self.value:
            return self
        return replace(self, value=value, high=max(self.high, value), rule=rule, why=why)


def rounded_up(value: float, step: float) -> float:
    """The smallest multiple of ``step`` that is not below ``value``."""
    return round(math.ceil(value / step - _NEARLY) * step, 6)


def too_thin(service: Service, policy: Policy) -> tuple[str, str] | None:
    """Why too little is known of a service, as a rule and a sentence; None where enough is."""
    rules, peaks = policy.rightsizing, service.peaks
    if not service.running:
        return "rightsizing.minimum_samples", "No container of it is running."
    if peaks.samples < rules.minimum_samples:
        return (
            "rightsizing.minimum_samples",
            f"Only {count(peaks.samples, 'sample')} of at least {rules.minimum_samples} are there."
            if peaks.samples
            else "Nothing of it was sampled yet.",
        )
    if peaks.coverage < rules.minimum_coverage:
        return (
            "rightsizing.minimum_coverage",
            f"Only {percent(peaks.coverage)} of its last {duration(peaks.life_seconds)} was sampled;"
            f" {percent(rules.minimum_coverage)} is needed.",
        )
    return None


def memory_wish(service: Service, policy: Policy, floor: Floor | None) -> LimitProposal:
    """The memory limit that a service should have (REC-03, RSZ-05), never below what it was seen to need.

    An OOM kill is reason enough to raise, however thin the data is, and forbids lowering.
    """
    rules, now = policy.rightsizing, service.memory
    peak = service.memory_peak
    numbers = _numbers(service) | {"peak_bytes": peak, "oom_kills": service.peaks.oom_kills}
    if now is not None:
        numbers |= {"limit_bytes": now, "usage_ratio": round(peak / max(now, 1), 4)}
    thin = too_thin(service, policy)
    if thin is not None and not service.oom_killed:
        return _unknown(service, "memory", now, peak, thin, numbers)
    size = _size_of_memory(service, peak, policy)
    if service.oom_killed:
        size = _after_oom(service, size, policy)
    elif service.peaks.cut_limit:
        cut = memory(service.peaks.cut_limit)
        size = replace(size, only_up=f"a limit of {cut} cut what it used in the window, so it gets no less")
    if floor is not None:
        numbers["floor_bytes"] = floor.bytes
        if floor.raises:
            size = size.at_least(floor.bytes, floor.rule, floor.why)
    size = size.at_least(
        rules.memory_floor, "rightsizing.memory_floor", f"No limit is below {memory(rules.memory_floor)}."
    )
    severity = Severity.MINOR
    if service.oom_killed:
        severity = Severity.BREAKING
    elif now is not None and peak >= policy.sizing.memory_trigger * now:
        severity = Severity.MAJOR
    return _concluded(service, "memory", now, peak, size, rules.memory_step, severity, policy, numbers)


def cpu_wish(service: Service, policy: Policy) -> LimitProposal:
    """The CPU limit that a service should have: the percentile of its buckets at the guide's utilisation (REC-03)."""
    rules, peaks, now = policy.rightsizing, service.peaks, service.cpus
    numbers = _numbers(service) | {
        "percentile_cores": round(peaks.cpu, 4),
        "highest_cores": round(peaks.cpu_highest, 4),
    }
    if now is not None:
        numbers |= {"limit_cores": now, "usage_ratio": round(peaks.cpu / max(now, _NEARLY), 4)}
    thin = too_thin(service, policy)
    if thin is not None:
        return _unknown(service, "cpus", now, peaks.cpu_highest, thin, numbers)
    utilisation = policy.sizing.utilisation
    size = _Size(
        value=peaks.cpu / utilisation,
        low=peaks.cpu_median / utilisation,
        high=peaks.cpu_highest / utilisation,
        rule="REC-03",
        why=f"Its p{rules.cpu_percentile * 100:g} of {cores(peaks.cpu)}{_share(peaks.cpu, now, utilisation)};"
        f" REC-03 allows {percent(utilisation)}.",
    )
    if rules.cpu_keeps_peak and now is not None and size.value < now:
        size = size.at_least(
            min(peaks.cpu_highest, now),
            "rightsizing.cpu_keeps_peak",
            f"Its highest bucket of {cores(peaks.cpu_highest)} would be throttled by less.",
        )
    # The reading of one look is a fraction of a second long: a reason to keep what there is, never one for more. On a
    # lab host our own look once took all of a cache's 0.25 cores, and each plan gave it more than the one before.
    in_use = service.cpu_use * (1 + rules.shrink_margin)
    size = size.at_least(
        in_use if now is None else min(in_use, now),
        "rightsizing.shrink_margin",
        f"It uses {cores(service.cpu_use)} right now; {percent(rules.shrink_margin)} more stays free.",
    )
    size = size.at_least(rules.cpu_floor, "rightsizing.cpu_floor", f"No limit is below {cores(rules.cpu_floor)}.")
    severity = Severity.MAJOR if now is not None and peaks.cpu >= now else Severity.MINOR
    return _concluded(service, "cpus", now, peaks.cpu_highest, size, rules.cpu_step, severity, policy, numbers)


def _numbers(service: Service) -> Numbers:
    peaks = service.peaks
    return {
        "instances": service.instances,
        "samples": peaks.samples,
        "coverage_ratio": round(peaks.coverage, 4),
        "life_seconds": round(peaks.life_seconds),
    }


def _share(value: float, limit: float | None, allowed: float) -> str:
    if limit is None:
        return " has no limit"
    share = value / max(limit, _NEARLY)
    # 60.04 % is written 60 %: without the word, "60 %; 60 % are allowed" would stand beside a change.
    more = "just above " if share > allowed and percent(share) == percent(allowed) else ""
    return f" is {more}{percent(share)} of the limit"


def _size_of_memory(service: Service, peak: int, policy: Policy) -> _Size:
    """The peak at the guide's utilisation, and never less than the peak with the margin."""
    utilisation = policy.sizing.utilisation
    with_margin = peak * (1 + policy.rightsizing.memory_margin)
    right = max(peak / utilisation, with_margin)
    share = _share(peak, service.memory, utilisation)
    why = f"The peak of {memory(peak)}{share}; REC-03 allows {percent(utilisation)}."
    return _Size(right, with_margin, right, "REC-03", why)


def _after_oom(service: Service, size: _Size, policy: Policy) -> _Size:
    """At least what an OOM kill asks for, from the limit in force when it happened; never less than now."""
    rules, peaks = policy.rightsizing, service.peaks
    needed = max(peaks.oom_memory, service.oom_limit or 0)
    bump = max(rules.oom_factor * needed, needed + rules.oom_step)
    why = f"{count(max(peaks.oom_kills, 1), 'OOM kill')} at {memory(needed)}; that much and more is needed."
    size = size.at_least(bump, "rightsizing.oom_factor", why)
    return replace(size, only_up="it was killed for want of memory in the window, so it gets no less")


def _unknown(
    service: Service, resource: str, now: float | None, peak: float, thin: tuple[str, str], numbers: Numbers
) -> LimitProposal:
    rule, why = thin
    used = peak if service.peaks.samples or peak else None
    return LimitProposal(service, resource, Verdict.UNKNOWN, rule, now, now, None, used, why, numbers=numbers)


def _concluded(
    service: Service,
    resource: str,
    now: float | None,
    peak: float,
    size: _Size,
    step: float,
    severity: Severity,
    policy: Policy,
    numbers: Numbers,
) -> LimitProposal:
    """From the right size to what is wanted: rounded, and left alone where a change is not worth it or not allowed."""
    rules = policy.rightsizing
    if now is None:
        size = _first(service, resource, size, peak, policy)
    right = rounded_up(max(size.value, step), step)
    near = now is not None and size.rule == "REC-03" and now < size.value <= now * (1 + rules.minimum_change)
    if now is not None and near:
        # A peak that creeps over 60 % by some bytes would be rounded up to a whole step more: on a lab host a frontend
        # went from 32 to 48 MB one minute after 32 MB had been found right.
        right = now
    low, high = min(rounded_up(size.low, step), right), max(rounded_up(size.high, step), right)
    wish = LimitProposal(
        service, resource, Verdict.SET, size.rule, now, right, right, peak, size.why,
        low=low, high=high, severity=severity, numbers=numbers,
    )  # fmt: skip
    if now is None:
        return _first_limit(wish, policy)
    if abs(right - now) <= rules.minimum_change * now:
        less = f"within {percent(rules.minimum_change)} of what it has" if near or right != now else None
        return replace(wish, verdict=Verdict.KEEP, want=now, severity=Severity.INFO, why_less=less)
    if right > now:
        return replace(wish, verdict=Verdict.RAISE)
    wish = replace(wish, verdict=Verdict.LOWER, severity=Severity.INFO)
    if size.only_up is not None:
        return wish.kept(size.only_up)
    if service.protected:
        return wish.kept("databases and caches are never reduced unasked")
    if _is_first(wish, policy):
        return wish.kept(f"its first limit, and {rules.first_limit:g} times its highest use is left as it is")
    return _too_young(wish, policy, "lowered") or wish


def _is_first(wish: LimitProposal, policy: Policy) -> bool:
    """Whether it is a first limit of ours that is still no more generous than one would be now."""
    definition = wish.service.definition
    if definition is None or definition.limit_form is not None or wish.peak is None or wish.now is None:
        return False
    step = policy.rightsizing.memory_step if wish.resource == "memory" else policy.rightsizing.cpu_step
    return wish.now <= rounded_up(policy.rightsizing.first_limit * wish.peak, step)


def _first(service: Service, resource: str, size: _Size, peak: float, policy: Policy) -> _Size:
    """A first limit takes away what a container could have without end, so it is generous."""
    times, most = policy.rightsizing.first_limit, memory(round(peak)) if resource == "memory" else cores(peak)
    known = duration(service.peaks.life_seconds)
    why = f"It has no limit. In {known} the most was {most}; a first limit is {times:g} times that."
    return size.at_least(times * peak, "rightsizing.first_limit", why)


def _first_limit(wish: LimitProposal, policy: Policy) -> LimitProposal:
    """A limit where there was none is less than before, so it waits for as much history as one that is lowered."""
    if wish.service.protected:
        return wish.kept("databases and caches are not limited unasked")
    return _too_young(wish, policy, "limited for the first time") or wish


def _too_young(wish: LimitProposal, policy: Policy, what: str) -> LimitProposal | None:
    """The wish left as it is where too little is known of the service; None where enough is."""
    life, needed = wish.service.peaks.life_seconds, policy.rightsizing.minimum_life
    if life >= needed:
        return None
    why = f"known for {duration(life)}; nothing known for less than {duration(needed)} is {what}"
    return wish.kept(why, "rightsizing.minimum_life")
