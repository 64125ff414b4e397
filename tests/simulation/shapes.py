"""Shapes: a small shop as its team deploys it, drawn or plain, and the Plans of operations on it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import yaml

from plugins.module_utils.compose.files_in_force import files_in_force
from selextract_infra.model.plan import Plan, Step
from tests.simulation.compose_program import parsed
from tests.simulation.control import HOST, POLICY
from tests.simulation.host import SimulatedHost

__all__ = [
    "BEFORE",
    "IN_ANY_ORDER",
    "OPERATIONS",
    "PROJECT",
    "Shape",
    "deploy",
    "deploy_again",
    "drawn_shape",
    "odd_shape",
    "plain_shape",
    "world_plan",
]

PROJECT = "shop"
_MIB = 2**20
_MIGRATED, _DEPLOYED = 5.0, 3600.0  # seconds
_KNOWN_AS = {
    "settle": "rightsize", "settle_api": "rightsize", "tune_workers": "tune workers", "pgbouncer_on": "pgbouncer",
    "pgbouncer_off": "pgbouncer", "pgbouncer_taken_away": "pgbouncer", "tune_postgres": "tune postgres",
    "tune_postgres_by_restart": "tune postgres", "restart_postgres": "restart postgres",
    "tune_redis": "tune redis",
}  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """How the team deploys: the content of its Compose file, and of a second one where it has one."""

    services: dict[str, dict[str, Any]]
    override: dict[str, dict[str, Any]] | None = None
    uses: dict[str, int] = field(default_factory=dict)

    @property
    def never_out(self) -> set[str]:
        """The services of which another instance can run beside the last one."""
        return {
            name
            for name in ("api", "worker")
            if not any(self.services[name].get(key) for key in ("volumes", "container_name", "ports"))
        }


def plain_shape() -> Shape:
    """An API in two instances, a worker, a scheduler, a database, a proxy."""
    return Shape(
        {
            "api": {
                "image": "shop/api:1", "scale": 2, "healthcheck": {"test": "true"}, "mem_limit": 256 * _MIB,
                "cpus": 0.5, "environment": {
                    "DATABASE_URL": "postgresql://shop@db:5432/shop", "PGPASSWORD": "secret", "WEB_CONCURRENCY": "2",
                },
                "depends_on": {"db": {}, "migrate": {}}, "restart": "unless-stopped",
            },
            "worker": {
                "image": "shop/worker:1", "command": "celery worker", "environment": {"CONCURRENCY": "2"},
                "depends_on": {"db": {}}, "restart": "always",
                "deploy": {"resources": {"limits": {"memory": 256 * _MIB}}},
            },
            "beat": {
                "image": "shop/worker:1", "command": "celery beat", "container_name": "shop-beat", "cpus": 0.2,
                "mem_limit": 128 * _MIB, "restart": "unless-stopped", "volumes": ["/var/run/beat"],
            },
            "db": {
                "image": "postgres:16", "healthcheck": {"test": "pg_isready"}, "mem_limit": 512 * _MIB,
                "volumes": ["data:/var/lib/postgresql/data"], "restart": "unless-stopped",
            },
            "migrate": {"image": "shop/api:1", "command": "migrate"},
            "proxy": {"image": "nginx:1", "ports": ["80:80"], "restart": "unless-stopped", "mem_limit": 64 * _MIB},
        },
        uses={"api": 100 * _MIB, "worker": 80 * _MIB, "beat": 30 * _MIB, "db": 200 * _MIB, "proxy": 10 * _MIB},
    )  # fmt: skip


def shape_for(operation: str) -> Shape:
    """The plain one, with what the operation is about besides."""
    shape = plain_shape()
    if operation == "tune_redis":
        shape.services["cache"] = {
            "image": "redis:7", "command": "redis-server /data/redis.conf", "volumes": ["cache:/data"],
            "restart": "always", "mem_limit": 256 * _MIB, "healthcheck": {"test": "redis-cli ping"},
        }  # fmt: skip
    return shape


def drawn_shape(draw: random.Random) -> Shape:
    """A shape from the same forms: instances, limits in either form or none, health checks, places that are fixed."""
    services = plain_shape().services
    for name in ("api", "worker"):
        service = services[name]
        for key in ("mem_limit", "cpus", "deploy", "healthcheck", "scale"):
            service.pop(key, None)
        form = draw.choice(("service", "deploy", "none", "reserved"))
        memory = draw.choice((192, 256, 384)) * _MIB
        if form == "deploy":
            service["deploy"] = {"resources": {"limits": {"memory": memory, "cpus": "0.5"}}}
        elif form != "none":
            service["mem_limit"] = memory
            service.update(draw.choice(({}, {"cpus": 0.5}, {"memswap_limit": memory})))
        if form == "reserved":
            service["mem_reservation"] = 128 * _MIB
        if draw.random() < 0.6:
            service["healthcheck"] = {"test": "true"}
        count = draw.choice((1, 1, 2, 3))
        if draw.random() < 0.5:
            service["scale"] = count
        else:
            service.setdefault("deploy", {})["replicas"] = count
        if draw.random() < 0.2:
            service["volumes"] = ["/cache"]
    if draw.random() < 0.3:
        services["api"].pop("restart", None)
    override = {"api": {"environment": {"DEBUG": "0"}}} if draw.random() < 0.3 else None
    return Shape(services, override, plain_shape().uses)


def odd_shape(draw: random.Random) -> Shape:
    """A drawn one in which a service has a place that only one can have, or comes back otherwise after a boot."""
    shape = drawn_shape(draw)
    name = draw.choice(("api", "worker"))
    service = shape.services[name]
    form = draw.choice(("name", "port", "data", "by hand", "always", "no variables"))
    if form in ("name", "port"):
        service.pop("scale", None)
        (service.get("deploy") or {}).pop("replicas", None)
        service.update({"container_name": f"the-{name}"} if form == "name" else {"ports": ["9000:9000"]})
    elif form == "data":
        service["volumes"] = [f"{name}-data:/srv/data"]
        service.pop("scale", None)
        (service.get("deploy") or {}).pop("replicas", None)
    elif form == "no variables":
        service.pop("environment", None)
    else:
        service["restart"] = "no" if form == "by hand" else "always"
    return shape


def deploy(host: SimulatedHost, shape: Shape) -> None:
    """Let the team bring it up."""
    images = {*(str(service["image"]) for service in shape.services.values()), str(POOLER["image"])}
    for number, image in enumerate(sorted(images), start=1):
        identity = f"sha256:{number:064x}"
        config = {"Env": ["PATH=/bin"]}
        host.engine.images[identity] = {"Id": identity, "RepoTags": [image], "RepoDigests": [], "Config": config}
    host.engine.networks.add(f"{PROJECT}_default")
    host.engine.uses = dict(shape.uses)
    files = [("compose.yml", shape.services), *([("compose.override.yml", shape.override)] if shape.override else [])]
    for name, services in files:
        (host.project / name).write_text(yaml.safe_dump({"services": services}), encoding="utf-8")
    deploy_again(host)
    host.clock.sleep(_DEPLOYED)


def deploy_again(host: SimulatedHost) -> None:
    """The team's own ``up -d`` with the files that Compose finds there now."""
    files = [str(host.project / name) for name in files_in_force(str(host.project))]
    off, host.boundaries.off = host.boundaries.off, True
    host.compose.up(PROJECT, str(host.project), files)
    host.clock.sleep(_MIGRATED)
    migrated = host.engine.names[f"{PROJECT}-migrate-1"]
    migrated["State"].update({"Status": "exited", "Running": False, "Pid": 0})
    host.boundaries.off = off


def world_plan(host: SimulatedHost, operation: str, draw: random.Random | None = None) -> Plan:
    """The Plan of an operation for the host as it is now."""
    steps = OPERATIONS[operation](host, draw or random.Random(0))
    return Plan(
        operation=_KNOWN_AS.get(operation, operation),
        made_at=datetime(2026, 1, 1, tzinfo=UTC), made_by="a test", policy_digest=POLICY, observation_digest="",
        hosts=(HOST,),
        steps=tuple(
            Step(
                id=name, title=f"Do {name}", playbook=f"selextract.infra.{playbook}", hosts=(HOST,),
                values={HOST: values}, verification="", rollback="", estimate_seconds=60, rollback_seconds=300,
                timeout_seconds=900,
            )
            for name, playbook, values in steps
        ),
    )  # fmt: skip


Steps = list[tuple[str, str, dict[str, Any]]]


def _common(host: SimulatedHost) -> dict[str, Any]:
    return {
        "project": PROJECT, "directory": str(host.project), "health": ["http://api/health"], "gate_seconds": 60.0,
        "settling_seconds": 1.0, "shrink_margin": 0.1, "policy_digest": POLICY, "answering": [],
    }  # fmt: skip


def _instances(host: SimulatedHost, service: str) -> list[dict[str, Any]]:
    return [
        one for one in host.compose._instances(PROJECT, service) if not str(one["Name"]).startswith(("/selextract-",))
    ]


def _capacity(host: SimulatedHost) -> dict[str, Any]:
    """What our file says now."""
    for name in ("compose.override.yml", "compose.capacity.yml"):
        path = host.project / name
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if text.startswith("# Written by selextract-infra:"):
            return dict(parsed(text).get("services") or {})
    return {}


def _limits(host: SimulatedHost, service: str, memory: int, cpus: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """The limits as values, and as our file says them, in the form that the app uses."""
    defined = parsed((host.project / "compose.yml").read_text(encoding="utf-8"))["services"][service]
    in_deploy = "resources" in (defined.get("deploy") or {})
    known = dict(_capacity(host).get(service) or {})
    if in_deploy:
        limits = {"memory": str(memory), "cpus": str(cpus)}
        deploy_keys = {**(known.get("deploy") or {}), "resources": {"limits": limits}}
        written = {**known, "deploy": deploy_keys, "memswap_limit": memory}
    else:
        written = {**known, "mem_limit": memory, "memswap_limit": memory, "cpus": cpus}
    return {"memory": memory, "swap": memory, "cpus": cpus, "form": ""}, written


def _rightsize(host: SimulatedHost, draw: random.Random) -> Steps:
    services, capacity = {}, _capacity(host)
    for service in draw.sample(("api", "worker", "beat", "proxy"), 2):
        memory = draw.choice((160, 320, 512)) * _MIB
        services[service], capacity[service] = _limits(host, service, memory, draw.choice((0.4, 0.8, 1.0)))
    return [("rightsize", "rightsize", {**_common(host), "services": services, "capacity": {"services": capacity}})]


def _settle_of(host: SimulatedHost, service: str, variables: list[str]) -> list[dict[str, Any]]:
    names = [str(one["Name"])[1:] for one in _instances(host, service) if one["State"]["Running"]]
    return [{
        "service": service, "containers": names, "stop_grace": 10.0, "variables": variables,
        "replicable": service in ("api", "worker"),
    }]  # fmt: skip


def _settle_api(host: SimulatedHost, draw: random.Random) -> Steps:
    return _rightsize_and_settle(host, draw, ("api",))


def _rightsize_and_settle(
    host: SimulatedHost, draw: random.Random, services: tuple[str, ...] = ("api", "worker", "beat", "proxy")
) -> Steps:
    service = draw.choice(services)
    limits, written = _limits(host, service, draw.choice((160, 320, 512)) * _MIB, draw.choice((0.4, 0.8, 1.0)))
    capacity = {**_capacity(host), service: written}
    first = {**_common(host), "services": {service: limits}, "capacity": {"services": capacity}}
    second = {**_common(host), "services": {service: limits}, "settle": _settle_of(host, service, [])}
    return [("rightsize", "rightsize", first), (f"settle-{service}", "settle", second)]


def _scale(host: SimulatedHost, draw: random.Random) -> Steps:
    service = draw.choice(("api", "worker"))
    defined = parsed((host.project / "compose.yml").read_text(encoding="utf-8"))["services"][service]
    own = _instances(host, service)
    before, count = len(own), draw.choice([one for one in (1, 2, 3, 4) if one != len(own)])
    known = dict(_capacity(host).get(service) or {})
    if "replicas" in (defined.get("deploy") or {}):
        written = {**known, "deploy": {**(known.get("deploy") or {}), "replicas": count}}
    else:
        written = {**known, "scale": count}
    leaving = [str(one["Name"])[1:] for one in reversed(own)][: max(0, before - count)]
    values = {
        **_common(host), "service": service, "count": count, "targets": list(range(before + 1, count + 1)),
        "leaving": leaving, "drain_seconds": 20.0, "stop_grace": 10.0,
        "capacity": {"services": {**_capacity(host), service: written}},
    }  # fmt: skip
    return [("scale", "scale", values)]


def _tune_workers(host: SimulatedHost, draw: random.Random) -> Steps:
    known = dict(_capacity(host).get("worker") or {})
    environment = {**(known.get("environment") or {}), "CONCURRENCY": str(draw.choice((1, 3, 4, 6)))}
    capacity = {**_capacity(host), "worker": {**known, "environment": environment}}
    values = {
        **_common(host), "services": {"worker": {}}, "capacity": {"services": capacity},
        "settle": _settle_of(host, "worker", ["CONCURRENCY"]),
    }  # fmt: skip
    return [("workers", "tune_workers", values)]


POOLER = {
    "image": "pgbouncer:1.24", "memory": 64 * _MIB, "cpus": 0.5, "host": "pgbouncer", "port": 6432, "files": 2000,
    "server": {"service": "db", "superuser": "postgres", "socket": None, "host": "db", "port": 5432},
    "databases": {
        "shop": {"host": "db", "port": 5432, "database": "shop", "pool": 12, "reserve": 4, "most": 16, "shared": 7},
    },
    "pools": {"pool": 12, "reserve": 4, "login": 2, "shared_login": 1, "clients": 1000}, "prepared_statements": 200,
    "query_wait": 60.0, "certificate": None, "users": ["shop"], "most": 18, "minimum": "1.23",
    "services": ["api"], "variables": {"api": "DATABASE_URL"},
}  # fmt: skip
"""What PgBouncer is given."""


def _pooler_step(*, on: bool) -> tuple[str, str, dict[str, Any]]:
    values = {
        "project": PROJECT, "state": "present" if on else "absent", "wanted": POOLER if on else None, "replace": False,
        "bound_seconds": 30.0, "policy_digest": POLICY,
    }  # fmt: skip
    return "pgbouncer", "pgbouncer", values


def _led(host: SimulatedHost, address: str | None) -> Steps:
    """The API is led to that address, by its files and then by its instances; None for the one in its own files."""
    capacity = _capacity(host)
    known = dict(capacity.pop("api", {}))
    environment = {
        name: text for name, text in (known.pop("environment", None) or {}).items() if name != "DATABASE_URL"
    }
    environment.update({"DATABASE_URL": address} if address else {})
    known.update({"environment": environment} if environment else {})
    capacity.update({"api": known} if known else {})
    files = {**_common(host), "services": {}, "recreated": {}, "capacity": {"services": capacity}}
    again = {**_common(host), "services": {"api": {}}, "settle": _settle_of(host, "api", ["DATABASE_URL"])}
    return [("addresses", "rightsize", files), ("settle-api", "settle", again)]


def _pgbouncer_on(host: SimulatedHost, _draw: random.Random) -> Steps:
    return [_pooler_step(on=True), *_led(host, "postgresql://shop@pgbouncer:6432/shop")]


def _pgbouncer_off(host: SimulatedHost, _draw: random.Random) -> Steps:
    return [*_led(host, None), _pooler_step(on=False)]


def _pgbouncer_taken_away(host: SimulatedHost, _draw: random.Random) -> Steps:
    """Its last step alone: the files lead past it, and instances that still point to it are led back first."""
    files, _ = _led(host, None)
    return [files, _pooler_step(on=False)]


_SERVER = {"project": PROJECT, "service": "db", "superuser": "postgres"}


def _tune_postgres(host: SimulatedHost, _draw: random.Random) -> Steps:
    return [_settings_step(host, {"work_mem": "8192", "random_page_cost": "1.1"}, restart=False)]


def _tune_postgres_by_restart(host: SimulatedHost, _draw: random.Random) -> Steps:
    return [_settings_step(host, {"shared_buffers": "32768", "work_mem": "8192"}, restart=True)]


def _settings_step(host: SimulatedHost, settings: dict[str, str], *, restart: bool) -> tuple[str, str, dict[str, Any]]:
    text = "".join(f"{name} = {value}\n" for name, value in settings.items())
    values = {
        **_common(host), **_SERVER, "text": text, "settings": settings, "memory": 512 * _MIB, "restart": restart,
    }  # fmt: skip
    return "postgres", "tune_postgres", values


def _restart_postgres(host: SimulatedHost, _draw: random.Random) -> Steps:
    return [("restart", "restart_postgres", {**_common(host), "server": dict(_SERVER)})]


def _tune_redis(host: SimulatedHost, _draw: random.Random) -> Steps:
    settings = {"maxmemory": str(128 * _MIB), "maxmemory-policy": "volatile-lru"}
    act = {
        "project": PROJECT, "service": "cache", "settings": settings, "rewrite": True, "memory": 256 * _MIB,
        "bound_seconds": 60.0,
    }  # fmt: skip
    acts = [{"name": "redis_settings", "title": "Put the settings into force", "values": act}]
    return [("redis", "carry", {**_common(host), "services": {"cache": {}}, "acts": acts})]


BEFORE = {
    "pgbouncer_off": "pgbouncer_on", "pgbouncer_taken_away": "pgbouncer_on", "restart_postgres": "pgbouncer_on",
}  # fmt: skip
"""What has to be done already for an operation."""

OPERATIONS: dict[str, Callable[[SimulatedHost, random.Random], Steps]] = {
    "rightsize": _rightsize,
    "settle": _rightsize_and_settle,
    "settle_api": _settle_api,
    "scale": _scale,
    "tune_workers": _tune_workers,
    "pgbouncer_on": _pgbouncer_on,
    "pgbouncer_off": _pgbouncer_off,
    "pgbouncer_taken_away": _pgbouncer_taken_away,
    "tune_postgres": _tune_postgres,
    "tune_postgres_by_restart": _tune_postgres_by_restart,
    "restart_postgres": _restart_postgres,
    "tune_redis": _tune_redis,
}
IN_ANY_ORDER = (
    "rightsize",
    "settle",
    "settle_api",
    "scale",
    "tune_workers",
    "tune_postgres",
    "tune_postgres_by_restart",
    "restart_postgres",
)
"""Those that random sequences draw."""
