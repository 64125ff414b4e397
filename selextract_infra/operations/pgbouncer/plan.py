"""The Plan of PgBouncer: on, retuned, its process replaced, off; and the app led to it and back. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace as replaced
from typing import TYPE_CHECKING, Any

from selextract_infra.assess.pooling import SURGE, Clients, plan_connections, refuse_overdrawn
from selextract_infra.assess.project_on_host import project_on_host
from selextract_infra.assess.service import app_services
from selextract_infra.errors import RefusedError
from selextract_infra.flow.draft import PlanDraft, PlanInput, Planner
from selextract_infra.model.decision import Decision, Verdict
from selextract_infra.model.observation import HostObservation, Observation
from selextract_infra.model.plan import CostChange
from selextract_infra.model.postgres_observation import ConnectionLimit
from selextract_infra.model.tuning import ConnectionPlan
from selextract_infra.operations.pgbouncer.decide import pooler_sizes
from selextract_infra.operations.pgbouncer.operation import PgbouncerRequest
from selextract_infra.operations.pgbouncer.pooler import AppAddress, PoolerLook
from selextract_infra.operations.pgbouncer.refusals import refuse_crowding, refuse_image, refuse_unreachable
from selextract_infra.operations.pgbouncer.steps import PoolerSite, pgbouncer_steps
from selextract_infra.templates.read_balancer import ALIAS

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["PLANNER"]

_FREE = CostChange(sentence="It runs on a server that is there already; the bill stays.")
_READ_ONLY = "_ro"


class PgbouncerParameters(PgbouncerRequest):
    """The request, and by host what PgBouncer is given and how the app is led."""

    sites: dict[str, PoolerSite]


_Given = PlanInput[PgbouncerRequest, Mapping[str, PoolerLook]]


def _draft(given: _Given) -> PlanDraft:
    """Put PgBouncer up beside the app and lead that to it, or lead it back and take PgBouncer away.

    Raises ``RefusedError`` where connections do not fit (X-13), where nothing says how a service finds its database
    (mapping), where the database is elsewhere.
    """
    request = given.request
    sites, decisions = _on(given) if request.switch == "on" else _off(given)
    parameters = PgbouncerParameters(**dict(request), sites=sites)
    steps = pgbouncer_steps(sites, given.policy, switch=request.switch, replace=request.replace)
    return PlanDraft(
        parameters=parameters,
        hosts=tuple(sites),
        decisions=decisions if steps else (),
        steps=steps,
        cost=_FREE,
        overrides=tuple(sorted(request.overrides)),
    )


def _on(given: _Given) -> tuple[dict[str, PoolerSite], list[Decision]]:
    """PgBouncer up, or with its present settings, and the app led to it; nothing where all of it is so already."""
    policy, replace, overrides = given.policy, given.request.replace, given.request.overrides
    sites: dict[str, PoolerSite] = {}
    decisions: list[Decision] = []
    for name, host, look in _hosts(given.observation, given.look, policy):
        refuse_image(look, policy)
        addresses = _led_addresses(name, look, policy)
        refuse_unreachable(host, addresses, policy)
        if look.installed is None:
            refuse_crowding(host, policy)
        wanted = _wanted(name, host, look, addresses, policy, overrides)
        text = {service: {address.variable: address.text} for service, address in addresses.items()}
        needed = replace or not look.running or look.stale or look.installed != wanted
        sites[name] = _site(host, look, policy, wanted=wanted, put_up=needed, variables=text, led=True)
        decisions += _decisions(name, look, sites[name], addresses, replace=replace)
    return sites, decisions


def _off(given: _Given) -> tuple[dict[str, PoolerSite], list[Decision]]:
    """The app led back to its database, and then no PgBouncer.

    Where these and PgBouncer's would not fit beside each other, PgBouncer gives its idle ones back first. Raises
    ``RefusedError`` where the app's own connections would not fit into Postgres, or are more than its role may have
    (X-13). That one instance more may be too many while it replaces another is said, but refuses nothing: so it was
    before PgBouncer came, and the way back has to be open.
    """
    policy = given.policy
    sites: dict[str, PoolerSite] = {}
    decisions: list[Decision] = []
    for name, host, look in _hosts(given.observation, given.look, policy):
        if look.installed is None and not look.led:
            continue
        maximum = look.server.maximum if look.server else None
        limit = _smallest_limit(look.addresses)
        clients = _clients(host, policy)
        rolling = plan_connections(clients, policy, maximum=maximum, limit=limit)
        direct = plan_connections(replaced(clients, surge=0), policy, maximum=maximum, limit=limit)
        refuse_overdrawn(direct, given.request.overrides, leaving_pooler=True)
        variables = {
            service: {variable: None}
            for service, mapped in policy.application.services.items()
            if (variable := mapped.environment.dsn)
        }
        sites[name] = _site(
            host, look, policy, wanted=look.installed, put_up=look.installed is not None, variables=variables, led=False
        ).model_copy(
            update={"yields": limit is not None or _crowded(look, direct.at_rest.api + direct.at_rest.workers)}
        )
        if look.installed is not None:
            decisions.append(
                Decision(
                    host=name, project=policy.application.project or "", service="pgbouncer", resource="pooling",
                    verdict=Verdict.SET, rule="LB-08", current_text="on", granted_text="off",
                    why=f"asked for; {_how_it_fits(direct, rolling)}",
                )
            )  # fmt: skip
    return sites, decisions


def _how_it_fits(direct: ConnectionPlan, rolling: ConnectionPlan) -> str:
    if rolling.fits:
        return rolling.sentence
    more = f"{rolling.opened} > {rolling.available} are possible while one instance replaces another"
    return f"{direct.sentence}; {more}"


def _smallest_limit(addresses: Mapping[str, AppAddress]) -> ConnectionLimit | None:
    """The smallest number of connections that holds for a role in one of its databases, or for a database."""
    databases: dict[str, set[str]] = {}
    for address in addresses.values():
        databases.setdefault(str(address.user), set()).add(str(address.database))
    limits = []
    for address in addresses.values():
        user = str(address.user)
        for kind, connections in address.limits.items():
            each = connections // len(databases[user]) if kind == "role" else connections
            name = user if kind == "role" else address.database
            limits.append(ConnectionLimit(subject=f"{kind} {name}", connections=each))
    return min(limits, key=lambda limit: limit.connections, default=None)


def _crowded(look: PoolerLook, opened: int) -> bool:
    """Whether the app's own connections do not fit beside PgBouncer's."""
    server = look.server
    if look.installed is None or server is None or server.maximum is None:
        return False
    return opened + int(look.installed["most"]) > server.maximum - (server.reserved or 0)


def _hosts(
    observation: Observation, looks: Mapping[str, PoolerLook], policy: Policy
) -> list[tuple[str, HostObservation, PoolerLook]]:
    """The hosts where the app and its database run. Raises ``RefusedError`` where there is none."""
    project = policy.application.project
    if project is None:
        raise _unmapped("The policy does not map the app's Compose project")
    hosts = []
    for name, look in sorted(looks.items()):
        host = observation.host(name)
        app = host.project(project) if host else None
        if host is None or app is None or host.problem or look.server is None:
            continue
        problem = app.unwritable or look.problem or look.server.problem
        if problem:
            raise RefusedError(f"{name}: {problem}", rule="LB-08", remedy="nothing was touched")
        hosts.append((name, host, look))
    if not hosts:
        raise _unmapped(
            f"On no host a container of project {project} runs whose service is mapped to the role database"
        )
    return hosts


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
        container = next((each for each in host.containers_of(policy.application.project or "", service)), None)
        if container is None or first.host != container.name:
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
        limit=_smallest_limit(addresses),
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
        "variables": {service: address.variable for service, address in sorted(addresses.items())},
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
    for service in app_services(host, policy):
        if service.role in counts:
            counts[service.role] += len(service.running)
    return Clients(counts["api"], counts["worker"], surge=SURGE)


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
    app = project_on_host(host, project, policy)
    recreate = {
        service: tuple(name for name in on_host.containers if (name in look.led) is not led)
        for service, on_host in app.services.items()
        if service in variables
    }
    return PoolerSite(
        project=app,
        wanted=wanted,
        put_up=put_up,
        variables={service: dict(values) for service, values in variables.items() if service in app.services},
        recreate={service: names for service, names in recreate.items() if names},
    )


def _decisions(
    name: str, look: PoolerLook, site: PoolerSite, addresses: Mapping[str, AppAddress], *, replace: bool
) -> list[Decision]:
    before, wanted, needed = int(look.installed["most"]) if look.installed else None, site.wanted or {}, site.put_up
    pools = wanted["pools"]
    aliases = ", ".join(sorted(wanted["databases"]))
    why = (
        f"{pools['clients']:,} clients share {pools['pool']} connections and {pools['reserve']} in reserve to each"
        f" database; never more than {wanted['most']} in all. Databases: {aliases}"
    )
    made = [
        Decision(
            host=name,
            service="pgbouncer",
            resource="pooling",
            verdict=Verdict.SET if needed else Verdict.KEEP,
            rule="X-13",
            current=before,
            granted=wanted["most"],
            current_text=None if look.installed is None else "on",
            granted_text="on, new process" if replace else "on, new settings" if needed and look.installed else "on",
            why=why,
            numbers={"clients": pools["clients"], "pool_connections": pools["pool"]},
        )
    ]
    done = f"{wanted['host']}:{wanted['port']}"
    for service, address in sorted(addresses.items()):
        led = site.led_already(service)
        made.append(
            Decision(
                host=name,
                service=service,
                resource="database",
                verdict=Verdict.KEEP if led else Verdict.SET,
                rule="LB-08",
                current_text=done if led else f"{address.host}:{address.port}",
                granted_text=done,
                why=f"{address.variable} leads it through PgBouncer; its password stays the reference that it is",
            )
        )
    return made


def _unmapped(what: str) -> RefusedError:
    return RefusedError(f"{what}.", rule="mapping", remedy="map it in selextract_policy: application")


PLANNER = Planner(
    parameters=PgbouncerParameters,
    draft=_draft,
    steps=lambda _, kept, policy: pgbouncer_steps(kept.sites, policy, switch=kept.switch, replace=kept.replace),
)
