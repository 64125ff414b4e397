"""A case: a request, an observation in short form, and what is to come of it. `README.md` says how one is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from selextract_infra.model.decision import Decision
from selextract_infra.model.history import ContainerHistory
from selextract_infra.model.observation import ContainerObservation, Observation, Usage
from selextract_infra.model.plan import Plan
from selextract_infra.model.postgres_observation import PostgresObservation, PostgresSetting
from selextract_infra.model.traffic import BalancerObservation, RedisObservation, TrafficObservation
from selextract_infra.policy import Policy, load_policy
from selextract_infra.policy.units import MemoryBytes
from tests.unit.seen import container, definition, history, host, observation

__all__ = ["Case", "cases_of", "differences"]

_BYTES = TypeAdapter(MemoryBytes)
_DAY = 86400.0
_ROLES = {"postgres": "database"}


class Part(BaseModel):
    """A part of a case; a key that is not known is a mistake."""

    model_config = ConfigDict(extra="forbid")


class Instance(Part):
    """One container. What is left out is as the service says."""

    memory: MemoryBytes | None = None
    cpus: float | None = None
    uses_memory: MemoryBytes | None = None
    uses_cpus: float | None = None
    state: str = "running"
    health: str | None = None
    oom_killed: bool = False
    project: str | None = None
    one_off: bool = False
    pool: str | None = None
    variables: dict[str, float] = Field(default_factory=dict)
    stop_grace_seconds: float | None = None


class Week(Part):
    """What the sampler recorded of a service up to now."""

    days: float = 7.0
    memory: MemoryBytes = 100 << 20
    cpus: float = 0.1
    oom_kills: int = 0


class ServiceOnPaper(Instance):
    """A service: what each instance has, how many there are or what is different in each, and what the app says."""

    role: str | None = None
    instances: int | list[Instance] = 1
    week: Week | None = None
    files: dict[str, Any] = Field(default_factory=dict)
    mapping: dict[str, Any] = Field(default_factory=dict)


class HostOnPaper(Part):
    """The size of the host."""

    memory: MemoryBytes = 32 << 30
    cpus: int = 8


class Expected(Part):
    """What has to come of it: decisions and steps, or the refusal."""

    decisions: dict[str, dict[str, Any]] = Field(default_factory=dict)
    steps: list[str] | None = None
    findings: list[str] = Field(default_factory=list)
    refused: str | None = None
    rule: str | None = None
    override: str | None = None


class Case(Part):
    """Everything that stands in one ``case.yml``."""

    says: str
    request: dict[str, Any] = Field(default_factory=dict)
    policy: dict[str, Any] = Field(default_factory=dict)
    host: HostOnPaper = HostOnPaper()
    services: dict[str, ServiceOnPaper]
    beside: dict[str, Instance] = Field(default_factory=dict)
    balancer: str | None = None
    pending_tasks: int | None = None
    max_connections: int | None = None
    expect: Expected

    @classmethod
    def read(cls, path: Path) -> Case:
        """The case in a file."""
        return cls.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))

    def rules(self) -> Policy:
        """The guide with the services mapped, and what the case overrides."""
        mapping = {
            name: {"role": service.role or _ROLES.get(name, name), **service.mapping}
            for name, service in self.services.items()
        }
        application = {"project": "selextract", "directory": "/opt/selextract", "services": mapping}
        return load_policy({"application": application, **self.policy})

    def observation(self) -> Observation:
        """One host with these services, as the hosts of tests are made."""
        containers, histories = [], []
        for name, service in self.services.items():
            containers += list(_containers(name, service))
            histories += list(_histories(name, service))
        containers += [_stranger(name, instance) for name, instance in self.beside.items()]
        definitions = [definition(name, **service.files) for name, service in self.services.items()]
        return observation(
            host(
                containers, histories, definitions=definitions, memory=self.host.memory, cpus=self.host.cpus,
                traffic=self._traffic(), postgres=self._postgres(),
            )
        )  # fmt: skip

    def _traffic(self) -> TrafficObservation:
        traffic = TrafficObservation()
        if self.balancer is not None:
            balancer = BalancerObservation(project="selextract", service=self.balancer)
            traffic = traffic.model_copy(update={"balancer": balancer})
        if self.pending_tasks is not None:
            redis = RedisObservation(project="selextract", service="redis", queued=self.pending_tasks, reserved=0)
            traffic = traffic.model_copy(update={"redis": redis})
        return traffic

    def _postgres(self) -> PostgresObservation | None:
        if self.max_connections is None:
            return None
        settings = {"max_connections": PostgresSetting(value=str(self.max_connections))}
        return PostgresObservation(
            project="selextract", service="postgres", container="selextract-postgres-1", settings=settings
        )


def _containers(name: str, service: ServiceOnPaper) -> Iterator[ContainerObservation]:
    each = service.instances if isinstance(service.instances, list) else [Instance()] * service.instances
    for number, instance in enumerate(each, 1):
        own = {key: getattr(instance, key) for key in instance.model_fields_set}
        yield _container(name, number, service.model_copy(update=own))


def _container(name: str, number: int, instance: Instance) -> ContainerObservation:
    made = container(
        name, number=number, memory=instance.memory, cpus=instance.cpus, use=instance.uses_memory or 50 << 20,
        cpu_use=0.05 if instance.uses_cpus is None else instance.uses_cpus, state=instance.state,
        health=instance.health, oom_killed=instance.oom_killed, worker_pool=instance.pool,
        numbers=instance.variables, stop_grace_seconds=instance.stop_grace_seconds,
    )  # fmt: skip
    return made if instance.state == "running" else made.model_copy(update={"usage": Usage()})


def _stranger(name: str, instance: Instance) -> ContainerObservation:
    """A container that is none of the services: a stranger's, or a one-off of ``docker compose run``."""
    project = "selextract" if instance.one_off else instance.project
    update = {"name": name, "id": name, "project": project, "service": None if instance.one_off else name}
    return _container(name, 1, instance).model_copy(update=update)


def _histories(name: str, service: ServiceOnPaper) -> Iterator[ContainerHistory]:
    week = service.week
    if week is not None:
        kills = {100 + number: 1 for number in range(week.oom_kills)}
        yield history(
            name, memory=week.memory, cpu=week.cpus, seconds=week.days * _DAY, bucket=300, samples=20, oom=kills,
            limit=service.memory,
        )  # fmt: skip


def cases_of(folder: Path, operation: str) -> list[Path]:
    """The folders of an operation's cases."""
    return sorted(path.parent for path in (folder / operation).glob("*/case.yml"))


def differences(plan: Plan, expected: Expected) -> list[str]:
    """What of a Plan is not as expected, a sentence each; every change has to be expected."""
    decisions = {_name(decision): decision for decision in plan.decisions}
    missing = [name for name in expected.decisions if name not in decisions]
    found = [f"{name} is not decided; there are {', '.join(decisions)}" for name in missing]
    for name, decision in decisions.items():
        if name in expected.decisions:
            found += _differing(name, decision, expected.decisions[name])
        elif decision.changes:
            found.append(f"{name} changes from {decision.current} to {decision.granted}, which is not expected")
    titles = [step.title for step in plan.steps]
    if expected.steps is not None and titles != expected.steps:
        found.append(f"the steps are {titles}")
    sentences = "; ".join(finding.sentence for finding in plan.findings)
    return found + [f"no finding says {words!r}: {sentences}" for words in expected.findings if words not in sentences]


def _name(decision: Decision) -> str:
    return f"{decision.service} {decision.resource}".strip()


def _differing(name: str, decision: Decision, expected: Mapping[str, Any]) -> Iterator[str]:
    words = f"{decision.why} {decision.why_less or ''}"
    actual = {"from": decision.current, "to": decision.granted, "verdict": str(decision.verdict), "rule": decision.rule}
    for key, value in expected.items():
        if key == "because":
            if value not in words:
                yield f"{name}: {value!r} is not among the reasons: {words}"
        elif key not in actual:
            yield f"{name}: {key} is no key; there are {', '.join([*actual, 'because'])}"
        elif actual[key] != _read(decision.resource, key, value):
            yield f"{name}: {key} is {actual[key]}, not {value}"


def _read(resource: str, key: str, value: Any) -> Any:
    """A value as the Plan has it: an amount of memory in bytes; ``none`` is no limit."""
    if value == "none":
        return None
    return _BYTES.validate_python(value) if resource == "memory" and key in ("from", "to") else value
