"""The Plan of PgBouncer: on, retuned, its process replaced, off; and the app led to it and back. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from selextract_infra.decide.pooler import pooler_sizes
from selextract_infra.decide.pooling import Clients, plan_connections, refuse_overdrawn
from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.model.decision import Decision, Verdict
from selextract_infra.model.observation import HostObservation, Observation
from selextract_infra.model.plan import CostChange, Plan, Step
from selextract_infra.model.pooler import AppAddress, PoolerLook
from selextract_infra.plan.pgbouncer_steps import PoolerSite, pgbouncer_steps
from selextract_infra.plan.project_on_host import project_on_host
from selextract_infra.plan.read_balancer_files import ALIAS

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["OPERATION", "pgbouncer_off", "pgbouncer_on", "rebuilt_pgbouncer"]

OPERATION = "pgbouncer"

_FREE = CostChange(sentence="It runs on a server that is there already; the bill stays.")
_READ_ONLY = "_ro"
_SITES = TypeAdapter(dict[str, PoolerSite])


def pgbouncer_on(
    seen: Observation,
    looks: Mapping[str, PoolerLook],
    policy: Policy,
    *,
    replace: bool = False,
    at: datetime | None = None,
    made_by: str = "",
    overrides: Collection[str] = (),
) -> Plan:
    """The Plan that puts PgBouncer up beside the app, or gives it its present settings, and leads the app to it.

    ``replace`` asks for a new process in any case. Empty where all of it is so already. Raises ``RefusedError`` where
    its connections do not fit (X-13), where nothing says how a service finds its database (mapping), where the database
    is elsewhere.
    """
    sites, decisions = {}, []
    for name, host, look in _hosts(seen, looks, policy):
        _refuse_version(look, policy)
        addresses = _led_addresses(name, look, policy)
        wanted = _wanted(name, host, look, addresses, policy, overrides)
        text = {service: {address.variable: address.text} for service, address in addresses.items()}
        needed = replace or not look.running or look.stale or look.installed != wanted
        sites[name] = _site(host, look, policy, wanted=wanted, put_up=needed, variables=text, led=True)
        decisions += _decisions(name, look, wanted, addresses, needed=needed, replace=replace)
    return _plan(seen, policy, sites, decisions, at, made_by, overrides, switch="on", replace=replace)


def pgbouncer_off(
    seen: Observation,
    looks: Mapping[str, PoolerLook],
    policy: Policy,
    *,
    at: datetime | None = None,
    made_by: str = "",
    overrides: Collection[str] = (),
) -> Plan:
    """The Plan that leads the app back to its database and then takes PgBouncer away.

    Raises ``RefusedError`` where the app's own connections would not fit into Postgres (X-13).
    """
    sites, decisions = {}, []
    for name, host, look in _hosts(seen, looks, policy):
        if look.installed is None and not look.led:
            continue
        maximum = look.server.maximum if look.server else None
        direct = plan_connections(_clients(host, policy), policy, maximum=maximum)
        refuse_overdrawn(direct, overrides)
        variables = {
            service: {variable: None}
            for service, mapped in policy.application.services.items()
            if (variable := mapped.environment.dsn)
        }
        sites[name] = _site(
            host, look, policy, wanted=look.installed, put_up=look.installed is not None, variables=variables, led=False
        )
        if look.installed is not None:
            decisions.append(
                Decision(
                    host=name, project=policy.application.project or "", service="pgbouncer", resource="pooling",
                    verdict=Verdict.SET, rule="LB-08", current_text="on", granted_text="off",
                    why=f"asked for; {direct.sentence}",
                )
            )  # fmt: skip
    return _plan(seen, policy, sites, decisions, at, made_by, overrides, switch="off", replace=False)


def rebuilt_pgbouncer(said: Plan, policy: Policy) -> tuple[Step, ...]:
    """The steps of a saved Plan, from its parameters. Raises ``UsageError`` where these do not fit."""
    parameters = said.parameters
    try:
        sites = _SITES.validate_python(parameters.get("sites"))
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "sites"
        raise UsageError(f"The plan's parameters do not fit PgBouncer: {where}: {first['msg']}.") from problem
    return pgbouncer_steps(
        sites,
        policy,
        switch="off" if parameters.get("switch") == "off" else "on",
        replace=bool(parameters.get("replace")),
    )


def _hosts(
    seen: Observation, looks: Mapping[str, PoolerLook], policy: Policy
) -> list[tuple[str, HostObservation, PoolerLook]]:
    """The hosts where the app and its database run. Raises ``RefusedError`` where there is none."""
    project = policy.application.project
    if project is None:
        raise _unmapped("The policy does not map the app's Compose project")
    found = []
    for name, look in sorted(looks.items()):
        host = seen.host(name)
        there = host.project(project) if host else None
        if host is None or there is None or host.problem or look.server is None:
            continue
        problem = there.unwritable or look.problem or look.server.problem
        if problem:
            raise RefusedError(f"{name}: {problem}", rule="LB-08", remedy="nothing was touched")
        found.append((name, host, look))
    if not found:
        raise _unmapped(
            f"On no host a container of project {project} runs whose service is mapped to the role database"
        )
    return found


def _refuse_version(look: PoolerLook, policy: Policy) -> None:
    if look.image_problem:
        raise RefusedError(
            look.image_problem,
            rule="X-66",
            remedy="pull the image, or name one in the policy: pgbouncer.container.image",
        )
    minimum, version = policy.pgbouncer.needs.hitless_restart, look.image_version
    if version is not None and _parts(version) < _parts(minimum):
        raise RefusedError(
            f"PgBouncer {version} is too old: {minimum} is the first whose process is replaced without loss and that"
            " keeps prepared statements in transaction pooling (X-66).",
            rule="X-66",
            remedy="name a newer image in the policy: pgbouncer.container.image",
        )


def _parts(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def _led_addresses(name: str, look: PoolerLook, policy: Policy) -> dict[str, AppAddress]:
    """The addresses of the services that are to go through PgBouncer, all of one server; refuses what cannot be led."""
    clients = [service for service, mapped in policy.application.services.items() if mapped.role in ("api", "worker")]
    for service in clients:
        if policy.application.services[service].environment.dsn is None:
            raise _unmapped(f"The policy does not say by which variable {service} finds its database")
    addresses = {
        service: address for service, address in look.addresses.items() if service in policy.application.services
    }
    if not addresses:
        raise _unmapped(f"On {name} no service that the policy maps says where its database is")
    for service, address in addresses.items():
        if address.problem or address.text is None:
            raise RefusedError(
                f"{address.variable} of {service} on {name} cannot lead it to PgBouncer: {address.problem}.",
                rule="mapping",
                remedy="change it in the app's Compose files; nothing was touched",
            )
    if len({(address.host, address.port) for address in addresses.values()}) > 1:
        raise RefusedError(f"The services on {name} use databases on different servers.", rule="LB-08")
    return addresses


def _wanted(
    name: str,
    host: HostObservation,
    look: PoolerLook,
    addresses: Mapping[str, AppAddress],
    policy: Policy,
    overrides: Collection[str],
) -> dict[str, Any]:
    """Everything that PgBouncer on a host is given; nothing secret is in it."""
    rules = policy.pgbouncer.container
    first = next(iter(addresses.values()))
    service, mapped = next(iter(policy.application.services_of("database").items()))
    if first.host != service and look.server is not None:
        container = next((one for one in host.containers_of(policy.application.project or "", service)), None)
        if container is None or first.host not in (container.name, "127.0.0.1"):
            raise RefusedError(
                f"The app on {name} finds its database at another place than the service {service}.", rule="LB-08"
            )
    if look.server is None or look.server.maximum is None:
        raise RefusedError(f"How many connections Postgres on {name} takes is not known.", rule="X-13")
    databases = sorted({str(address.database) for address in addresses.values()})
    sizes = pooler_sizes(
        policy,
        maximum=look.server.maximum,
        reserved=look.server.reserved or 0,
        databases=len(databases),
        clients=_clients(host, policy),
        overrides=overrides,
    )
    place: dict[str, Any] = {"host": first.host, "port": first.port}
    reads: dict[str, Any] = {"host": ALIAS, "port": policy.replication.ports.reads} if look.balanced else place
    aliases = {}
    for database in databases:
        aliases[database] = {**place, "database": database, **_pool(sizes.pool, sizes.reserve, sizes.shared)}
        readonly = _pool(sizes.readonly, 0, sizes.shared_readonly)
        aliases[database + _READ_ONLY] = {**reads, "database": database, **readonly}
    return {
        "image": rules.image,
        "memory": rules.memory,
        "cpus": rules.cpus,
        "host": rules.host,
        "port": rules.port,
        "files": sizes.clients * 2,
        "minimum": policy.pgbouncer.needs.hitless_restart,
        "server": {
            **place,
            "service": service,
            "superuser": mapped.postgres.superuser,
            "socket": mapped.postgres.socket,
        },
        "services": sorted(addresses),
        "users": sorted({address.user for address in addresses.values() if address.user}),
        "databases": aliases,
        "pools": {
            "pool": sizes.pool,
            "reserve": sizes.reserve,
            "login": sizes.login,
            "shared_login": sizes.shared_login,
            "clients": sizes.clients,
        },
        "most": sizes.most,
        "prepared_statements": rules.prepared_statements,
        "query_wait": rules.query_wait,
        "certificate": {"certificate": rules.certificate, "key": rules.key} if rules.certificate else None,
    }


def _pool(pool: int, reserve: int, shared: int) -> dict[str, int]:
    return {"pool": pool, "reserve": reserve, "most": pool + reserve, "shared": shared}


def _clients(host: HostObservation, policy: Policy) -> Clients:
    counts = dict.fromkeys(("api", "worker"), 0)
    for service, mapped in policy.application.services.items():
        if mapped.role in counts:
            counts[mapped.role] += len(host.containers_of(policy.application.project or "", service))
    return Clients(counts["api"], counts["worker"], surge=1)


def _site(
    host: HostObservation,
    look: PoolerLook,
    policy: Policy,
    *,
    wanted: dict[str, Any] | None,
    put_up: bool,
    variables: Mapping[str, Mapping[str, str | None]],
    led: bool,
) -> PoolerSite:
    project = host.project(policy.application.project or "")
    if project is None:
        raise _unmapped(f"{host.name} has no project of the app")
    there = project_on_host(host, project, policy.application.services, None, ())
    recreate = {
        service: tuple(name for name in on_host.containers if (name in look.led) is not led)
        for service, on_host in there.services.items()
        if service in variables
    }
    return PoolerSite(
        project=there,
        wanted=wanted,
        put_up=put_up,
        variables={service: dict(values) for service, values in variables.items() if service in there.services},
        recreate={service: names for service, names in recreate.items() if names},
    )


def _decisions(
    name: str,
    look: PoolerLook,
    wanted: Mapping[str, Any],
    addresses: Mapping[str, AppAddress],
    *,
    needed: bool,
    replace: bool,
) -> list[Decision]:
    before = int(look.installed["most"]) if look.installed else None
    pools = wanted["pools"]
    aliases = ", ".join(sorted(wanted["databases"]))
    why = (
        f"{pools['clients']:,} clients share {pools['pool']} connections and {pools['reserve']} in reserve to each"
        f" database; never more than {wanted['most']} in all. Databases: {aliases}"
    )
    made = [
        Decision(
            host=name, service="pgbouncer", resource="pooling", verdict=Verdict.SET if needed else Verdict.KEEP,
            rule="X-13", current=before, granted=wanted["most"],
            current_text=None if look.installed is None else "on",
            granted_text="on, new process" if replace else "on, new settings" if needed and look.installed else "on",
            why=why, numbers={"clients": pools["clients"], "pool_connections": pools["pool"]},
        )
    ]  # fmt: skip
    for service, address in sorted(addresses.items()):
        done = f"{wanted['host']}:{wanted['port']}"
        made.append(
            Decision(
                host=name, service=service, resource="database", verdict=Verdict.SET, rule="LB-08",
                current_text=f"{address.host}:{address.port}", granted_text=done,
                why=f"{address.variable} leads it through PgBouncer; its password stays the reference that it is",
            )
        )  # fmt: skip
    return made


def _plan(
    seen: Observation,
    policy: Policy,
    sites: Mapping[str, PoolerSite],
    decisions: list[Decision],
    at: datetime | None,
    made_by: str,
    overrides: Collection[str],
    *,
    switch: str,
    replace: bool,
) -> Plan:
    steps = pgbouncer_steps(sites, policy, switch=switch, replace=replace)
    return Plan(
        operation=OPERATION,
        parameters={
            "switch": switch,
            "replace": replace,
            "sites": {name: site.model_dump(mode="json") for name, site in sites.items()},
        },
        made_at=at or seen.at,
        made_by=made_by,
        policy_digest=policy.digest,
        observation_digest=seen.digest,
        host_digests={name: seen.host_digests[name] for name in sites},
        hosts=tuple(sites),
        decisions=tuple(decisions) if steps else (),
        steps=steps,
        cost=_FREE,
        overrides=tuple(sorted(overrides)),
    )


def _unmapped(what: str) -> RefusedError:
    return RefusedError(f"{what}.", rule="mapping", remedy="map it in selextract_policy: application")
