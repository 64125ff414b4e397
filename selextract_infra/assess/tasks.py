"""The one count of a worker service's tasks, that everything decides from; and who hears that it is not known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from selextract_infra.assess.service import app_services
from selextract_infra.model.finding import Finding, RuleClass, Severity
from selextract_infra.model.traffic import RedisObservation, ServiceTasks

if TYPE_CHECKING:
    from selextract_infra.model.observation import HostObservation, Observation
    from selextract_infra.policy import Policy

__all__ = ["pending_of", "tasks_on", "uncounted_tasks"]

_NO_BROKER = "No Redis of the mapping runs there; tasks in other brokers are not counted."


def tasks_on(host: HostObservation, policy: Policy) -> tuple[ServiceTasks, ...]:
    """The tasks of each worker service that runs on the host; not known, never 0, where its broker is silent (X-29)."""
    workers = [service.name for service in app_services(host, policy) if service.role == "worker" and service.running]
    redis = host.traffic.redis
    if redis is None:
        return tuple(ServiceTasks(service=name, problem=_NO_BROKER) for name in workers)
    return tuple(redis.tasks_of(name) for name in workers)


def pending_of(tasks: ServiceTasks | RedisObservation, policy: Policy) -> int | None:
    """How many of them count as pending, as the policy says; None where that is not known (X-29)."""
    return tasks.queued if policy.scaling.worker.pending.value == "queued" else tasks.pending


def uncounted_tasks(observation: Observation, policy: Policy) -> Iterator[Finding]:
    """A finding for each worker service whose pending tasks are not known."""
    for host in observation.hosts:
        for tasks in tasks_on(host, policy) if host.problem is None else ():
            if pending_of(tasks, policy) is None:
                yield Finding(
                    rule="X-29",
                    severity=Severity.MINOR,
                    rule_class=RuleClass.REPORT,
                    subject=f"{host.name}/{tasks.service}",
                    title="Pending tasks are not known",
                    sentence=tasks.problem or "Nothing was said of them.",
                    resolution="name the system and its database in the mapping: application.services"
                    f".{tasks.service}.broker (tasks, database, prefix); without a count nothing is decided from it",
                )
