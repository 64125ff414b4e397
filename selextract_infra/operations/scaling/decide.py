"""How many instances a service may have when somebody asks: inside its bounds, on its host, within the connections.

A person is told what does not fit and is never given something else instead: what cannot be done is refused, with the
number that could. The autoscaler and an emergency ask the same room.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from selextract_infra.assess.mapped_role import roles_on
from selextract_infra.assess.room import Room
from selextract_infra.assess.scaled_service import ScaledService
from selextract_infra.assess.scaling_inputs import database_side, host_size, scaled_services
from selextract_infra.assess.service import fixed_identity
from selextract_infra.assess.singleton import singletons_on
from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.model.decision import Decision, Verdict
from selextract_infra.model.figures import count, printable
from selextract_infra.model.observation import HostObservation, Observation, ServiceDefinition

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["SCALED_ROLES", "decide_scale"]

SCALED_ROLES = {"api": "HAPI-01", "worker": "HWRK-01"}
"""The roles whose instances are counted, and the item that bounds them."""

_BALANCING = "LB-03"


def decide_scale(
    observation: Observation,
    policy: Policy,
    wanted: Mapping[str, int],
    *,
    hosts: Collection[str] | None = None,
    overrides: Collection[str] = (),
) -> tuple[Decision, ...]:
    """A Decision for each of the ``wanted`` services; those that lose instances come first, since they make room.

    ``overrides`` are rules that the operator overrides: X-09 (CPU), X-13 (connections), LB-03 (no balancer), HAPI-01
    and HWRK-01 (bounds). Raises ``UsageError`` for a service that is not known, ``RefusedError`` where a rule forbids a
    count: memory has no override.
    """
    if not wanted:
        raise UsageError("Nothing was asked for.", remedy="name services with their counts: scale api=4 worker=6")
    places = {name: _place(observation, policy, name, hosts) for name in wanted}
    for name, host in places.items():
        _refuse_unscalable(host, policy, name, wanted[name], overrides)
    decisions: list[Decision] = []
    for host in observation.hosts:
        mine = {name: number for name, number in wanted.items() if places[name].name == host.name}
        decisions += _of_host(host, policy, mine, overrides)
    return tuple(
        sorted(decisions, key=lambda decision: (decision.verdict is not Verdict.LOWER, decision.host, decision.service))
    )


def _place(observation: Observation, policy: Policy, name: str, hosts: Collection[str] | None) -> HostObservation:
    """The one host that the service runs on."""
    mapped = policy.application.services
    if name not in mapped:
        raise UsageError(
            f"{printable(name[:60])} is not mapped.", remedy=f"map it, or name one of {', '.join(mapped) or 'none'}"
        )
    project = policy.application.project or ""
    running = [
        host for host in observation.hosts
        if (hosts is None or host.name in hosts) and host.problem is None and host.containers_of(project, name)
    ]  # fmt: skip
    if len(running) == 1:
        return running[0]
    where = ", ".join(host.name for host in running)
    raise RefusedError(
        f"{name} runs on {where}, and a count is for one host." if running else f"{name} runs on none of the hosts.",
        rule="mapping",
        remedy="narrow the hosts with --limit" if running else "start it once, with the app's own `docker compose up`",
    )


def _refuse_unscalable(
    host: HostObservation, policy: Policy, name: str, number: int, overrides: Collection[str]
) -> None:
    mapped = policy.application.services[name].role
    role = roles_on(host, policy).get(name, mapped)
    if role not in SCALED_ROLES:
        known = " and ".join(SCALED_ROLES)
        by = "by what runs in it" if role != mapped else "in the policy"
        raise RefusedError(f"{name} has the role {role} {by}; instances are counted of {known}.", rule="mapping")
    item, bounds = SCALED_ROLES[role], getattr(policy.scaling, role).instances
    if number < 1:
        raise UsageError(f"{name} cannot have {number} instances.")
    if not bounds.minimum <= number <= bounds.maximum and item not in overrides:
        raise RefusedError(
            f"{name} may have {bounds.minimum} to {bounds.maximum} instances, not {number} ({item}).",
            rule=item,
            override=f"--override {item}",
            remedy=f"ask for {min(max(number, bounds.minimum), bounds.maximum)}, or override it with --override {item}",
        )
    alone = singletons_on(host, policy).get(name)
    if number > 1 and alone is not None:
        raise RefusedError(f"{name} is not scaled: {alone}.", rule="single", remedy="leave it at one instance")
    what = fixed_identity(_definition(host, policy, name))
    if number > 1 and what is not None:
        raise RefusedError(
            f"{name} has {what} in the app's Compose files, which only one instance can have.",
            rule="compose",
            remedy="take it out of the app's Compose file",
        )


def _definition(host: HostObservation, policy: Policy, name: str) -> ServiceDefinition:
    project = host.project(policy.application.project or "")
    if project is None or project.unwritable:
        raise RefusedError(
            (project.unwritable if project else None) or f"{host.name} has no such project.", rule="compose"
        )
    definition = next((service for service in project.services if service.name == name), None)
    if definition is None:
        raise RefusedError(f"{name} is not in the Compose files that are in force on {host.name}.", rule="compose")
    return definition


def _of_host(
    host: HostObservation, policy: Policy, wanted: Mapping[str, int], overrides: Collection[str]
) -> list[Decision]:
    services = {service.name: service for service in scaled_services(host, policy)}
    leaving = [name for name, number in wanted.items() if number < services[name].count]
    for name in wanted:
        _refuse_unbalanced(host, services[name], wanted[name], overrides)
    # What is taken away first makes room for what is added after it.
    room = Room(
        [
            replace(service, count=wanted[service.name]) if service.name in leaving else service
            for service in services.values()
        ],
        [host_size(host, policy)],
        policy,
        database=database_side(host, policy),
        overrides=overrides,
    )
    return [_decision(services[name], number, room) for name, number in wanted.items()]


def _refuse_unbalanced(host: HostObservation, service: ScaledService, number: int, overrides: Collection[str]) -> None:
    """Without a balancer of ours, requests are lost with an instance of the API that leaves."""
    balancer = host.traffic.balancer
    balanced = balancer is not None and balancer.running and balancer.service == service.name
    if service.role != "api" or number == service.count or balanced or _BALANCING in overrides:
        return
    raise RefusedError(
        f"No balancer of ours stands before {service.name} on {host.name}, so requests would be lost ({_BALANCING}).",
        rule=_BALANCING,
        override=f"--override {_BALANCING}",
        remedy=f"selextract-infra balancer on, or override it with --override {_BALANCING}",
    )


def _decision(service: ScaledService, number: int, room: Room) -> Decision:
    item = SCALED_ROLES[service.role]
    if number > service.count:
        granted, reasons = room.take(service, number)
        if granted < number:
            _refuse_crowding(service, number, granted, reasons)
    verdict = Verdict.KEEP if number == service.count else Verdict.RAISE if number > service.count else Verdict.LOWER
    return Decision(
        host=service.host,
        project=service.project,
        service=service.name,
        resource="instances",
        verdict=verdict,
        rule=item,
        current=service.count,
        requested=number,
        granted=number,
        why=f"{count(number, 'instance')} of {service.name} {'is' if number == 1 else 'are'} asked for.",
        numbers={"memory_bytes": service.memory or 0, "cores": service.cpus or 0},
    )


def _refuse_crowding(service: ScaledService, number: int, granted: int, reasons: Collection[str]) -> None:
    sentence = "; ".join(reasons)
    rule = next((known for known in ("X-11", "X-09", "X-13") if f"({known})" in sentence), "compose")
    override = f"--override {rule}" if rule in ("X-09", "X-13") else None
    most = f"ask for {granted}" if granted > service.count else "make room first"
    raise RefusedError(
        f"{number} instances of {service.name} do not fit, at most {granted}: {sentence}.",
        rule=rule,
        override=override,
        remedy=f"{most}, or override it with {override}" if override else most,
    )
