"""The guide's circuit breaker, run as it is written (X-21)."""

from __future__ import annotations

from dataclasses import dataclass

from selextract_infra.defects.rule import Breach, rule
from selextract_infra.model.finding import RuleClass, Severity
from selextract_infra.policy.model import Policy
from selextract_infra.policy.schema.operation import Breaker
from selextract_infra.policy.schema.system import Host

REJECTED = 10


@dataclass(slots=True)
class _GuideBreaker:
    """The guide's program, step by step, with an imagined clock."""

    breaker: Breaker
    failures: int = 0
    opened: bool = False
    scalings: int = 0

    def fail(self) -> None:
        """One failing call while it is closed."""
        if not self.breaker.guide_program.defines_failure_handler:
            return
        self.failures += 1
        if self.failures >= self.breaker.thresholds.failures and not self.opened:
            self.opened = True
            self.scalings += self.breaker.guide_program.scales_on == "opening"

    def reject(self) -> None:
        """One call while it is open."""
        self.scalings += self.breaker.guide_program.scales_on == "rejection"


def _faults(breaker: Breaker) -> list[str]:
    program, faults = breaker.guide_program, []
    never = _GuideBreaker(breaker)
    for _ in range(2 * breaker.thresholds.failures):
        never.fail()
    if not never.opened:
        faults.append("never opens, because nothing handles a failure")
    if not (program.initialises_failure_time and program.imports_clock):
        faults.append("reads a time that was never set")
    if program.scales_on == "rejection":
        faults.append(f"scales out {_scalings(breaker)} times for {REJECTED} refused calls")
    if program.resets_count_on_success != "always":
        faults.append("counts failures across successes")
    if program.probes_while_half_open is None:
        faults.append("lets everything through while half open")
    if program.clock == "wall":
        faults.append("trusts the wall clock")
    if not program.locks:
        faults.append("has no lock")
    return faults


def _scalings(breaker: Breaker) -> int:
    """How often it scales out while it refuses calls, once it is open."""
    opened = _GuideBreaker(breaker, opened=True)
    for _ in range(REJECTED):
        opened.reject()
    return opened.scalings


@rule(
    "X-21",
    "the circuit breaker does not work",
    Severity.BREAKING,
    RuleClass.FIX,
    subject="breaker",
    items="CB-01 CB-02 CB-03 CB-04 CB-05 CB-06 EMA-01",
    resolution="Failures in a row, one scaling for each opening, one probe while half open, a monotonic clock, a lock.",
)
def circuit_breaker(policy: Policy, _: Host) -> Breach | None:
    """The guide's program calls a handler that it does not define, so its first failure hides the real error and it
    never opens. If it did, every refused call would scale out once more.
    """
    breaker = policy.emergency.breaker
    faults = _faults(breaker)
    if not faults:
        return None
    factor, floor = policy.emergency.actions.api.factor, policy.scaling.api.instances.minimum
    scalings = _scalings(breaker)
    return Breach(
        f"it {', '.join(faults)}; unbounded, {floor} instances would become {floor * factor**scalings:g}.",
        {
            "faults": len(faults),
            "refused_calls": REJECTED,
            "scalings": scalings,
            "unbounded_instances": floor * factor**scalings,
            "failures": breaker.thresholds.failures,
        },
    )
