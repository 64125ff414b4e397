"""Retuning workers and API where they run: each setting against the variable that the mapping names for it.

What the mapping names no variable for is told by name and left alone, and so is what only a Compose file of the app's
own can say.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from selextract_infra.assess.guide_app import why_no_figures
from selextract_infra.assess.postgres.proposal import Subject
from selextract_infra.assess.service import Service
from selextract_infra.assess.traffic import measured_rate
from selextract_infra.errors import RefusedError
from selextract_infra.model.decision import Decision, Verdict
from selextract_infra.model.figures import KB
from selextract_infra.model.finding import Finding, RuleClass, Severity
from selextract_infra.model.observation import HostObservation
from selextract_infra.model.postgres import Unit
from selextract_infra.model.tuning import ApiFacts, ServiceSetting, ServiceTuning, WorkerFacts
from selextract_infra.operations.tune.api import tune_api
from selextract_infra.operations.tune.workers import PROCESSES, tune_workers
from selextract_infra.policy.schema.system import SystemProfile

if TYPE_CHECKING:
    from selextract_infra.policy import Policy
    from selextract_infra.policy.schema.rules import ServiceEnvironment

__all__ = ["STOP_GRACE", "TUNED_ROLES", "WorkloadHints", "retune_service", "variable_of"]

TUNED_ROLES = ("worker", "api")
STOP_GRACE = "stop_grace_period"
_VARIABLES = {
    "concurrency": "concurrency",
    "browser_instances": "browsers",
    "prefetch_multiplier": "prefetch",
    "max_memory_per_child": "task_memory",
    "visibility_timeout": "visibility_timeout",
    "worker_processes": "concurrency",
    "max_requests": "max_requests",
    "max_requests_jitter": "max_requests_jitter",
}
"""By setting, the key of the mapping's ``environment`` that names its variable."""


@dataclass(frozen=True)
class WorkloadHints:
    """What the operator said of the work; None leaves it to the mapping, then to what is usual."""

    task_seconds: float | None = None
    longest_task: float | None = None
    visibility_timeout: float | None = None
    requests_per_second: float | None = None


def retune_service(
    host: HostObservation, service: Service, policy: Policy, asked: WorkloadHints
) -> tuple[tuple[Decision, ...], tuple[Finding, ...]]:
    """What becomes of each setting of one service whose role is among ``TUNED_ROLES``.

    Raises RefusedError where not even one task fits into a worker's memory (X-08).
    """
    subject = Subject(host.name, service.project, service.name)
    unknown = why_no_figures(policy.application.services[service.name], service.role, policy)
    if unknown is not None:
        return (), (_without_figures(host, service, unknown),)
    memory = int(service.lowest_limit("memory") or host.facts.memory)
    cpus = service.lowest_limit("cpus") or float(host.facts.cpus)
    try:
        measured = measured_rate(host, service.name, policy) if policy.profile is SystemProfile.OWN else None
        asked = replace(asked, requests_per_second=asked.requests_per_second or measured)
        tuning = _tuning(service, memory, cpus, policy, asked, subject)
    except RefusedError as refused:
        raise RefusedError(
            f"{service.name} on {host.name}: {refused}", rule=refused.rule, remedy=refused.remedy
        ) from refused
    mapped = policy.application.services[service.name].environment
    decisions = tuple(
        _decision(setting, service, mapped, tuning, subject) for setting in tuning.settings if _is_ours(setting)
    )
    differing = _differing(asked.requests_per_second, policy, subject) if service.role == "api" else ()
    more = (*differing, *_grace_findings(decisions, service), *_connection_findings(decisions, service, host, policy))
    return decisions, (*tuning.findings, *more)


def _differing(rate: float | None, policy: Policy, subject: Subject) -> tuple[Finding, ...]:
    """That what was measured is not what the team's own policy assumes; the measured figure is reckoned with."""
    assumed = policy.baseline.api.throughput
    own = policy.profile is SystemProfile.OWN and policy.holds("baseline.api.throughput")
    if rate is None or not own or assumed.low <= rate <= assumed.high:
        return ()
    return (
        Finding(
            rule="baseline.api.throughput",
            severity=Severity.MINOR,
            rule_class=RuleClass.REPORT,
            subject=f"{subject.host}/{subject.service}",
            sentence=f"{rate:g} requests/s are measured, and the policy assumes {assumed.low:g} to {assumed.high:g}.",
            numbers={"measured_per_second": rate, "low_per_second": assumed.low, "high_per_second": assumed.high},
            resolution="What was measured is reckoned with; correct baseline.api.throughput in the policy.",
        ),
    )


def _without_figures(host: HostObservation, service: Service, why: str) -> Finding:
    """What is not judged, because nobody knows what one of its tasks, or of its processes, needs."""
    way = {
        "api": "set its processes by hand, by what one of them is seen to use",
        "worker": "set its concurrency by hand; where each task drives a browser, map the variable for their number"
        " (environment.browsers)",
    }
    return Finding(
        rule="X-08",
        severity=Severity.INFO,
        rule_class=RuleClass.REPORT,
        subject=f"{host.name}/{service.name}",
        sentence=f"{service.name} on {host.name} is left as it is: {why}, and the guide's figures are of another app.",
        resolution=way[service.role],
    )


def variable_of(setting: str, mapped: ServiceEnvironment) -> str | None:
    """The variable that the mapping names for a setting, None where it names none."""
    key = _VARIABLES.get(setting)
    return getattr(mapped, key) if key else None


def _is_ours(setting: ServiceSetting) -> bool:
    return setting.name in _VARIABLES or setting.name == STOP_GRACE


def _tuning(
    service: Service, memory: int, cpus: float, policy: Policy, asked: WorkloadHints, subject: Subject
) -> ServiceTuning:
    mapped = policy.application.services[service.name]
    if service.role == "api":
        runtime = mapped.runtime if mapped.runtime in ("python", "jvm") else None
        rate = asked.requests_per_second
        api: ApiFacts = ApiFacts(
            memory=memory, cpus=cpus, instances=service.instances, requests_per_second=rate, runtime=runtime
        )
        return tune_api(api, policy, subject=subject)
    pools = [container.worker_pool for container in service.running]
    facts: WorkerFacts = WorkerFacts(
        memory=memory,
        cpus=cpus,
        instances=service.instances,
        task_seconds=asked.task_seconds or mapped.task,
        longest_task=asked.longest_task or mapped.longest_task,
        stop_grace=_grace(service),
        visibility_timeout=asked.visibility_timeout or mapped.visibility_timeout,
        pool=next((pool for pool in pools if pool not in (None, *PROCESSES)), None),
    )
    return tune_workers(facts, policy, subject=subject)


def _decision(
    setting: ServiceSetting, service: Service, mapped: ServiceEnvironment, tuning: ServiceTuning, subject: Subject
) -> Decision:
    wish = next((decision for decision in tuning.decisions if decision.resource == setting.name), None)
    wanted = _as_written(setting)
    variable = variable_of(setting.name, mapped)
    now = _grace(service) if setting.name == STOP_GRACE else _in_force(service, variable, wanted)
    decision = wish or Decision(
        host=subject.host, project=subject.project, service=subject.service, resource=setting.name,
        verdict=Verdict.SET, rule=setting.rule, why=f"{setting.why[:1].upper()}{setting.why[1:]}.",
    )  # fmt: skip
    verdict, less = _verdict(setting, now, wanted, variable)
    if less is None and wish is not None and wish.why_less:
        less = wish.why_less.rstrip(".")
    left = verdict in (Verdict.REFUSED, Verdict.KEEP)
    return decision.model_copy(
        update={
            "verdict": verdict,
            "current": now,
            "granted": now if left else wanted,
            "why_less": less,
            "numbers": {**decision.numbers, "wanted": wanted, **({"variable": variable} if variable else {})},
        }
    )


def _verdict(
    setting: ServiceSetting, now: float | None, wanted: float, variable: str | None
) -> tuple[Verdict, str | None]:
    if setting.name == STOP_GRACE:
        if now is not None and now >= wanted:
            return Verdict.KEEP, None
        return Verdict.REFUSED, f"{wanted:g} s are needed, and only the app's own Compose file sets it"
    if variable is None:
        return Verdict.REFUSED, f"{wanted:g} would be right, but the mapping names no variable for it"
    if now is None:
        return Verdict.SET, None
    if now == wanted:
        return Verdict.KEEP, None
    return (Verdict.RAISE if wanted > now else Verdict.LOWER), None


def _as_written(setting: ServiceSetting) -> float:
    """The number as the variable takes it: bytes in kB, as Celery counts them."""
    value = float(setting.value)
    value = value // KB if setting.unit is Unit.BYTES else value
    return int(value) if value == int(value) else value


def _in_force(service: Service, variable: str | None, wanted: float) -> float | None:
    """The variable's value in the service's containers: one that differs from what is wanted, where any does."""
    if variable is None:
        return None
    values = [container.numbers.get(variable) for container in service.containers]
    other = [value for value in values if value != wanted]
    return other[0] if other else wanted if values else None


def _grace(service: Service) -> float | None:
    """The shortest time that one of its containers has to stop."""
    known = [
        container.stop_grace_seconds for container in service.containers if container.stop_grace_seconds is not None
    ]
    return min(known, default=None)


def _connection_findings(
    decisions: tuple[Decision, ...], service: Service, host: HostObservation, policy: Policy
) -> Iterator[Finding]:
    """X-13: more processes open more connections where each has a pool of its own."""
    processes = next((decision for decision in decisions if decision.resource == "worker_processes"), None)
    if processes is None or processes.verdict is not Verdict.RAISE or not processes.current or not processes.granted:
        return
    limit = host.postgres.settings.get("max_connections") if host.postgres else None
    most = int(limit.value) if limit else policy.scaling.connections.maximum
    usable = most - policy.postgres.superuser_reserved
    each = math.ceil(policy.scaling.connections.per_api_instance * processes.granted / processes.current)
    opened = each * service.instances
    if opened > usable:
        yield Finding(
            rule="X-13",
            severity=Severity.MAJOR,
            rule_class=RuleClass.WARN,
            subject=service.name,
            sentence=f"{processes.granted:g} processes of {service.instances} instances of {service.name} may open"
            f" {opened} connections where {usable} can be, if each process has a pool of its own.",
            numbers={"opened_connections": opened, "usable_connections": usable},
            resolution="Make the pool of a process smaller, or put a pooler in between.",
        )


def _grace_findings(decisions: tuple[Decision, ...], service: Service) -> Iterator[Finding]:
    for decision in decisions:
        if decision.resource == STOP_GRACE and decision.verdict is Verdict.REFUSED:
            wanted = float(decision.numbers["wanted"])
            yield Finding(
                rule="workers.grace_margin",
                severity=Severity.MAJOR,
                rule_class=RuleClass.WARN,
                subject=service.name,
                sentence=f"Containers of {service.name} are killed {decision.current or 0:g} s after they were asked to"
                f" stop, and their longest task may take longer; {wanted:g} s are needed.",
                numbers={"stop_grace_seconds": decision.current or 0.0, "needed_seconds": wanted},
                resolution=f"Set stop_grace_period: {wanted:g}s in the app's Compose file. Whatever this program"
                " recreates gets that time already.",
            )
