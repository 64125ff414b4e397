"""What a Postgres server without limits may count on, and how many connections it is really asked for. Pure.

Without a limit the host's memory is everybody's: each of three servers that took all of it for its own would be tuned
for three times what there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from selextract_infra.assess.service import app_services, held_by, limit_of
from selextract_infra.model.figures import memory
from selextract_infra.model.finding import Finding, RuleClass, Severity
from selextract_infra.model.observation import ContainerObservation, HostObservation
from selextract_infra.model.postgres_observation import PostgresObservation
from selextract_infra.policy.schema.system import SystemProfile

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["connections_asked_for", "memory_beside_others", "shared_host_finding"]

_STEPS = 16  # what others use moves with every look, and settings must not follow each of its moves
_CONNECTIONS = "max_connections"


def memory_beside_others(host: HostObservation, postgres: PostgresObservation, policy: Policy) -> int:
    """What the host can give this server, in bytes: all of it less the reserve and what others hold.

    Servers without a limit share what is left in equal parts, in sixteenths of the host; a server that is alone has the
    whole host, which the guide's own reserve bounds further on.
    """
    total = host.facts.memory
    others = [container for container in host.containers if container.name != postgres.container]
    rivals = [container for container in others if _unlimited_server(container, host)]
    held = sum(held_by(container, "memory", host.facts) for container in others if container not in rivals)
    if not rivals and not held:
        return total
    left = total * (1 - policy.rightsizing.host_reserve_memory) - held
    step = max(total // _STEPS, 1)
    share = int(left / (len(rivals) + 1) // step) * step
    own = next((container for container in host.containers if container.name == postgres.container), None)
    return max(share, (own.usage.memory or 0) if own else 0, step // 2)


def _unlimited_server(container: ContainerObservation, host: HostObservation) -> bool:
    return (
        container.store == "postgres"
        and container.state == "running"
        and limit_of(container, "memory", host.facts) is None
    )


def shared_host_finding(host: HostObservation, postgres: PostgresObservation, counted: int) -> Finding | None:
    """That a server has no limit, and what is counted for it; None where it has one, or is alone on its host."""
    container = next((each for each in host.containers if each.name == postgres.container), None)
    if container is None or limit_of(container, "memory", host.facts) is not None or counted >= host.facts.memory:
        return None
    rivals = sum(1 for each in host.containers if each.name != postgres.container and _unlimited_server(each, host))
    beside = f" and {rivals} more Postgres without a limit" if rivals else ""
    return Finding(
        rule="X-01",
        severity=Severity.INFO,
        rule_class=RuleClass.PICK,
        subject=f"{host.name}/{postgres.service}",
        sentence=f"{postgres.service} has no memory limit; {memory(counted)} of the {memory(host.facts.memory)} of"
        f" {host.name} are counted, beside what its other containers hold{beside}.",
        numbers={"counted_bytes": counted, "host_bytes": host.facts.memory},
        resolution=f"selextract-infra rightsize --service {postgres.service} --memory SIZE gives it a limit of its own",
    )


def connections_asked_for(host: HostObservation, postgres: PostgresObservation, policy: Policy) -> int | None:
    """How many connections there must be, where that is the team's own; None for the guide's figure.

    As many as there may be now, unless what is open, or what the app's processes can open, asks for more: on an idle
    server more of them only take memory from each.
    """
    setting = postgres.settings.get(_CONNECTIONS)
    if policy.profile is SystemProfile.GUIDE or setting is None:
        return None
    reserved = policy.postgres.superuser_reserved
    wanted = max(postgres.connections.open, _openable(host, policy)) + reserved
    return max(int(setting.value), wanted)


def _openable(host: HostObservation, policy: Policy) -> int:
    """One connection for each process of API and workers, as far as the mapped variables say how many there are."""
    services = policy.application.services
    processes = 0.0
    for service in app_services(host, policy):
        variable = services[service.name].environment.concurrency
        if service.role in ("api", "worker") and variable is not None:
            processes += sum(container.numbers.get(variable, 0.0) for container in service.running)
    return round(processes)
