"""The steps of PgBouncer. The app is never led to where nothing answers: PgBouncer comes before it and goes after it.

Built from the sites alone, so a saved Plan gives the same steps again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field

from selextract_infra.assess.project_on_host import ProjectOnHost
from selextract_infra.errors import RefusedError
from selextract_infra.flow.limit_steps import IN_PLACE, SETTLE, common_values, settle_values
from selextract_infra.flow.proof import not_proved
from selextract_infra.model.base import Frozen
from selextract_infra.model.capacity import foreign_keys, with_environment
from selextract_infra.model.figures import count
from selextract_infra.model.plan import Change, Step

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["POOLER", "PoolerSite", "pgbouncer_steps"]

POOLER = "selextract.infra.pgbouncer"
_YIELDING_IDLE = 1  # seconds after which an idle connection to Postgres ends, while PgBouncer makes room


class PoolerSite(Frozen):
    """One host: what PgBouncer is given, whether that is to be done, how the app is led, what is to be recreated.

    ``variables`` are those to be set by service, None where the app's own value is to hold again. ``yields``: before
    instances log in to Postgres themselves, PgBouncer gives back what it does not need.
    """

    project: ProjectOnHost
    wanted: dict[str, Any] | None = None
    put_up: bool = False
    variables: dict[str, dict[str, str | None]] = Field(default_factory=dict)
    recreate: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    yields: bool = False

    def led_already(self, service: str) -> bool:
        """Whether the files and all instances of a service are as wanted, or none of it runs here."""
        variables, capacity = self.variables.get(service, {}), self.project.capacity
        return service not in self.recreate and with_environment(capacity, service, variables) == capacity

    def complaint(self, switch: str) -> str | None:
        """What of it no Plan of ours would say."""
        if foreign_keys({"services": self.project.capacity}):
            return "its capacity file holds what is not ours"
        if switch == "off":
            return None
        place = f"{(self.wanted or {}).get('host')}:{(self.wanted or {}).get('port')}/"
        texts = [text for variables in self.variables.values() for text in variables.values()]
        wrong = any(
            text is None or not text.startswith(("postgres", "jdbc:postgres")) or place not in text for text in texts
        )
        return "a service is led somewhere else" if wrong or self.wanted is None else None


def pgbouncer_steps(sites: Mapping[str, PoolerSite], policy: Policy, *, switch: str, replace: bool) -> tuple[Step, ...]:
    """On: PgBouncer, then the app's files, then its instances one at a time. Off: the other way round."""
    steps: list[Step] = []
    for host, site in sorted(sites.items()):
        complaint = site.complaint(switch)
        if complaint:
            raise RefusedError(f"{host}: {complaint}.", rule="saved plan", remedy="plan again; nothing was touched")
        pooler = list(_pooler(host, site, policy, switch=switch, replace=replace))
        app = [*_files(host, site, policy), *_instances(host, site, policy)]
        steps += [*pooler, *app] if switch == "on" else [*_yielding(host, site, policy), *app, *pooler]
    return tuple(steps)


def _pooler(host: str, site: PoolerSite, policy: Policy, *, switch: str, replace: bool) -> Iterator[Step]:
    if not site.put_up:
        return
    times, on = policy.pgbouncer.change, switch == "on"
    titles = {
        (True, True): f"Replace PgBouncer's process on {host} by a new one",
        (True, False): f"Put PgBouncer up on {host}, or give it its settings",
        (False, False): f"Take PgBouncer away from {host}, once it has no clients",
    }
    yield Step(
        id=f"pgbouncer-{host}",
        title=titles[on, on and replace],
        playbook=POOLER,
        hosts=(host,),
        values={
            host: {
                "project": site.project.project,
                "state": "present" if on else "absent",
                "wanted": site.wanted if on else None,
                "replace": replace,
                "bound_seconds": times.gate,
                "policy_digest": policy.digest,
            }
        },
        changes=(
            Change(
                host=host, subject="pgbouncer", resource="connections", before=None if on else _most(site),
                after=_most(site) if on else None,
            ),
        ),
        verification="PgBouncer answers at its port, a query goes through each database, and each user is found."
        if on
        else "Nobody was connected to it, and nothing of it is left.",
        rollback="Its settings from before are put back; it is taken away where there was none and nobody uses it."
        if on
        else "It is put up again with the settings it had.",
        estimate_seconds=times.estimate,
        rollback_seconds=times.rollback,
        timeout_seconds=times.timeout,
    )  # fmt: skip


def _yielding(host: str, site: PoolerSite, policy: Policy) -> Iterator[Step]:
    """Connections that PgBouncer keeps open and nobody uses would keep a led back instance from logging in."""
    if not site.yields or site.wanted is None:
        return
    times, wanted = policy.pgbouncer.change, yielding(site.wanted)
    yield Step(
        id=f"pgbouncer-yield-{host}",
        title=f"Let PgBouncer on {host} give back the connections that it does not use",
        playbook=POOLER,
        hosts=(host,),
        values={
            host: {
                "project": site.project.project,
                "state": "present",
                "wanted": wanted,
                "replace": False,
                "bound_seconds": times.gate,
                "policy_digest": policy.digest,
            }
        },
        changes=(
            Change(
                host=host, subject="pgbouncer", resource="connections", before=_most(site), after=int(wanted["most"]),
            ),
        ),
        verification="PgBouncer answers at its port, a query goes through each database, and each user is found.",
        rollback="Its settings from before are put back.",
        estimate_seconds=times.estimate,
        rollback_seconds=times.rollback,
        timeout_seconds=times.timeout,
    )  # fmt: skip


def yielding(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The settings under which PgBouncer leaves room: half of its pools, and idle connections end after a second."""
    databases = {
        alias: {**database, "pool": database["shared"], "reserve": 0, "most": database["shared"]}
        for alias, database in wanted["databases"].items()
    }
    most = sum(int(database["most"]) for database in databases.values()) + int(wanted["pools"]["login"])
    return {**wanted, "databases": databases, "most": most, "idle": _YIELDING_IDLE}


def _files(host: str, site: PoolerSite, policy: Policy) -> Iterator[Step]:
    """Write down where each service finds its database; nothing is restarted by that."""
    capacity: dict[str, Any] = dict(site.project.capacity)
    for service, variables in sorted(site.variables.items()):
        capacity = with_environment(capacity, service, variables)
    if capacity == site.project.capacity:
        return
    times = policy.rightsizing.in_place
    names = ", ".join(sorted(site.variables))
    yield Step(
        id=f"addresses-{host}",
        title=f"Write down for {names} on {host} where the database is",
        playbook=IN_PLACE,
        hosts=(host,),
        values={
            host: {
                **common_values(site.project, policy, times.gate),
                "services": {},
                "recreated": {},
                "capacity": {"services": capacity},
            }
        },
        changes=tuple(
            Change(
                host=host, subject=service, resource=variable,
                before="through PgBouncer" if text is None else "the database itself",
                after="the database itself" if text is None else "through PgBouncer",
            )
            for service, variables in sorted(site.variables.items())
            for variable, text in variables.items()
        ),
        verification="Compose accepts the files; all health addresses answer.",
        rollback="The files from before are put back.",
        estimate_seconds=times.estimate,
        rollback_seconds=times.rollback,
        timeout_seconds=times.timeout,
    )  # fmt: skip


def _instances(host: str, site: PoolerSite, policy: Policy) -> Iterator[Step]:
    times = policy.rightsizing.settle
    for service, names in sorted(site.recreate.items()):
        on_host = site.project.services[service]
        grace = on_host.stop_grace or 0.0
        yield Step(
            id=f"settle-{host}-{service}",
            title=f"Recreate {count(len(names), 'instance')} of {service} on {host}, one at a time",
            playbook=SETTLE,
            hosts=(host,),
            values={
                host: {
                    **common_values(site.project, policy, times.gate),
                    "services": {service: {}},
                    "settle": [settle_values(service, names, on_host.stop_grace, policy, on_host)],
                }
            },
            verification="Each new container runs and is healthy before the next one is stopped; all health addresses"
            f" answer.{not_proved([service], site.project.services, policy)}",
            rollback="The files from before are put back. Both ways to the database stay open meanwhile.",
            disrupts=len(on_host.containers) < 2 or not on_host.has_healthcheck,
            estimate_seconds=len(names) * times.estimate,
            rollback_seconds=len(names) * times.rollback,
            timeout_seconds=len(names) * (times.timeout + grace),
        )


def _most(site: PoolerSite) -> int | None:
    return int(site.wanted["most"]) if site.wanted else None
