"""The Plan of the balancer: HAProxy before the API instances, and Nginx's way to it, on or off. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from selextract_infra.assess.room import HostSize
from selextract_infra.errors import RefusedError
from selextract_infra.flow.draft import PlanDraft, PlanInput, Planner
from selextract_infra.flow.proof import proof_values
from selextract_infra.model.base import Frozen
from selextract_infra.model.decision import Decision, Verdict
from selextract_infra.model.observation import HostObservation
from selextract_infra.model.plan import Change, Step
from selextract_infra.model.traffic import OLD_FOLDER, OLD_NAME
from selextract_infra.operations.balancer.operation import BalancerRequest
from selextract_infra.templates.balancer import answer_seconds, compose_text, haproxy_text, server_options
from selextract_infra.templates.nginx import ROUTING, edge_files

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["PLANNER"]

PLAYBOOK = "selextract.infra.balancer"
_RESOURCE = "balancer"


class BalancerPlace(Frozen):
    """Where the balancer goes on one host: the network it joins, and where Nginx sees its include folder.

    ``reload``: Nginx has to read files of ours that it has not read yet. ``answer`` is how long Nginx waits for an
    answer, in seconds, None where it does not say. ``name`` is that of our Compose project, and on the app's network;
    ``folder`` is where its files are on the host.
    """

    project: str
    network: str
    inside: str
    reload: bool
    answer: float | None = None
    name: str = OLD_NAME
    folder: str = OLD_FOLDER


class BalancerParameters(BalancerRequest):
    """The request, and by host where the balancer goes."""

    places: dict[str, BalancerPlace]


def _draft(given: PlanInput[BalancerRequest, None]) -> PlanDraft:
    """Put the balancer before the API, or take it away; nothing where it is so already.

    Raises ``RefusedError`` naming what is not mapped or not there, or where its memory does not fit (X-11).
    """
    policy, on, hosts = given.policy, given.request.on, given.request.hosts
    observed = [host for host in given.observation.hosts if hosts is None or host.name in hosts]
    chosen = [host for host in observed if host.traffic.edge is not None]
    names = _mapped_names(policy)
    if not chosen:
        raise RefusedError(
            f"{names['nginx']} runs on none of the hosts, so nothing leads to a balancer.",
            rule="mapping",
            remedy="start the app, or correct the mapping",
        )
    places = {host.name: _place(host, policy, on=on) for host in chosen}
    decisions = tuple(_decision(host, places[host.name], policy, on=on) for host in chosen)
    return PlanDraft(
        parameters=BalancerParameters(**dict(given.request), places=places),
        hosts=tuple(places),
        decisions=decisions,
        steps=_balancer_steps(decisions, places, policy, on=on),
    )


def _balancer_steps(
    decisions: Collection[Decision], places: dict[str, BalancerPlace], policy: Policy, *, on: bool
) -> tuple[Step, ...]:
    """One step for all hosts where something changes."""
    going = tuple(sorted({decision.host for decision in decisions if decision.changes and decision.host in places}))
    if not going:
        return ()
    times, word = policy.scaling.instance, "on" if on else "off"
    return (
        Step(
            id=f"balancer-{word}",
            title=f"Turn the balancer {word} on {', '.join(going)}",
            playbook=PLAYBOOK,
            hosts=going,
            values={host: _values(places[host], policy, on=on) for host in going},
            changes=tuple(
                Change(host=host, subject=_RESOURCE, resource=_RESOURCE, before="off" if on else "on", after=word)
                for host in going
            ),
            verification="HAProxy and Nginx accept their files before they use them, every instance is healthy before"
            " it gets requests, and all health addresses answer.",
            rollback="Requests go the way they went before; then files and container from before are put back.",
            disrupts=on and any(places[host].reload for host in going),
            estimate_seconds=2 * times.estimate,
            rollback_seconds=times.rollback,
            timeout_seconds=times.timeout
            + max([policy.balancing.proxy.drain, *(answer_seconds(policy, places[host].answer) for host in going)]),
        ),
    )


def _mapped_names(policy: Policy) -> dict[str, str]:
    """The services that the balancer is about, by role; raises ``RefusedError`` naming what is not mapped."""
    application, names = policy.application, {}
    for role in ("api", "nginx"):
        services = application.services_of(role)
        if len(services) != 1:
            raise _unmapped(f"application.services has {len(services) or 'no'} services of the role {role}, not one")
        names[role] = next(iter(services))
    if not application.project:
        raise _unmapped("application.project is not mapped")
    if application.services[names["api"]].port is None:
        raise _unmapped(f"application.services.{names['api']}.port is not mapped: where an instance listens")
    for name, what in (("nginx_include", "Nginx's include folder"), ("upstream_variable", "how Nginx reaches the API")):
        if not getattr(application.edge, name):
            raise _unmapped(f"application.edge.{name} is not mapped: {what}")
    return names


def _unmapped(what: str) -> RefusedError:
    return RefusedError(f"{what}.", rule="mapping", remedy="map it in the policy; see docs/scaling.md")


def _place(host: HostObservation, policy: Policy, *, on: bool) -> BalancerPlace:
    edge = host.traffic.edge
    problem = None
    if edge is None or edge.problem:
        problem = edge.problem if edge else "Nginx does not run"
    elif edge.inside is None:
        problem = f"Nginx does not see the folder {edge.folder}; mount it into its container"
    elif not edge.networks:
        problem = "Nginx and the API share no network"
    if problem is not None or edge is None or edge.inside is None:
        raise RefusedError(f"{host.name}: {(problem or '').rstrip('.')}.", rule="mapping")
    if on and host.traffic.balancer is None:
        HostSize.seen(host).room("memory", policy).refuse_beyond(
            policy.balancing.proxy.memory, "the balancer", "make room, or give it less: balancing.proxy.memory"
        )
    place = BalancerPlace(
        project=edge.project,
        network=edge.networks[0],
        inside=edge.inside,
        reload=False,
        answer=edge.answer,
        name=edge.balancer_name,
        folder=edge.balancer_folder,
    )
    return place.model_copy(update={"reload": _differs(edge.files, _edge_files(policy, place), read=edge.read)})


def _decision(host: HostObservation, place: BalancerPlace, policy: Policy, *, on: bool) -> Decision:
    edge, running = host.traffic.edge, host.traffic.balancer
    routed = edge is not None and ROUTING in edge.switches
    now = running is not None and running.running and routed
    if on:
        same = now and not place.reload and running is not None and running.digest == _digest(place, policy)
        why = "The API's requests go through HAProxy to instances that are healthy (LB-01 to LB-04)."
    else:
        same = running is None and not routed
        why = "The API's requests go from Nginx to the API as the app itself sends them."
    return Decision(
        host=host.name,
        project=place.project,
        service=_mapped_names(policy)["api"],
        resource=_RESOURCE,
        verdict=Verdict.KEEP if same else Verdict.SET,
        rule="LB-02",
        current=int(now) if same or now != on else None,
        requested=int(on),
        granted=int(on),
        current_text="on" if now else "off",
        granted_text="on" if on else "off",
        why=why,
    )


def _values(place: BalancerPlace, policy: Policy, *, on: bool) -> dict[str, Any]:
    names, edge = _mapped_names(policy), policy.application.edge
    return {
        "on": on,
        "project": place.project,
        "service": names["api"],
        "nginx": names["nginx"],
        "folder": edge.nginx_include,
        "files": _edge_files(policy, place),
        "compose": compose_text(policy, place.name, place.network, place.folder, place.answer),
        "settings": _settings(place, policy),
        **proof_values(names.values(), policy),
        "gate_seconds": policy.scaling.instance.gate,
        "policy_digest": policy.digest,
    }


def _settings(place: BalancerPlace, policy: Policy) -> dict[str, Any]:
    name = _mapped_names(policy)["api"]
    port = _port(policy)
    return {
        "project": place.project,
        "service": name,
        "network": place.network,
        "port": port,
        "path": policy.balancing.health_check.path,
        "options": server_options(policy),
        "rise": policy.balancing.health_check.rise.value,
        "image": policy.balancing.proxy.image,
        "config": haproxy_text(policy, port, place.answer),
        "drain": policy.balancing.proxy.drain,
        "answer": answer_seconds(policy, place.answer),
    }


def _edge_files(policy: Policy, place: BalancerPlace) -> dict[str, str]:
    return edge_files(policy, place.inside, f"{place.name}:{_port(policy)}")


def _port(policy: Policy) -> int:
    return int(policy.application.services[_mapped_names(policy)["api"]].port or 0)


def _differs(present: dict[str, str], files: dict[str, str], *, read: bool) -> bool:
    """Whether Nginx has to read files; ``there`` has the digest of each that it has."""
    return not read or present != {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}


def _digest(place: BalancerPlace, policy: Policy) -> str:
    """What tells one balancer from another, as the host computes it."""
    content = [compose_text(policy, place.name, place.network, place.folder, place.answer), _settings(place, policy)]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _refuse_unmapped(_request: BalancerRequest, policy: Policy, _hosts: tuple[str, ...]) -> None:
    """Raise ``RefusedError`` for what is not mapped, before any host is looked at."""
    _mapped_names(policy)


PLANNER = Planner(
    parameters=BalancerParameters,
    draft=_draft,
    steps=lambda decisions, kept, policy: _balancer_steps(decisions, kept.places, policy, on=kept.on),
    refuse_request=_refuse_unmapped,
)
