"""Values that somebody asked for: granted where every rule allows them, else refused with the numbers (RSZ-05, X-06).

An operator may override a rule about what is wise; nobody overrides what a container needs at this moment.
"""

from __future__ import annotations

from dataclasses import dataclass

from selextract_infra.assess.overrides import Overrides
from selextract_infra.assess.service import Service
from selextract_infra.errors import UsageError
from selextract_infra.model.decision import Verdict
from selextract_infra.model.figures import compared, cores, memory, percent
from selextract_infra.model.observation import HostFacts
from selextract_infra.operations.rightsize.floors import RESERVATION, Floor
from selextract_infra.operations.rightsize.proposals import LimitProposal, rounded_up, too_thin
from selextract_infra.policy import Policy

__all__ = ["INSISTED", "LimitRequest", "asked_cpus", "asked_memory"]

INSISTED = "overridden_rule"
"""Among the numbers of a Decision: the rule about its memory that the operator overrides (X-06)."""

_NEARLY = 1e-6


@dataclass(frozen=True, slots=True)
class LimitRequest:
    """What somebody asks for: one service, or values of it in bytes and cores; all None asks for everything."""

    service: str | None = None
    memory: int | None = None
    cpus: float | None = None

    @property
    def values(self) -> bool:
        """Whether values are asked for, not only a service."""
        return self.memory is not None or self.cpus is not None

    def check(self) -> None:
        """Raise ``UsageError`` for a value without a service, or one that is no amount."""
        if self.values and self.service is None:
            raise UsageError("A limit is asked for one service.", remedy="name the service")
        if self.memory is not None and self.memory <= 0:
            raise UsageError(f"A memory limit must be above zero, not {memory(self.memory)}.")
        if self.cpus is not None and not 0 < self.cpus < float("inf"):
            raise UsageError(f"A CPU limit must be above zero, not {self.cpus:g} cores.")


def asked_memory(
    service: Service, asked: int, facts: HostFacts, floor: Floor | None, policy: Policy, overrides: Overrides
) -> LimitProposal:
    """The asked memory limit. Raises ``RefusedError`` where a rule forbids it."""
    rules, now, peak = policy.rightsizing, service.memory, service.memory_peak
    where = f"{service.name} on {service.host}"
    if facts.memory and asked > facts.memory:
        overrides.refuse_always(f"{memory(asked)} for {where} is more than the host's {memory(facts.memory)}", "LIM-H2")
    if asked < rules.memory_floor:
        overrides.refuse_always(
            f"{memory(asked)} for {where} is below {memory(rules.memory_floor)}", "rightsizing.memory_floor"
        )
    if asked < service.memory_reservation:
        overrides.refuse_always(
            f"{memory(asked)} for {where} is below its reservation of {memory(service.memory_reservation)},"
            " which Docker refuses",
            RESERVATION,
            "lower the reservation in the app's Compose files first",
        )
    insisted = Overrides(overrides.given)
    if now is None or asked < now:
        _refuse_less(service, asked, floor, policy, insisted)
    overrides.used += [rule for rule in insisted.used if rule not in overrides.used]
    numbers: dict[str, float | int | str] = {
        **({INSISTED: "X-06"} if "X-06" in insisted.used else {}),
        "asked_bytes": asked,
        "peak_bytes": peak,
        "usage_ratio": round(peak / asked, 4),
        "instances": service.instances,
    }
    why = f"Asked for; the peak of {memory(peak)} is {percent(peak / asked)} of it."
    return LimitProposal(
        service, "memory", _verdict(now, asked), "RSZ-05", now, asked, asked, peak, why,
        low=rounded_up(peak * (1 + rules.memory_margin), rules.memory_step),
        high=rounded_up(peak / policy.sizing.utilisation, rules.memory_step), numbers=numbers,
    )  # fmt: skip


def asked_cpus(service: Service, asked: float, facts: HostFacts, policy: Policy, overrides: Overrides) -> LimitProposal:
    """The asked CPU limit. Raises ``RefusedError`` where a rule forbids it."""
    rules, now, peaks = policy.rightsizing, service.cpus, service.peaks
    where = f"{service.name} on {service.host}"
    if facts.cpus and asked > facts.cpus:
        overrides.refuse_always(f"{cores(asked)} for {where} are more than the host's {cores(facts.cpus)}", "LIM-H1")
    if asked < rules.cpu_floor:
        overrides.refuse_always(
            f"{cores(asked)} for {where} is below {cores(rules.cpu_floor)}", "rightsizing.cpu_floor"
        )
    if now is None or asked < now:
        _refuse_thin(service, f"{cores(asked)} for {where}", "RSZ-05", policy, overrides)
        allowed, share = policy.sizing.utilisation, peaks.cpu / asked
        used, most = compared(share, allowed, "ratio")
        if peaks.cpu > asked * (allowed + _NEARLY):
            right = rounded_up(peaks.cpu / allowed, rules.cpu_step)
            overrides.refuse(
                f"{cores(asked)} for {where} is too little: its p{rules.cpu_percentile * 100:g} of {cores(peaks.cpu)}"
                f" is {used} of that where REC-03 allows {most};"
                f" the right size is {cores(right)}",
                "RSZ-05",
                f"ask for {cores(right)}",
            )
    why = f"Asked for; its p{rules.cpu_percentile * 100:g} of {cores(peaks.cpu)} is {percent(peaks.cpu / asked)} of it."
    numbers: dict[str, float | int | str] = {
        "asked_cores": asked,
        "percentile_cores": round(peaks.cpu, 4),
        "usage_ratio": round(peaks.cpu / asked, 4),
        "instances": service.instances,
    }
    return LimitProposal(
        service, "cpus", _verdict(now, asked), "RSZ-05", now, asked, asked, peaks.cpu_highest, why,
        low=rounded_up(peaks.cpu, rules.cpu_step),
        high=rounded_up(peaks.cpu_highest / policy.sizing.utilisation, rules.cpu_step), numbers=numbers,
    )  # fmt: skip


def _verdict(now: float | None, asked: float) -> Verdict:
    if now is None:
        return Verdict.SET
    return Verdict.KEEP if asked == now else Verdict.RAISE if asked > now else Verdict.LOWER


def _refuse_less(service: Service, asked: int, floor: Floor | None, policy: Policy, overrides: Overrides) -> None:
    """The rules about giving a service less memory than it has."""
    rules, peak = policy.rightsizing, service.memory_peak
    what = f"{memory(asked)} for {service.name} on {service.host}"
    in_use = service.memory_use * (1 + rules.shrink_margin)
    if asked < in_use:
        overrides.refuse_always(
            f"{what} is less than the {memory(service.memory_use)} it uses right now and"
            f" {percent(rules.shrink_margin)} more",
            "rightsizing.shrink_margin",
            f"ask for {memory(rounded_up(in_use, rules.memory_step))} or more",
        )
    rule = "X-06" if service.role == "api" else "RSZ-05"
    allowed = policy.sizing.utilisation
    if peak > asked * (allowed + _NEARLY):
        right, share = rounded_up(peak / allowed, rules.memory_step), peak / asked
        trigger = policy.sizing.memory_trigger
        used, _ = compared(share, allowed, "ratio")
        free, wanted = compared(1 - share, 1 - allowed, "ratio")
        met = f", which meets the memory trigger of {percent(trigger)}" if share >= trigger - _NEARLY else ""
        overrides.refuse(
            f"{what} is too little: the peak of {memory(peak)} is {used} of it{met} and leaves"
            f" {free} headroom where REC-03 asks for {wanted};"
            f" the right size is {memory(right)}",
            rule,
            f"ask for {memory(right)}",
        )
    _refuse_thin(service, what, rule, policy, overrides)
    if service.oom_killed:
        overrides.refuse(f"{what} is less than it has, and it was killed for want of memory", "rightsizing.oom_factor")
    if floor is not None and asked < floor.bytes:
        overrides.refuse(
            f"{what} is below its floor of {memory(floor.bytes)}: {floor.why[0].lower()}{floor.why[1:].rstrip('.')}",
            floor.rule,
            f"ask for {memory(rounded_up(floor.bytes, rules.memory_step))}",
        )


def _refuse_thin(service: Service, what: str, rule: str, policy: Policy, overrides: Overrides) -> None:
    thin = too_thin(service, policy)
    if thin is not None:
        reason = thin[1]
        overrides.refuse(
            f"{what} is less than it has, and its peak is unknown: {reason[0].lower()}{reason[1:].rstrip('.')}",
            rule,
            "wait until enough was sampled",
        )
