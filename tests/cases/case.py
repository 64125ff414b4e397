"""A case: a request, an observation in short form, and what is to come of it. `README.md` says how one is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field

from selextract_infra.model.history import ContainerHistory
from selextract_infra.model.observation import ContainerObservation, HostFacts, HostObservation, Observation, Usage
from selextract_infra.model.traffic import BalancerObservation, RedisObservation, TrafficObservation
from selextract_infra.policy import Policy, load_policy
from tests.cases.parts import (
    Edge,
    Expected,
    HostOnPaper,
    Instance,
    Part,
    Pooler,
    PostgresOnPaper,
    PrimaryOnPaper,
    ProviderOnPaper,
    RedisOnPaper,
    ReplicaHostOnPaper,
    ServiceOnPaper,
)
from tests.cases.postgres import postgres_seen
from tests.unit.seen import container, definition, history, host, observation

__all__ = ["Case", "cases_of"]

_DAY = 86400.0
_ROLES = {"postgres": "database"}
_VARIABLE = "DATABASE_URL"
_NETWORK = "10.0.0."  # the private network of the hosts; app1 is .11 in it


class Case(Part):
    """Everything that stands in one ``case.yml``."""

    says: str
    request: dict[str, Any] = Field(default_factory=dict)
    policy: dict[str, Any] = Field(default_factory=dict)
    application: dict[str, Any] = Field(default_factory=dict)
    project: str = "selextract"
    host: HostOnPaper = HostOnPaper()
    services: dict[str, ServiceOnPaper]
    beside: dict[str, Instance] = Field(default_factory=dict)
    balancer: str | None = None
    pending_tasks: int | None = None
    max_connections: int | None = None
    postgres: PostgresOnPaper | None = None
    pgbouncer: Pooler = Pooler()
    edge: Edge | None = None
    primary: PrimaryOnPaper = PrimaryOnPaper()
    hosts: dict[str, ReplicaHostOnPaper] = Field(default_factory=dict)
    provider: ProviderOnPaper = ProviderOnPaper()
    expect: Expected

    @classmethod
    def read(cls, path: Path) -> Case:
        """The case in a file."""
        return cls.model_validate(_as_written(yaml.safe_load(path.read_text(encoding="utf-8"))))

    @property
    def directory(self) -> str:
        """Where the project lives on its host."""
        return f"/opt/{self.project}"

    @property
    def addresses(self) -> dict[str, str]:
        """The private addresses that the mapping names."""
        named = [("app1", self.primary.address), *((name, where.address) for name, where in self.hosts.items())]
        return {name: f"{_NETWORK}{number}" for number, (name, given) in enumerate(named, 11) if given}

    def rules(self, overrides: Mapping[str, Any] | None = None) -> Policy:
        """The guide with the services mapped, and what the case overrides; ``overrides`` come on top of that."""
        mapping = {name: _mapped(name, service) for name, service in self.services.items()}
        edge = {"nginx_include": f"{self.directory}/nginx.d", "upstream_variable": "api_upstream"}
        application = {
            "project": self.project,
            "directory": self.directory,
            "services": mapping,
            **({"edge": edge} if self.edge else {}),
            **({"private_addresses": self.addresses} if self.hosts else {}),
            **self.application,
        }
        return load_policy({"application": application, **self.policy, **(overrides or {})})

    def observation(self, *, capacity: dict[str, Any] | None = None, traffic: Any = None) -> Observation:
        """The hosts with these services, as the hosts of tests are made.

        ``capacity`` is what our capacity file holds, ``traffic`` what an operation sees of it in its own way.
        """
        containers, histories = [], []
        for name, service in self.services.items():
            containers += list(self._containers(name, service))
            histories += list(_histories(name, service))
        containers += [self._stranger(name, instance) for name, instance in self.beside.items()]
        definitions = [definition(name, **service.files) for name, service in self.services.items()]
        main = host(
            containers,
            histories,
            definitions=definitions,
            facts=_facts("app1", self.host),
            traffic=traffic or self._traffic(),
            programs=self._programs(),
            postgres=postgres_seen(self.project, self.databases, self.postgres, self.max_connections),
            project={"name": self.project, "directory": self.directory, "capacity_file": capacity},
        )
        others = [_other(name, where) for name, where in self.hosts.items() if where.reachable]
        unreachable = {name: "it does not answer" for name, where in self.hosts.items() if not where.reachable}
        return observation(main, *others, unreachable=unreachable)

    @property
    def databases(self) -> tuple[str, ...]:
        """The services that are databases."""
        return tuple(name for name, service in self.services.items() if _role(name, service) == "database")

    def _programs(self) -> dict[str, dict[str, Any]]:
        """What programs say of themselves, by container."""
        return {
            f"{self.project}-{name}-1": _redis_says(service.redis)
            for name, service in self.services.items()
            if service.redis is not None
        }

    def _traffic(self) -> TrafficObservation:
        traffic = TrafficObservation()
        if self.balancer is not None:
            balancer = BalancerObservation(project=self.project, service=self.balancer)
            traffic = traffic.model_copy(update={"balancer": balancer})
        if self.pending_tasks is not None:
            redis = RedisObservation(project=self.project, service="redis", queued=self.pending_tasks, reserved=0)
            traffic = traffic.model_copy(update={"redis": redis})
        return traffic

    def _containers(self, name: str, service: ServiceOnPaper) -> Iterator[ContainerObservation]:
        each = service.instances if isinstance(service.instances, list) else [Instance()] * service.instances
        for number, instance in enumerate(each, 1):
            own = {key: getattr(instance, key) for key in instance.model_fields_set}
            made = _container(name, number, service.model_copy(update=own))
            yield made.model_copy(update={"project": self.project, "name": f"{self.project}-{name}-{number}"})

    def _stranger(self, name: str, instance: Instance) -> ContainerObservation:
        """A container that is none of the services: a stranger's, or a one-off of ``docker compose run``."""
        project = self.project if instance.one_off else instance.project
        update = {"name": name, "id": name, "project": project, "service": None if instance.one_off else name}
        return _container(name, 1, instance).model_copy(update=update)


def _as_written(value: Any) -> Any:
    """YAML reads a key ``on`` as true."""
    if isinstance(value, dict):
        return {{True: "on", False: "off"}.get(key, key): _as_written(item) for key, item in value.items()}
    return value


def _role(name: str, service: ServiceOnPaper) -> str:
    return service.role or _ROLES.get(name, name)


def _mapped(name: str, service: ServiceOnPaper) -> dict[str, Any]:
    led = {"environment": {"dsn": _VARIABLE}} if service.database_url is not None else {}
    return {"role": _role(name, service), **led, **service.mapping}


def _redis_says(redis: RedisOnPaper) -> dict[str, Any]:
    words = None if redis.arguments is None else redis.arguments.split()
    return {**redis.model_dump(mode="json"), "arguments": words}


def _facts(name: str, where: HostOnPaper) -> HostFacts:
    return HostFacts(
        machine_id=name,
        memory=where.memory,
        cpus=where.cpus,
        disk_total=where.disk,
        disk_free=where.disk_free,
        network_speed=where.network,
        memory_available=where.memory_available,
        swap_used=where.swap_used,
        memory_pressure=where.memory_pressure,
        load_average=None if where.load is None else (where.load, where.load, where.load),
    )


def _other(name: str, where: ReplicaHostOnPaper) -> HostObservation:
    """Another host; what it has beside a replica is a stranger's."""
    holder = container("other", memory=where.holds or 0).model_copy(update={"project": "other"})
    return HostObservation(
        name=name, facts=_facts(where.machine or name, where), containers=(holder,) if where.holds else ()
    )


def _container(name: str, number: int, instance: Instance) -> ContainerObservation:
    made = container(
        name,
        number=number,
        memory=instance.memory,
        cpus=instance.cpus,
        use=instance.uses_memory or 50 << 20,
        cpu_use=0.05 if instance.uses_cpus is None else instance.uses_cpus,
        state=instance.state,
        health=instance.health,
        oom_killed=instance.oom_killed,
        worker_pool=instance.pool,
        store=instance.store,
        numbers=instance.variables,
        stop_grace_seconds=instance.stop_grace_seconds,
    )
    return made if instance.state == "running" else made.model_copy(update={"usage": Usage()})


def _histories(name: str, service: ServiceOnPaper) -> Iterator[ContainerHistory]:
    week = service.week
    if week is not None:
        kills = {100 + number: 1 for number in range(week.oom_kills)}
        yield history(
            name,
            memory=week.memory,
            cpu=week.cpus,
            seconds=week.days * _DAY,
            bucket=300,
            samples=20,
            oom=kills,
            limit=service.memory,
        )


def cases_of(folder: Path, operation: str) -> list[Path]:
    """The folders of an operation's cases."""
    return sorted(path.parent for path in (folder / operation).glob("*/case.yml"))
